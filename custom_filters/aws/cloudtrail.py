"""CloudTrail's event history as a last veto: management events of the named Regions, 90 days back.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html: 50 events a page; the
clients keep the pace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from custom_filters.core.times import format_time, to_utc
from custom_filters.custodian.parallel import for_each

_HISTORY_DAYS = 90


@dataclass(frozen=True)
class Trail:
    """CloudTrail clients by Region, and how far back (`days`) an event counts as use."""

    clients: Mapping[str, Any]
    days: int

    def seen(self, user: str, other_keys: Collection[str], now: datetime) -> str | None:
        """A sentence on an event of this user that none of `other_keys` made; None when there is none.

        The Regions are asked at once: each has a quota of its own.
        """
        said = for_each(lambda region: self._seen(region, user, other_keys, now), self.clients)
        return next(filter(None, said), None)

    def _seen(self, region: str, user: str, other_keys: Collection[str], now: datetime) -> str | None:
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
            page = self.clients[region].lookup_events(**pages)
            yield from page["Events"]
            if not page.get("NextToken"):
                return
            pages["NextToken"] = page["NextToken"]
