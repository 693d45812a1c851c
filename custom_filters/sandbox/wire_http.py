"""HTTP/1.1 with keep-alive on one TLS tunnel: requests in, a WSGI application's answers out.

Werkzeug's and wsgiref's own request handlers close after each answer; pooled clients, and what they do when a
pooled connection breaks, are part of what the embedded clouds have to show.
"""

from __future__ import annotations

import io
import logging
import socketserver
import sys
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import unquote

from werkzeug.test import run_wsgi_app

if TYPE_CHECKING:
    import socket

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)
MAX_BODY = 32 * 1024 * 1024


class ConnectionDroppedError(Exception):
    """Raised by an application, before or while it yields its body: the connection just ends there."""


class BadBodyError(Exception):
    """The request's framing is wrong or its body too large; the connection can't be used further."""


class Requests(BaseHTTPRequestHandler):
    """Serves `application` as `host` on a connection whose TLS handshake is done."""

    protocol_version = "HTTP/1.1"
    timeout = 300
    wbufsize = -1

    def __init__(
        self,
        connection: socket.socket,
        client: tuple[str, int],
        server: socketserver.BaseServer,
        host: str,
        application: WSGIApplication,
    ) -> None:
        self._host = host
        self._application = application
        super().__init__(connection, client, server)

    def handle_one_request(self) -> None:
        """Reads one request, any method, and answers it; a broken connection just ends."""
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if len(self.raw_requestline) > 65536:
                self.requestline = self.request_version = self.command = ""
                self.send_error(414)
            elif not self.raw_requestline:
                self.close_connection = True
            elif self.parse_request():
                self._answer()
            self.wfile.flush()
        except ConnectionDroppedError:
            self.close_connection = True
        except OSError as error:
            log.debug("%s: the client's connection ended: %s", self._host, error)
            self.close_connection = True

    def _answer(self) -> None:
        try:
            body = self._body()
        except BadBodyError as error:
            self.close_connection = True
            self.send_error(400, str(error))
            return
        named = self.headers.get("Host", "").lower()
        if named.removesuffix(":443") != self._host:
            self.send_error(421, "Misdirected Request", f"this tunnel leads to {self._host}, not to {named}")
            return
        chunks, status, headers = run_wsgi_app(self._application, self._environ(body))
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
                self.wfile.flush()

    def _environ(self, body: bytes) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": self.path,
            "SERVER_NAME": self._host,
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = "HTTP_" + name.upper().replace("-", "_")
            if key not in {"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"}:
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise BadBodyError("Content-Length is not a number this server takes")
        return self._read(int(length))

    def _chunks(self) -> Iterable[bytes]:
        total = 0
        while True:
            size = self.rfile.readline(1024).split(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                raise BadBodyError("a chunk's size is not hexadecimal") from None
            total += length
            if length < 0 or total > MAX_BODY:
                raise BadBodyError("the chunked body is too large")
            if length == 0:
                while self.rfile.readline(65537).strip():  # trailers, which we do not use
                    pass
                return
            yield self._read(length)
            self.rfile.readline(16)

    def _read(self, length: int) -> bytes:
        data = self.rfile.read(length)
        if len(data) < length:
            raise ConnectionDroppedError
        return data

    def version_string(self) -> str:
        """The Server header."""
        return "c7n-unused-sandbox"

    def log_message(self, format: str, *args: object) -> None:
        """Requests go to the module's logger, at debug level, not to stderr."""
        log.debug("%s: %s", self._host, format % args)
