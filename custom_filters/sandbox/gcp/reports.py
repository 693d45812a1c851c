"""Reports API: userUsageReport.get, one day's figures; activities.list, log-ins and tokens as they come.

Source: Admin SDK reports_v1, and the "accounts", "gmail" and "drive" parameters of appendix A. Usage of a day
is ready two to three days later; days are those of Pacific Standard Time, UTC-8. Activities lag minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, listed, moment, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError, not_emulated, not_found
from custom_filters.sandbox.gcp.people import Person
from custom_filters.sandbox.gcp.users import NEVER

PACIFIC = timezone(timedelta(hours=-8))
LAG_DAYS = 2
KEPT = timedelta(days=180)  # activities
EMAILS = "gmail:num_emails_sent"
#: Parameter -> the field of Person that it shows.
TIMES = {
    "accounts:last_login_time": "last_login",
    "accounts:last_sso_time": "last_sso",
    "gmail:timestamp_last_imap": "last_imap",
    "gmail:timestamp_last_pop": "last_pop",
    "gmail:timestamp_last_webmail": "last_webmail",
    "gmail:timestamp_last_interaction": "last_webmail",
    "drive:timestamp_last_active_usage": "last_drive",
}
#: Application -> event, its one parameter, the field of Person that it comes from.
EVENTS = {
    "login": (
        ("login_success", ("login_type", "google_password"), "last_login"),
        ("login_success", ("login_type", "saml"), "last_sso"),
    ),
    "token": (("authorize", ("client_id", "77185425430.apps.googleusercontent.com"), "last_token"),),
}


def usage_report(call: Call) -> dict[str, Any]:
    """userUsageReport.get: 1,000 a page; a warning says that an application's data of that day is missing."""
    call.refuse("filters", "groupIdFilter", "orgUnitID")
    _check(call)
    day, ready = _day(call)
    names = call.params["parameters"].split(",")
    if unknown := sorted(set(names) - TIMES.keys() - {EMAILS}):
        raise ApiError(400, f"Invalid value for parameters: {unknown[0]}")
    until = datetime.combine(day + timedelta(days=1), time(), PACIFIC).astimezone(timezone.utc)
    found = [person for person in _asked(call) if person.created < until]
    partial = (ready - day).days < call.faults.number("reports_partial")
    if partial and len(found) > 1:
        found = found[::2]
    fault = call.faults.text("reports_warnings")
    missing = {"gmail" if fault == "on" else fault} if fault else set()
    kept = [name for name in names if name.partition(":")[0] not in missing]
    size = call.params.get("maxResults", 1000)
    answer = call.rows("usageReports", found, lambda person: _report(call, person, day, until, kept), size)
    warned = sorted(missing | ({"gmail"} if partial else set()))
    return answer | ({"warnings": [_warning(day, name) for name in warned]} if warned else {})


def _check(call: Call) -> None:
    call.require_privilege("REPORTS_ACCESS")
    call.check_customer(call.params.get("customerId", "my_customer"))


def _day(call: Call) -> tuple[date, date]:
    """The day that is asked for, and the newest that is ready."""
    day, today = date.fromisoformat(call.params["date"]), call.now.astimezone(PACIFIC).date()
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
    shown = [{"name": name, **value} for name in names if (value := _value(call, name, person, until))]
    return {"date": day.isoformat(), "entity": entity, "parameters": shown}


def _value(call: Call, name: str, person: Person, until: datetime) -> dict[str, Any]:
    """A parameter's value as of the end of that day; empty when it is left out.

    Who was active later was most likely active shortly before.
    """
    if name == EMAILS:
        return {"intValue": "0"}
    newest: datetime | None = getattr(person, TIMES[name])
    if newest and newest >= until:
        earlier = until - timedelta(days=1 + int(person.id[-2:]) % 5)
        newest = earlier if earlier >= person.created else None
    window = call.faults.number("gmail_window")
    outside = newest is None or newest < until - timedelta(days=window)
    if window and name.startswith("gmail:") and outside:
        return {}
    return {"datetimeValue": rfc3339(newest or NEVER, millis=True)}


def _warning(day: date, application: str) -> dict[str, Any]:
    message = f'Sorry, data for date {day} for application "{application}" is not available.'
    data = {"date": day.isoformat(), "application": application}
    return {"code": "200", "message": message, "data": [{"key": k, "value": v} for k, v in data.items()]}


def activities_list(call: Call) -> dict[str, Any]:
    """activities.list of `login` or `token`, newest first; the newest event of each kind and user is told."""
    call.refuse("filters", "actorIpAddress", "groupIdFilter", "orgUnitID", "endTime")
    _check(call)
    application, wanted = call.params["applicationName"], call.params.get("eventName")
    if application not in EVENTS:
        raise not_emulated(f"activities of {application}")
    start = call.params.get("startTime")
    oldest = max(moment(start), call.now - KEPT) if start else call.now - KEPT
    rows = []
    for person in _asked(call):
        seen = call.state.people.seen(person.id, call.lag("activities_lag", 60))
        for name, parameter, field in EVENTS[application]:
            at = getattr(seen, field, None)
            if at and wanted in (None, name) and oldest <= at <= call.now:
                rows.append(_activity(call, application, person, at, name, parameter))
    rows.sort(key=lambda row: str(row["id"]["time"]), reverse=True)
    part, more = call.page(rows, call.params.get("maxResults", 1000))
    return listed("items", part, more)


def _activity(
    call: Call, application: str, person: Person, at: datetime, name: str, parameter: tuple[str, str]
) -> dict[str, Any]:
    ids = {"uniqueQualifier": str(int(at.timestamp())), "customerId": call.state.customer.id}
    shown = [dict(zip(("name", "value"), parameter, strict=True))]
    return {
        "id": {"time": rfc3339(at, millis=True), "applicationName": application, **ids},
        "actor": {"callerType": "USER", "email": person.email, "profileId": person.id},
        "events": [{"type": application, "name": name, "parameters": shown}],
    }


HANDLERS: Mapping[str, Handler] = {
    "admin.reports.userUsageReport.get": usage_report,
    "admin.reports.activities.list": activities_list,
}
