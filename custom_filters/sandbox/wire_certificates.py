"""A throw-away certificate authority for the loopback proxy; its private key lives in memory only."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path


class Authority:
    """Signs one leaf per host; clients have to trust `ca_file`."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA(organization_name="c7n-unused sandbox")
        self.ca_file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))

    def context(self, host: str) -> ssl.SSLContext:
        """The server side TLS context that proves to be `host`, HTTP/1.1 only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self._authority.issue_cert(host).configure_cert(context)
        return context
