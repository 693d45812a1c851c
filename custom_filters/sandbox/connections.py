"""A threaded loopback server that knows its open connections, so that stopping it ends the idle ones."""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
from typing import Any

log = logging.getLogger(__name__)


class ConnectionServer(socketserver.ThreadingTCPServer):
    """One thread a connection; keep-alive connections that are idle end with `disconnect`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        """Listen on `address` at once."""
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection before its thread starts."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget it when its thread is done."""
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
