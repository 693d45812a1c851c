"""A WSGI application on a free loopback port, with keep-alive, for as long as a `with` block lasts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR, socket
from typing import TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer

from custom_filters.sandbox.wire_http import Requests

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger(__name__)


@contextmanager
def serving(application: WSGIApplication, handler: type[Requests] = Requests) -> Iterator[str]:
    """Serves `application`, one thread a connection; gives `http://127.0.0.1:PORT`."""
    server = _Server("127.0.0.1", 0, application, handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        server.disconnect()
        thread.join()


class _Server(ThreadedWSGIServer):
    """Werkzeug's, which knows its open connections, to end them, and keeps quiet about what breaks."""

    block_on_close = False

    def __init__(self, host: str, port: int, app: WSGIApplication, handler: type[Requests]) -> None:
        self._open: set[socket] = set()
        super().__init__(host, port, app, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def disconnect(self) -> None:
        """Ends what is still open: idle keep-alive connections would hold their threads."""
        for connection in list(self._open):
            with suppress(OSError):  # the client may have closed it meanwhile
                connection.shutdown(SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """An application that raises ends its connection and is logged; the others go on."""
        log.exception("sandbox request failed")  # noqa: LOG004  # called while the error is handled
