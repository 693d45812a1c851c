"""Reports API: userUsageReport.get, one day's figures for one user or all.

Source: Admin SDK reports_v1, userUsageReport, and the "accounts" and "gmail" parameters of appendix A. Data
of a day is ready two to three days later. Days are those of Pacific Standard Time, UTC-8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError, not_authorized, not_found
from custom_filters.sandbox.gcp.people import Person
from custom_filters.sandbox.gcp.users import NEVER

PACIFIC = timezone(timedelta(hours=-8))
LAG_DAYS = 2
Reader = Callable[[Person], "datetime | None"]
TIMES: Mapping[str, Reader] = {
    "accounts:last_login_time": lambda person: person.last_login,
    "accounts:last_sso_time": lambda person: person.last_sso,
    "gmail:last_imap_time": lambda person: person.last_imap,
    "gmail:last_pop_time": lambda person: person.last_pop,
    "gmail:last_webmail_time": lambda person: person.last_webmail,
    "gmail:last_access_time": lambda person: max(
        filter(None, (person.last_imap, person.last_pop, person.last_webmail)), default=None
    ),
}
BOOLEANS: Mapping[str, Callable[[Person], bool]] = {
    "accounts:is_suspended": lambda person: person.suspended,
    "accounts:is_archived": lambda person: person.archived,
    "accounts:is_super_admin": lambda person: person.admin,
    "accounts:is_delegated_admin": lambda person: person.delegated_admin,
}
KNOWN = frozenset({*TIMES, *BOOLEANS, "accounts:creation_time"})


def usage_report(call: Call) -> dict[str, Any]:
    """userUsageReport.get: 1,000 a page; a warning says that an application's data of that day is missing."""
    call.require_privilege("REPORTS_ACCESS")
    if call.params.get("customerId") not in (None, "my_customer", call.state.customer.id):
        raise not_authorized()
    for name in ("filters", "groupIdFilter", "orgUnitID"):
        if call.params.get(name):
            raise ApiError(501, f"The sandbox does not play {name}")
    day = _day(call)
    names = _names(call)
    until = datetime.combine(day + timedelta(days=1), time(), PACIFIC).astimezone(timezone.utc)
    part, more = call.page(lambda: _subjects(call, until), call.params.get("maxResults", 1000))
    missing = _missing(call)
    body: dict[str, Any] = {"kind": "admin#reports#usageReports", "etag": '"report"', **more}
    if part:
        kept = [name for name in names if name.partition(":")[0] not in missing]
        body["usageReports"] = [_report(call, person, day, until, kept) for person in part]
    if missing:
        body["warnings"] = [_warning(day, application) for application in sorted(missing)]
    return body


def _day(call: Call) -> date:
    text = call.params["date"]
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ApiError(400, f"Invalid request: date {text} must be of the form yyyy-mm-dd.")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ApiError(400, f"Invalid request: date {text} must be of the form yyyy-mm-dd.") from None
    today = call.now.astimezone(PACIFIC).date()
    ready = today - timedelta(days=LAG_DAYS + int(call.faults.number("reports_missing")))
    if day > today:
        raise ApiError(400, f"Start date can not be later than {today}")
    if day > ready:
        raise ApiError(
            400, f"Data for dates later than {ready} is not yet available. Please check back later"
        )
    return day


def _names(call: Call) -> list[str]:
    text = call.params.get("parameters")
    if not text:
        return sorted(KNOWN)
    names = text.split(",")
    unknown = sorted(set(names) - KNOWN)
    if unknown:
        raise ApiError(400, f"Invalid value for parameters: {unknown[0]}")
    return list(names)


def _subjects(call: Call, until: datetime) -> list[Person]:
    key = call.params["userKey"]
    if key == "all":
        everybody = (call.state.people[one] for one in call.state.ordered())
        return [person for person in everybody if person.created < until and not person.deleted]
    person = call.state.person(key)
    if person is None or person.deleted:
        raise not_found("userKey")
    return [person] if person.created < until else []


def _missing(call: Call) -> frozenset[str]:
    if not call.faults.on("reports_warnings"):
        return frozenset()
    value = call.faults.text("reports_warnings")
    return frozenset({"gmail" if value == "on" else value})


def _report(call: Call, person: Person, day: date, until: datetime, names: list[str]) -> dict[str, Any]:
    entity = {
        "type": "USER",
        "customerId": call.state.customer.id,
        "userEmail": person.email,
        "profileId": person.id,
    }
    parameters = [{"name": name, **_value(name, person, until)} for name in names]
    return {
        "kind": "admin#reports#usageReport",
        "date": day.isoformat(),
        "etag": f'"{person.id}"',
        "entity": entity,
        "parameters": parameters,
    }


def _value(name: str, person: Person, until: datetime) -> dict[str, Any]:
    if name in BOOLEANS:
        return {"boolValue": BOOLEANS[name](person)}
    moment = person.created if name == "accounts:creation_time" else TIMES[name](person)
    return {"datetimeValue": rfc3339(_as_of(person, moment, until) or NEVER, millis=True)}


def _as_of(person: Person, moment: datetime | None, until: datetime) -> datetime | None:
    """What was known at the end of that day; who was active later was most likely active shortly before."""
    if moment is None or moment < until:
        return moment
    earlier = until - timedelta(days=1 + int(person.id[-2:]) % 5)
    return earlier if earlier >= person.created else None


def _warning(day: date, application: str) -> dict[str, Any]:
    return {
        "code": "200",
        "message": f'Sorry, data for date {day} for application "{application}" is not available.',
        "data": [{"key": "date", "value": day.isoformat()}, {"key": "application", "value": application}],
    }


HANDLERS: Mapping[str, Handler] = {"admin.reports.userUsageReport.get": usage_report}
