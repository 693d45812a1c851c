"""The Reports API: what one day's usage report says of every user's last use, beyond signing in.

https://developers.google.com/workspace/admin/reports/reference/rest/v1/userUsageReport/get: a day's report is
ready some days later; days are those of UTC-8; a warning says that an application's data is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, read_use
from custom_filters.core.times import format_time, parse_time
from custom_filters.custodian.store import shared
from custom_filters.gcp.client import Api, Client, Json, session_of, shared_client, shared_login
from custom_filters.gcp.errors import GoogleError

SOURCE = "reports"
USAGE = Api("admin", "reports_v1", "userUsageReport", "admin.reports.usage.readonly")
#: Signing in, also by single sign-on and by mail programs, which users.list does not tell.
PARAMETERS = (
    "accounts:last_login_time",
    "accounts:last_sso_time",
    "gmail:last_imap_time",
    "gmail:last_pop_time",
    "gmail:last_webmail_time",
)
_PACIFIC = timezone(timedelta(hours=-8))
#: How many days back a report is looked for; one that is older is late, and tells nothing.
_FRESHEST, _OLDEST = 2, 7
_PAGE = 1000
_NEVER_YEAR = 1970


@dataclass(frozen=True)
class Usage:
    """One day's report: `until` is the day's end (UTC); dates by user id and parameter.

    `problem` says why it tells nothing: there is none yet, or Google warns that data is missing.
    """

    until: datetime
    dates: Mapping[str, Mapping[str, str]]
    problem: str | None = None

    def evidence(self, user: Mapping[str, Any], now: datetime, days: int) -> tuple[Evidence, ...]:
        """What the report says of one user."""
        if self.problem:
            return (Unknown(self.problem, SOURCE, observed_at=self.until),)
        found = self.dates.get(user["id"])
        if found is None:
            return (self._absent(user, now, days),)
        return tuple(self._statements(found, _wanted(user), now))

    def _absent(self, user: Mapping[str, Any], now: datetime, days: int) -> Evidence:
        """A user who was made after the report and is younger than the threshold can't be unused anyway."""
        made = user.get("creationTime")
        if made and parse_time(made) >= self.until and now - parse_time(made) < timedelta(days=days):
            return NeverUsed(parse_time(made), SOURCE, observed_at=self.until, value="made after the report")
        reason = f"the usage report of {self._day} does not tell of this user"
        return Unknown(reason, SOURCE, observed_at=self.until)

    def _statements(
        self, found: Mapping[str, str], wanted: frozenset[str], now: datetime
    ) -> Iterator[Evidence]:
        missing = sorted(wanted - set(found))
        if missing:
            reason = f"the usage report of {self._day} lacks {', '.join(missing)}"
            yield Unknown(reason, SOURCE, observed_at=self.until)
        used = {name: text for name, text in found.items() if not text.startswith(str(_NEVER_YEAR))}
        for name, text in used.items():
            yield read_use(text, f"{SOURCE} {name}", now=now, observed_at=self.until)
        if not used and not missing:
            yield NeverUsed(None, SOURCE, observed_at=self.until)

    @property
    def _day(self) -> str:
        return f"{(self.until - timedelta(days=1)).astimezone(_PACIFIC).date()}"


def _wanted(user: Mapping[str, Any]) -> frozenset[str]:
    """Nothing is said of Gmail where there is no mailbox, as in Cloud Identity."""
    mail = user.get("isMailboxSetup") is not False
    return frozenset(name for name in PARAMETERS if mail or not name.startswith("gmail:"))


def shared_usage(manager: Any, now: datetime) -> Usage:
    """The newest report of all users, read once a run."""
    login = shared_login(manager)
    client = shared_client(manager, USAGE)
    key = ("gcp-usage", login, _today(now))
    return shared(session_of(manager), key, lambda: get_usage(client, login.customer, now))


def get_usage(client: Client, customer: str, now: datetime, user: str = "all") -> Usage:
    """The newest report that is ready, of all users or of one."""
    refused: GoogleError | None = None
    for back in range(_FRESHEST, _OLDEST + 1):
        day = _today(now) - timedelta(days=back)
        try:
            return transform_usage(day, _get_pages(client, customer, day, user))
        except GoogleError as error:
            if error.status != 400:
                raise
            refused = error  # this day is not ready yet
    reason = f"no usage report of the last {_OLDEST} days is ready ({refused})"
    return Usage(_end_of(_today(now) - timedelta(days=_OLDEST)), {}, reason)


def _get_pages(client: Client, customer: str, day: date, user: str) -> list[Json]:
    scope = {} if customer == "my_customer" else {"customerId": customer}
    pages = client.pages(
        "get",
        userKey=user,
        date=day.isoformat(),
        parameters=",".join(PARAMETERS),
        maxResults=_PAGE,
        **scope,
    )
    return list(pages)


def transform_usage(day: date, pages: list[Json]) -> Usage:
    """All pages of one day's report."""
    warned = [warning for page in pages for warning in page.get("warnings", ())]
    problem = None
    if warned:
        problem = f"Google warns of the usage report of {day}: {warned[0].get('message', 'data is missing')}"
    reports = (report for page in pages for report in page.get("usageReports", ()))
    return Usage(_end_of(day), {r["entity"]["profileId"]: _dates(r) for r in reports}, problem)


def _dates(report: Mapping[str, Any]) -> dict[str, str]:
    pairs = ((item["name"], item.get("datetimeValue")) for item in report.get("parameters", ()))
    return {name: value for name, value in pairs if value}


def _today(now: datetime) -> date:
    return now.astimezone(_PACIFIC).date()


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), _PACIFIC).astimezone(timezone.utc)


def describe(usage: Usage) -> str:
    """For `doctor`: how far the data reaches."""
    return usage.problem or f"usage is known until {format_time(usage.until)}, of {len(usage.dates)} users"
