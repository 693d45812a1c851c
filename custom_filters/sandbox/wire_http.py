"""HTTP/1.1 with keep-alive: requests of one connection in, a WSGI application's answers out.

Werkzeug's own handler closes after each answer; pooled clients, and what they do when a pooled connection
breaks, are part of what the embedded clouds have to show.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterable

from werkzeug.serving import WSGIRequestHandler
from werkzeug.test import run_wsgi_app

log = logging.getLogger(__name__)
_answering = threading.local()


class ConnectionDroppedError(ConnectionError):
    """Raised by an application, before or while it yields its body: the connection just ends there."""


def client_port() -> int | None:
    """The port of the client whose request this thread answers; None outside of a request."""
    return getattr(_answering, "port", None)


class Requests(WSGIRequestHandler):
    """Serves `server.app` on one connection, for as long as the client keeps it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 300

    def run_wsgi(self) -> None:
        """Answers one request of any method. An application that drops the connection ends it."""
        environ = self.make_environ()
        if environ.pop("HTTP_TRANSFER_ENCODING", ""):
            body = environ["wsgi.input"].read()
        else:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # the client was killed while it wrote: half a request is none
                self.close_connection = True
                return
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ["wsgi.input_terminated"] = True
        _answering.port = self.client_address[1]
        chunks, status, headers = run_wsgi_app(self.server.app, environ)
        self._send(status, list(headers.items()), chunks)

    def _send(self, status: str, headers: list[tuple[str, str]], chunks: Iterable[bytes]) -> None:
        code, _, phrase = status.partition(" ")
        bodiless = self.command == "HEAD" or code in {"204", "304"}
        known = any(name.lower() == "content-length" for name, _ in headers)
        if not (known or bodiless):
            chunks = [b"".join(chunks)]
            headers = [*headers, ("Content-Length", str(len(chunks[0])))]
        self.send_response(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        for chunk in chunks:
            if not bodiless:
                self.wfile.write(chunk)

    def connection_dropped(self, error: BaseException, environ: object = None) -> None:
        """Ends the connection; nothing is wrong with the sandbox."""
        self.close_connection = True

    def log(self, type: str, message: str, *args: object) -> None:
        """Requests go to the module's logger, at debug level, not to stderr."""
        log.debug(message, *args)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        self.log("info", "%s %s", self.requestline, code)
