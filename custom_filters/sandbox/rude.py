"""What can happen to an answer on its way: slow, cut, garbled, or never sent. See `faults.rude`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from werkzeug.test import run_wsgi_app

from custom_filters.sandbox.faults import Faults
from custom_filters.sandbox.wire_http import ConnectionDroppedError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PAGE = b"<html><title>Sign in to the network</title></html>"


class Rude:
    """A WSGI application whose answers suffer the faults with this prefix."""

    def __init__(self, application: WSGIApplication, faults: Faults, prefix: str) -> None:
        self._application, self._faults, self._prefix = application, faults, prefix

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """One request; may raise ConnectionDroppedError, also half-way through the body."""
        writes = environ["REQUEST_METHOD"] != "GET"
        time.sleep(self._faults.number(f"{self._prefix}_slow"))
        drops = self._strikes("drop")
        if drops and writes:
            raise ConnectionDroppedError
        chunks, status, headers = run_wsgi_app(self._application, environ, buffered=True)
        body = b"".join(chunks)
        if writes and self._strikes("drop_after"):
            raise ConnectionDroppedError
        if status < "3" and self._strikes("truncated"):
            body = body[: len(body) // 2]
        if status < "3" and self._strikes("garbled"):
            body = PAGE
            headers["Content-Type"] = "text/html"
        headers["Content-Length"] = str(len(body))
        start_response(status, list(headers.items()))
        return _half(body) if drops else [body]

    def _strikes(self, name: str) -> bool:
        return self._faults.strikes(f"{self._prefix}_{name}")


def _half(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionDroppedError
