"""The way unmodified clients reach the embedded clouds: an HTTPS CONNECT proxy on loopback, a throw-away CA.

A client that honours the usual variables (`Wire.environment`) sends `CONNECT graph.microsoft.com:443` to the
proxy, does its TLS handshake with a certificate for that very name, and talks HTTP/1.1 to the WSGI
application that emulates the host. Any other host is refused with 502: nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import trustme

from custom_filters.sandbox.loopback import serving
from custom_filters.sandbox.wire_http import ConnectionDroppedError, Requests

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from typing_extensions import Self

__all__ = ["ConnectionDroppedError", "Wire"]
log = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1,localhost,::1"
TRUST = (
    "SSL_CERT_FILE",  # urllib, httpx
    "REQUESTS_CA_BUNDLE",  # requests: azure-core, msal, google-auth; botocore
    "CURL_CA_BUNDLE",
    "HTTPLIB_CA_BUNDLE",  # c7n-gcp
    "HTTPLIB2_CA_CERTS",  # httplib2
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)


class Wire:
    """Serves `hosts` over TLS, for as long as the `with` block lasts.

    connects: every host that a tunnel was opened to, in order; refused: `host:port` of every refused one;
    ca_file: the CA certificate (PEM); proxy: the URL; environment: variables for a child process.
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
        """Serves these hosts too (from the next tunnel on); one that is there already is replaced."""
        self._hosts.update({name.lower(): app for name, app in hosts.items()})

    def __enter__(self) -> Self:
        self._authority = trustme.CA(organization_name="c7n-unused sandbox")  # its key stays in memory
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="c7n-unused-wire-"))
            self.ca_file = str(Path(folder, "ca.pem"))
            self._authority.cert_pem.write_to_path(self.ca_file)
            tunnel = type("Tunnel", (_Tunnel,), {"wire": self})
            self.proxy = stack.enter_context(serving(lambda *_: (), tunnel))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """What points requests, urllib, httpx, httplib2, grpc, curl and what is built on them here.

        Only https goes through the proxy and loopback never does: http servers of this machine stay direct.
        """
        return {
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), self.proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), LOOPBACK),
            **dict.fromkeys(TRUST, self.ca_file),
        }

    def application(self, host: str) -> WSGIApplication | None:
        return self._hosts.get(host)

    def context(self, host: str) -> ssl.SSLContext:
        with self._lock:
            if host not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.set_alpn_protocols(["http/1.1"])
                self._authority.issue_cert(host).configure_cert(context)
                self._contexts[host] = context
            return self._contexts[host]


class _Tunnel(Requests):
    """One client connection: a CONNECT, then TLS, then the host's requests."""

    wire: Wire
    rbufsize = 0  # what follows the CONNECT belongs to TLS

    def do_CONNECT(self) -> None:
        self.close_connection = True
        host, _, port = self.path.lower().rpartition(":")
        application = self.wire.application(host) if port == "443" else None
        if application is None:
            self.wire.refused.append(self.path)
            self.send_error(502, "Bad Gateway", f"the sandbox does not serve {self.path}")
            return
        self.wire.connects.append(host)
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self._serve(host, application, self.wire.context(host))

    def _serve(self, host: str, application: WSGIApplication, context: ssl.SSLContext) -> None:
        raw = self.connection.dup()  # wrap_socket detaches what it is given; the proxy keeps its own handle
        try:
            secure = context.wrap_socket(raw, server_side=True)
        except OSError as error:
            log.warning("%s: no TLS with the client, which may not trust the sandbox's CA: %s", host, error)
            raw.close()
            return
        server = SimpleNamespace(
            app=application,
            ssl_context=context,
            server_address=(host, 443),
            multithread=True,
            multiprocess=False,
            _server_version="c7n-unused-sandbox",
        )
        # A client that was killed leaves an answer that can't be sent: nothing is wrong with the sandbox.
        with secure, contextlib.suppress(OSError):
            Requests(secure, self.client_address, server)  # type: ignore[arg-type]  # all that it reads of one
