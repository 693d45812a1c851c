"""CloudTrail's event history as a last veto: management events of the named Regions, 90 days back.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html: two requests a second for
each account and Region, 50 events a page.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from custom_filters.core.times import format_time, to_utc

_HISTORY_DAYS = 90
_INTERVAL = 0.5


@dataclass
class Pace:
    """Lets calls through no faster than one each `interval` seconds, whatever the number of threads."""

    interval: float = _INTERVAL
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        """Block until it is this caller's turn."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self.interval
        time.sleep(max(0.0, turn - time.monotonic()))


@dataclass(frozen=True)
class Trail:
    """CloudTrail clients by Region, and how far back (`days`) an event counts as use."""

    clients: Mapping[str, Any]
    days: int
    paces: Mapping[str, Pace] = field(init=False)

    def __post_init__(self) -> None:
        """Each Region has a pace of its own."""
        object.__setattr__(self, "paces", {region: Pace() for region in self.clients})

    def seen(self, user: str, other_keys: Collection[str], now: datetime) -> str | None:
        """A sentence on an event of this user that none of `other_keys` made; None when there is none."""
        for region in self.clients:
            for event in self._events(region, user, now):
                if event.get("AccessKeyId") not in other_keys:
                    at = format_time(to_utc(event["EventTime"]))
                    return f"back in use: CloudTrail of {region} has {event['EventName']} at {at}"
        return None

    def _events(self, region: str, user: str, now: datetime) -> Iterator[dict[str, Any]]:
        pages: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": user}],
            "StartTime": now - timedelta(days=min(self.days, _HISTORY_DAYS)),
            "MaxResults": 50,
        }
        while True:
            self.paces[region].wait()
            page = self.clients[region].lookup_events(**pages)
            yield from page["Events"]
            if not page.get("NextToken"):
                return
            pages["NextToken"] = page["NextToken"]
