"""The way unmodified clients reach the embedded clouds: an HTTPS CONNECT proxy on loopback, a throw-away CA.

A client that honours the usual variables (`Wire.environment`) sends `CONNECT graph.microsoft.com:443` to the
proxy, does its TLS handshake with a certificate for that very name, and talks HTTP/1.1 to the WSGI
application that plays the host. A host that nobody plays is refused with 502: nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import ssl
import tempfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

from custom_filters.sandbox.connections import ConnectionServer
from custom_filters.sandbox.wire_certificates import Authority
from custom_filters.sandbox.wire_http import ConnectionDroppedError, Requests

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIApplication
    from typing_extensions import Self

__all__ = ["ConnectionDroppedError", "Wire"]
log = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1,localhost,::1"


class Wire:
    """Plays `hosts` (`name` or `*.domain`, one label) over TLS, for as long as the `with` block lasts.

    connects: every host that a tunnel was opened to, in order; refused: `host:port` of every refused one;
    ca_file: the CA certificate (PEM); environment: variables for a child process.
    An application may raise `ConnectionDroppedError`, also while it yields its body.
    """

    def __init__(self, hosts: Mapping[str, WSGIApplication] | None = None) -> None:
        self._hosts: dict[str, WSGIApplication] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self.connects: list[str] = []
        self.refused: list[str] = []
        self.add(hosts or {})

    def add(self, hosts: Mapping[str, WSGIApplication]) -> None:
        """Plays these hosts too (from the next tunnel on); one that is there already is replaced."""
        self._hosts.update({name.lower(): app for name, app in hosts.items()})

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="c7n-unused-wire-"))  # mkdtemp makes it 0700
        self._authority = Authority(self._folder)
        self._server = _Proxy(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.disconnect()
        self._thread.join()
        shutil.rmtree(self._folder)

    @property
    def ca_file(self) -> str:
        """Path of the CA's certificate."""
        return str(self._authority.ca_file)

    @property
    def proxy(self) -> str:
        """The proxy's URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What points requests, urllib, httpx, httplib2, grpc, curl and what is built on them here.

        Only https goes through the proxy and loopback never does: http servers of this machine stay direct.
        """
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), self.proxy)
        direct = dict.fromkeys(("NO_PROXY", "no_proxy"), LOOPBACK)
        trust = (
            "SSL_CERT_FILE",  # urllib, httpx
            "REQUESTS_CA_BUNDLE",  # requests: azure-core, msal, google-auth; botocore
            "CURL_CA_BUNDLE",
            "HTTPLIB_CA_BUNDLE",  # c7n-gcp
            "HTTPLIB2_CA_CERTS",  # httplib2
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        )
        return {**proxies, **direct, **dict.fromkeys(trust, self.ca_file)}

    def application(self, host: str) -> WSGIApplication | None:
        """Who plays this host, or None."""
        return self._hosts.get(host) or self._hosts.get("*." + host.partition(".")[2])

    def context(self, host: str) -> ssl.SSLContext:
        """The TLS context for this host, made at its first use."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._authority.context(host)
            return self._contexts[host]


class _Proxy(ConnectionServer):
    def __init__(self, address: tuple[str, int], wire: Wire) -> None:
        self.wire = wire
        super().__init__(address, _Tunnel)


class _Tunnel(BaseHTTPRequestHandler):
    """One client connection: a CONNECT, then TLS, then the host's requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 300
    rbufsize = 0  # what follows the CONNECT belongs to TLS
    server: _Proxy

    def do_CONNECT(self) -> None:
        """Opens the tunnel to a host that somebody plays, port 443."""
        self.close_connection = True
        host, _, port = self.path.lower().rpartition(":")
        wire = self.server.wire
        application = wire.application(host) if port == "443" else None
        if application is None:
            wire.refused.append(self.path)
            self.send_error(502, "Bad Gateway", f"the sandbox does not play {self.path}")
            return
        wire.connects.append(host)
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        self._serve(host, application, wire.context(host))

    def _serve(self, host: str, application: WSGIApplication, context: ssl.SSLContext) -> None:
        raw = self.connection.dup()  # wrap_socket detaches what it is given; the proxy keeps its own handle
        try:
            secure = context.wrap_socket(raw, server_side=True)
        except OSError as error:
            log.warning("%s: no TLS with the client, which may not trust the sandbox's CA: %s", host, error)
            raw.close()
            return
        # A client that was killed leaves an answer that can't be sent: nothing is wrong with the sandbox.
        with secure, contextlib.suppress(ssl.SSLEOFError, ConnectionError):
            Requests(secure, self.client_address, self.server, host, application)

    def log_message(self, format: str, *args: object) -> None:
        """To the module's logger, not to stderr."""
        log.debug(format, *args)
