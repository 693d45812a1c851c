"""A WSGI application on a free loopback port, with keep-alive, for as long as a `with` block lasts."""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import ssl
import threading
from typing import TYPE_CHECKING, Any

from custom_filters.sandbox.wire_http import Requests

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIApplication
    from typing_extensions import Self

log = logging.getLogger(__name__)


class Loopback:
    """Serves `application` on 127.0.0.1, one thread a connection; `url` is where."""

    def __init__(self, application: WSGIApplication, handler: type[Requests] = Requests) -> None:
        self._application, self._handler = application, handler

    def __enter__(self) -> Self:
        self._server = _Server(self._application, self._handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.disconnect()
        self._thread.join()

    @property
    def url(self) -> str:
        """http://127.0.0.1:PORT, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class _Server(socketserver.ThreadingTCPServer):
    """What werkzeug's request handler wants of a server; it knows its open connections, to end them."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    ssl_context: ssl.SSLContext | None = None
    multithread, multiprocess = True, False
    _server_version = "c7n-unused-sandbox"

    def __init__(self, application: WSGIApplication, handler: type[Requests]) -> None:
        self.app = application
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remembers the connection before its thread starts."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forgets it when its thread is done."""
        self._open.discard(request)
        super().shutdown_request(request)

    def disconnect(self) -> None:
        """Ends what is still open: idle keep-alive connections would hold their threads."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):  # the client may have closed it meanwhile
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """An application that raises ends its connection and is logged; the others go on."""
        log.exception("sandbox request failed")  # noqa: LOG004  # called while the error is handled
