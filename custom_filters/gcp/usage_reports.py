"""The Reports API: what daily usage reports say of every user's last use, beyond signing in.

https://developers.google.com/workspace/admin/reports/v1/appendix/usage/user/gmail: dates of mail reach 30
days back from the report's day, so that one report for each 30 days is read, back to the threshold; Google
keeps them for 450 days. A day's report is ready some days later; days are those of UTC-8; a warning says
that an application's data is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, Used, read_use
from custom_filters.core.judge import Rules
from custom_filters.core.times import parse_time
from custom_filters.gcp.client import Api, Client, Json, once, shared_client, shared_login
from custom_filters.gcp.errors import GoogleError, documented

SOURCE = "reports"
USAGE = Api("admin", "reports_v1", "userUsageReport", "admin.reports.usage.readonly")
#: Signing in, also by single sign-on, since the account was made; 1970 is never, and a missing one unknown.
SIGN_INS = ("accounts:last_login_time", "accounts:last_sso_time")
#: In the 30 days before the report; omitted, or 1970, it says nothing of the time before them.
LATELY = (
    "gmail:timestamp_last_imap",
    "gmail:timestamp_last_interaction",
    "gmail:timestamp_last_pop",
    "gmail:timestamp_last_webmail",
    "drive:timestamp_last_active_usage",
)
#: How many on that one day.
COUNTS = ("gmail:num_emails_sent",)
PARAMETERS = (*SIGN_INS, *LATELY, *COUNTS)
_PACIFIC = timezone(timedelta(hours=-8))
#: How many days back a complete report is looked for; data that is older is late, and tells nothing.
_FRESHEST, _OLDEST = 2, 7
_REACH = timedelta(days=30)
#: Days between two reports, the first that is complete: they overlap or touch.
_STEPS = (29, 28, 27, 26, 30)
_PAGE = 1000
_NEVER_YEAR = "1970"
_NOT_READY = 400

Values = Mapping[str, str | int]


@dataclass(frozen=True)
class Day:
    """One day's report: `until` is the day's end (UTC); values by user id and parameter.

    `problem` says why it tells nothing: it is not ready, or Google warns that data is missing.
    """

    until: datetime
    values: Mapping[str, Values]
    problem: str | None = None

    @property
    def date(self) -> date:
        """The day that it is about."""
        return (self.until - timedelta(days=1)).astimezone(_PACIFIC).date()

    @property
    def begins(self) -> datetime:
        """From when on its dates of mail tell of use."""
        return self.until - _REACH


@dataclass(frozen=True)
class Usage:
    """Reports without a gap between them, newest first; `gap` says where they end too early, and why."""

    days: tuple[Day, ...]
    gap: str | None = None

    @property
    def newest(self) -> Day:
        """The newest complete report, or the reason why there is none."""
        return self.days[0]

    def again(self, newest: Day) -> Usage:
        """With a newer reading of one user's newest report; older ones do not change."""
        return replace(self, days=(newest, *self.days))

    def evidence(self, user: Mapping[str, Any], now: datetime, rules: Rules) -> tuple[Evidence, ...]:
        """What the reports say of one user."""
        if self.newest.problem:
            return (Unknown(self.newest.problem, SOURCE, observed_at=self.newest.until),)
        if self.newest.values.get(user["id"]) is None:
            return (self._absent(user, now, rules),)
        return tuple(self._statements(user, now, rules))

    def _absent(self, user: Mapping[str, Any], now: datetime, rules: Rules) -> Evidence:
        """A user who was made after the report and is younger than the threshold can't be unused anyway."""
        made, until = _made(user), self.newest.until
        if made and made >= until and now - made < timedelta(days=rules.days):
            return NeverUsed(made, SOURCE, observed_at=until, value="made after the report")
        reason = f"the usage report of {self.newest.date} does not tell of this user"
        return Unknown(reason, SOURCE, observed_at=until)

    def _statements(self, user: Mapping[str, Any], now: datetime, rules: Rules) -> Iterator[Evidence]:
        used: dict[str, Evidence] = {}
        for day in self.days:
            for name, statement in _uses(day, day.values.get(user["id"], {}), now):
                used.setdefault(name, statement)
        yield from used.values()
        problem = self._problem(user, now, rules)
        if problem:
            yield Unknown(problem, SOURCE, observed_at=self.newest.until)
        elif not used:
            oldest, made = self.days[-1].begins, _made(user)
            since = None if made and made >= oldest else oldest
            text = f"nothing in the reports of {', '.join(str(day.date) for day in self.days)}"
            yield NeverUsed(since, SOURCE, observed_at=self.newest.until, value=text)

    def _problem(self, user: Mapping[str, Any], now: datetime, rules: Rules) -> str | None:
        """Why the reports together do not say that there was no other use back to threshold or birth."""
        newest = self.newest
        lacking = [name for name in SIGN_INS if name not in newest.values[user["id"]]]
        if lacking:
            return f"the usage report of {newest.date} lacks {', '.join(lacking)}"
        needed = max(now - _threshold(rules), _made(user) or now - _threshold(rules))
        silent = next((d for d in self.days if d.until > needed and user["id"] not in d.values), None)
        if silent:
            return f"the usage report of {silent.date} does not tell of this user"
        return self.gap if self.days[-1].begins > needed else None


def _made(user: Mapping[str, Any]) -> datetime | None:
    try:
        return parse_time(user["creationTime"])
    except (KeyError, ValueError):
        return None


def _threshold(rules: Rules) -> timedelta:
    return timedelta(days=max(rules.days, rules.grace_days, *rules.thresholds))


def _uses(day: Day, values: Values, now: datetime) -> Iterator[tuple[str, Evidence]]:
    for name, value in values.items():
        source = f"{SOURCE} {name}"
        if name in COUNTS and value:
            sent = f"{value} on {day.date}"
            yield name, Used(min(day.until, now), source, observed_at=day.until, value=sent)
        elif name not in COUNTS and not str(value).startswith(_NEVER_YEAR):
            yield name, read_use(str(value), source, now=now, observed_at=day.until)


def shared_usage(manager: Any, now: datetime, rules: Rules) -> Usage:
    """The reports of all users, read once a run."""
    customer, client = shared_login(manager).customer, shared_client(manager, USAGE)
    threshold = _threshold(rules)
    key = ("gcp-usage", _today(now), threshold)
    return once(manager, key, lambda: get_usage(client, customer, now, threshold))


def get_usage(client: Client, customer: str, now: datetime, threshold: timedelta) -> Usage:
    """The newest complete report, and as many before it as reach back over the threshold."""
    days = [get_newest(client, customer, now)]
    while days[-1].problem is None and days[-1].begins > now - threshold:
        before = _day_before(client, customer, days[-1])
        if before.problem:
            return Usage(tuple(days), before.problem)
        days.append(before)
    return Usage(tuple(days))


def get_newest(client: Client, customer: str, now: datetime, user: str = "all") -> Day:
    """The newest report that is complete, of all users or of one."""
    today = _today(now)
    days = (today - timedelta(days=back) for back in range(_FRESHEST, _OLDEST + 1))
    found = _first_complete(client, customer, days, user)
    if found.problem is None:
        return found
    problem = f"no usage report of the last {_OLDEST} days is complete ({found.problem})"
    return replace(found, values={}, problem=problem)


def _day_before(client: Client, customer: str, day: Day) -> Day:
    """The complete report about 30 days before, or the problem of the one that was asked first."""
    return _first_complete(client, customer, (day.date - timedelta(days=step) for step in _STEPS))


def _first_complete(client: Client, customer: str, days: Iterable[date], user: str = "all") -> Day:
    tried = []
    for day in days:
        tried.append(get_day(client, customer, day, user))
        if tried[-1].problem is None:
            return tried[-1]
    return tried[0]


def get_day(client: Client, customer: str, day: date, user: str = "all") -> Day:
    """One day's report; one that is not ready is a Day with a problem, any other error is raised."""
    try:
        pages = _get_pages(client, customer, day, user)
        with documented("userUsageReport.get"):
            return transform_day(day, pages)
    except GoogleError as error:
        if error.status != _NOT_READY:
            raise
        return Day(_end_of(day), {}, f"the usage report of {day} is not ready: {error.message}")


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


def transform_day(day: date, pages: list[Json]) -> Day:
    """All pages of one day's report."""
    warned = [warning for page in pages for warning in page.get("warnings", ())]
    problem = None
    if warned:
        problem = f"Google warns of the usage report of {day}: {warned[0].get('message', 'data is missing')}"
    reports = (report for page in pages for report in page.get("usageReports", ()))
    return Day(_end_of(day), {r["entity"]["profileId"]: _values(r) for r in reports}, problem)


def _values(report: Mapping[str, Any]) -> dict[str, str | int]:
    """Dates as Google writes them, and counts; a date that comes as anything else is kept, to be unknown."""
    found: dict[str, str | int] = {}
    for item in report.get("parameters", ()):
        name = item["name"]
        value = item.get("intValue", 0) if name in COUNTS else item.get("datetimeValue", _other(item))
        found[name] = int(value) if name in COUNTS else str(value)
    return found


def _other(item: Mapping[str, Any]) -> str:
    return next((str(value) for name, value in item.items() if name != "name"), "")


def _today(now: datetime) -> date:
    return now.astimezone(_PACIFIC).date()


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), _PACIFIC).astimezone(timezone.utc)
