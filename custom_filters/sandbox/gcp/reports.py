"""Reports API: userUsageReport.get, one day's figures; activities.list, log-ins and tokens as they come.

Source: Admin SDK reports_v1, and the "accounts", "gmail" and "drive" parameters of appendix A. Usage of a day
is ready two to three days later; days are those of Pacific Standard Time, UTC-8. Activities lag minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, listed, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError, not_emulated, not_found
from custom_filters.sandbox.gcp.people import Person
from custom_filters.sandbox.gcp.users import NEVER

PACIFIC = timezone(timedelta(hours=-8))
LAG_DAYS = 2
KEPT = timedelta(days=180)  # activities
#: Parameter -> the fields of Person whose newest it is.
TIMES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("accounts:last_login_time", "accounts:timestamp_last_login"), ("last_login",)),
    **dict.fromkeys(("accounts:last_sso_time", "accounts:timestamp_last_sso"), ("last_sso",)),
    **dict.fromkeys(("gmail:last_imap_time", "gmail:timestamp_last_imap"), ("last_imap",)),
    **dict.fromkeys(("gmail:last_pop_time", "gmail:timestamp_last_pop"), ("last_pop",)),
    **dict.fromkeys(("gmail:last_webmail_time", "gmail:timestamp_last_webmail"), ("last_webmail",)),
    "gmail:last_access_time": ("last_imap", "last_pop", "last_webmail"),
    "gmail:timestamp_last_access": ("last_imap", "last_pop", "last_webmail"),
    "gmail:timestamp_last_interaction": ("last_webmail",),
    "drive:timestamp_last_active_usage": ("last_drive",),
}
OTHERS = frozenset({"accounts:is_suspended", "accounts:is_archived", "gmail:num_emails_sent"})
#: Application -> event, its parameters, the field of Person that it comes from.
EVENTS: Mapping[str, tuple[tuple[str, dict[str, str], str], ...]] = {
    "login": (
        ("login_success", {"login_type": "google_password"}, "last_login"),
        ("login_success", {"login_type": "saml"}, "last_sso"),
    ),
    "token": (("authorize", {"client_id": "77185425430.apps.googleusercontent.com"}, "last_token"),),
}


def usage_report(call: Call) -> dict[str, Any]:
    """userUsageReport.get: 1,000 a page; a warning says that an application's data of that day is missing."""
    call.refuse("filters", "groupIdFilter", "orgUnitID")
    call.require_privilege("REPORTS_ACCESS")
    call.check_customer(call.params.get("customerId", "my_customer"))
    day, ready = _day(call)
    names = (call.params.get("parameters") or ",".join(sorted({*TIMES, *OTHERS}))).split(",")
    if unknown := sorted(set(names) - TIMES.keys() - OTHERS):
        raise ApiError(400, f"Invalid value for parameters: {unknown[0]}")
    until = datetime.combine(day + timedelta(days=1), time(), PACIFIC).astimezone(timezone.utc)
    partial = (ready - day).days < call.faults.number("reports_partial")

    def subjects() -> list[Person]:
        found = [person for person in _asked(call) if person.created < until]
        return found[::2] if partial and len(found) > 1 else found

    part, more = call.page(subjects, call.params.get("maxResults", 1000))
    fault = call.faults.text("reports_warnings")
    missing = {"gmail" if fault == "on" else fault} if fault else set()
    kept = [name for name in names if name.partition(":")[0] not in missing]
    rows = [_report(call, person, day, until, kept) for person in part]
    answer = listed("usageReports", rows, more, kind="admin#reports#usageReports", etag='"report"')
    warned = sorted(missing | ({"gmail"} if partial else set()))
    return answer | ({"warnings": [_warning(day, name) for name in warned]} if warned else {})


def _day(call: Call) -> tuple[date, date]:
    """The day that is asked for, and the newest that is ready."""
    text = call.params["date"]
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a day has no zone
    except ValueError:
        raise ApiError(400, f"Invalid request: date {text} must be of the form yyyy-mm-dd.") from None
    today = call.now.astimezone(PACIFIC).date()
    ready = today - timedelta(days=LAG_DAYS + int(call.faults.number("reports_missing")))
    if day > today:
        raise ApiError(400, f"Start date can not be later than {today}")
    if day > ready:
        message = f"Data for dates later than {ready} is not yet available. Please check back later"
        raise ApiError(400, message)
    return day, ready


def _asked(call: Call) -> list[Person]:
    key = call.params["userKey"]
    if key == "all":
        return sorted(call.state.people.values(), key=lambda person: person.email)
    person = call.state.person(key)
    if person is None:
        raise not_found("userKey")
    return [person]


def _report(call: Call, person: Person, day: date, until: datetime, names: list[str]) -> dict[str, Any]:
    customer = call.state.customer.id
    entity = {"type": "USER", "customerId": customer, "userEmail": person.email, "profileId": person.id}
    parameters = [{"name": name, **value} for name in names if (value := _value(call, name, person, until))]
    return {
        "kind": "admin#reports#usageReport",
        "date": day.isoformat(),
        "etag": f'"{person.id}"',
        "entity": entity,
        "parameters": parameters,
    }


def _value(call: Call, name: str, person: Person, until: datetime) -> dict[str, Any]:
    """A parameter's value; empty when it is left out."""
    if name.startswith("accounts:is_"):
        return {"boolValue": person.suspended if name.endswith("suspended") else person.archived}
    if name not in TIMES:
        return {"intValue": "0"}
    moments = [_as_of(person, getattr(person, field), until) for field in TIMES[name]]
    newest = max(filter(None, moments), default=None)
    window = call.faults.number("gmail_window")
    outside = newest is None or newest < until - timedelta(days=window)
    if window and name.startswith("gmail:") and outside:
        return {}
    return {"datetimeValue": rfc3339(newest or NEVER, millis=True)}


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


def activities_list(call: Call) -> dict[str, Any]:
    """activities.list of `login` or `token`, newest first; the newest event of each kind and user is told."""
    call.refuse("filters", "actorIpAddress", "groupIdFilter", "orgUnitID")
    call.require_privilege("REPORTS_ACCESS")
    call.check_customer(call.params.get("customerId", "my_customer"))
    application = call.params["applicationName"]
    if application not in EVENTS:
        raise not_emulated(f"activities of {application}")
    start, end = (_moment(call, name) for name in ("startTime", "endTime"))
    oldest, newest = max(start or call.now - KEPT, call.now - KEPT), min(end or call.now, call.now)
    wanted, lag = call.params.get("eventName"), call.lag("activities_lag", 60)
    rows = [
        _activity(call, application, event, person, moment)
        for person in _asked(call)
        for event in EVENTS[application]
        if wanted in (None, event[0])
        for moment in _moments(call, person, event[2], lag)
        if oldest <= moment <= newest
    ]
    rows.sort(key=lambda row: str(row["id"]["time"]), reverse=True)
    part, more = call.page(lambda: rows, call.params.get("maxResults", 1000))
    return listed("items", part, more, kind="admin#reports#activities", etag='"activities"')


def _moments(call: Call, person: Person, field: str, lag: float) -> Iterator[datetime]:
    seen = call.state.people.seen(person.id, lag)
    moment = getattr(seen, field) if seen else None
    if moment:
        yield moment


def _moment(call: Call, name: str) -> datetime | None:
    text = call.params.get(name)
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def _activity(
    call: Call, application: str, event: tuple[str, dict[str, str], str], person: Person, moment: datetime
) -> dict[str, Any]:
    name, parameters, _ = event
    shown = [{"name": key, "value": value} for key, value in parameters.items()]
    return {
        "kind": "admin#reports#activity",
        "id": {
            "time": rfc3339(moment, millis=True),
            "uniqueQualifier": str(int(moment.timestamp())),
            "applicationName": application,
            "customerId": call.state.customer.id,
        },
        "etag": f'"{person.id}"',
        "actor": {"callerType": "USER", "email": person.email, "profileId": person.id},
        "events": [{"type": application, "name": name, "parameters": shown}],
    }


HANDLERS: Mapping[str, Handler] = {
    "admin.reports.userUsageReport.get": usage_report,
    "admin.reports.activities.list": activities_list,
}
