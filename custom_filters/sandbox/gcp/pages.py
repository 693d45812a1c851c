"""Pages with opaque tokens that belong to one query and end after three days (Directory API, users.list)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from custom_filters.sandbox.gcp.errors import ApiError

LIFETIME = timedelta(days=3)
SIZES = frozenset({"maxResults", "pageSize", "pageToken", "fields", "prettyPrint", "alt", "quotaUser"})
Item = TypeVar("Item")


class Pages:
    """Cuts lists; remembers where each token it gave goes on."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[str, int, datetime]] = {}

    def cut(
        self, items: Sequence[Item], size: int, query: tuple[str, Mapping[str, Any]], now: datetime
    ) -> tuple[Sequence[Item], str]:
        """The page that `query` (method id, parameters) asks for and the token of the next one, or ''."""
        method, params = query
        same = repr((method, sorted((k, v) for k, v in params.items() if k not in SIZES)))
        start = self._start(params.get("pageToken"), same, now)
        end = start + size
        if end >= len(items):
            return items[start:], ""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (same, end, now)
        return items[start:end], token

    def _start(self, token: str | None, same: str, now: datetime) -> int:
        if token is None:
            return 0
        known = self._tokens.get(token)
        if known is None or known[0] != same or now - known[2] > LIFETIME:
            raise ApiError(400, "Invalid Input: pageToken")
        return known[1]
