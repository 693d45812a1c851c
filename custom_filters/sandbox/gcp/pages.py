"""Pages with opaque tokens that belong to one query and end after three days (Directory API, users.list)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from custom_filters.sandbox.gcp.errors import ApiError

LIFETIME = timedelta(days=3)
KEPT = 2_000  # tokens; the oldest go first
SIZES = frozenset({"maxResults", "pageSize", "pageToken", "fields", "prettyPrint", "alt", "quotaUser"})
Item = TypeVar("Item")


@dataclass(frozen=True)
class _Place:
    """Where a token goes on: in which query's list, which was made when its first page was asked."""

    query: str
    listing: Sequence[Any]
    start: int
    given: datetime


class Pages:
    """Cuts lists; remembers where each token it gave goes on."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def cut(
        self,
        listing: Callable[[], Sequence[Item]],
        size: int,
        query: tuple[str, Mapping[str, Any]],
        now: datetime,
    ) -> tuple[Sequence[Item], str]:
        """The page that `query` (method id, parameters) asks for and the token of the next one, or ''."""
        method, params = query
        same = repr((method, sorted((k, v) for k, v in params.items() if k not in SIZES)))
        token = params.get("pageToken")
        items, start = (listing(), 0) if token is None else self._place(token, same, now)
        end = start + size
        if end >= len(items):
            return items[start:], ""
        following = secrets.token_urlsafe(24)
        self._places[following] = _Place(same, items, end, now)
        if len(self._places) > KEPT:
            self._places.pop(next(iter(self._places)), None)
        return items[start:end], following

    def _place(self, token: str, same: str, now: datetime) -> tuple[Sequence[Any], int]:
        place = self._places.get(token)
        if place is None or place.query != same or now - place.given > LIFETIME:
            raise ApiError(400, "Invalid Input: pageToken")
        return place.listing, place.start
