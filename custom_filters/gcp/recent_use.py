"""The last hours of a user: log-ins and tokens, which the Reports API knows within minutes or hours.

https://developers.google.com/workspace/admin/reports/reference/rest/v1/activities/list: newest first, kept
for 180 days; 250 queries a minute with userKey. Sessions that go on without a new log-in or token are not
seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from custom_filters.core.evidence import Unknown, Used, read_use
from custom_filters.core.times import format_time
from custom_filters.gcp.client import Api, Client

ACTIVITIES = Api("admin", "reports_v1", "activities", "admin.reports.audit.readonly")
#: Application -> the events that are the user's own doing.
_OWN = {"login": frozenset({"login_success"}), "token": frozenset({"activity", "authorize"})}
_PAGE = 50


def get_recent_use(client: Client, customer: str, user: str, since: datetime, now: datetime) -> Used | None:
    """The newest log-in or, without one, the newest use of a token since then; raises GoogleError."""
    scope = {} if customer == "my_customer" else {"customerId": customer}
    for application, events in _OWN.items():
        found = client.items(
            "list",
            "items",
            userKey=user,
            applicationName=application,
            startTime=format_time(since.replace(microsecond=0)),
            maxResults=_PAGE,
            **scope,
        )
        used = next((item for item in found if _events(item) & events), None)
        if used:
            return _used(used, application, now)
    return None


def _events(item: Mapping[str, Any]) -> set[str]:
    return {event["name"] for event in item.get("events", ())}


def _used(item: Mapping[str, Any], application: str, now: datetime) -> Used:
    """What happened; where its date makes no sense it counts as now."""
    source = f"{application} activities"
    found = read_use(item["id"]["time"], source, now=now, observed_at=now, covers=False)
    if isinstance(found, Unknown):
        return Used(now, source, observed_at=now, value=found.value, covers=False)
    return found
