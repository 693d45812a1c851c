"""A WSGI application on a free loopback port, with keep-alive, for as long as a `with` block lasts."""

from __future__ import annotations

import logging
import socketserver
import threading
from typing import TYPE_CHECKING, Any

from custom_filters.sandbox.connections import ConnectionServer
from custom_filters.sandbox.wire_http import Requests

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from typing_extensions import Self

log = logging.getLogger(__name__)


class Loopback:
    """Serves `application` on 127.0.0.1, one thread a connection; `url` is where."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), self._application)
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
        return f"http://{self._server.host}"


class _Server(ConnectionServer):
    def __init__(self, address: tuple[str, int], application: WSGIApplication) -> None:
        self.application = application
        super().__init__(address, socketserver.BaseRequestHandler)
        self.host = f"127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        _Connection(request, client_address, self, self.host, self.application)


class _Connection(Requests):
    disable_nagle_algorithm = True

    def handle_expect_100(self) -> bool:
        """Tells the client at once to go on; buffered, the answer would come after the client's patience."""
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def _environ(self, body: bytes) -> WSGIEnvironment:
        return {
            **super()._environ(body),
            "wsgi.url_scheme": "http",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": self._host.rpartition(":")[2],
            "RAW_URI": self.path,  # moto reads the path as it was sent from here
        }
