"""/auditLogs: sign-ins and directory audits, newest first.

Sources: the Graph pages "List signIns" (v1.0: interactive ones; beta: signInEventTypes too) and "List
directoryAudits". Five requests in ten seconds, for each app and tenant. Kept 30 days.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from custom_filters.sandbox.azure.odata import Answer, Call, Json
from custom_filters.sandbox.azure.people import NULL_DATE, Person, object_id
from custom_filters.sandbox.azure.tenant import Route, Tenant, text

KEPT = timedelta(days=30)


def list_sign_ins(tenant: Tenant, call: Call) -> Answer:
    """The newest sign-in of each user and kind; only /beta tells of the non-interactive ones."""
    tenant.check_license()
    rows = [row for person in tenant.directory.people.values() for row in _sign_ins(tenant, call, person)]
    kinds = "signInEventTypes" in call.query.get("$filter", "")
    return _log(tenant, call, [row for row in rows if kinds or row["isInteractive"]], "createdDateTime")


def list_audits(tenant: Tenant, call: Call) -> Answer:
    return _log(tenant, call, tenant.directory.audits, "activityDateTime")


def _log(tenant: Tenant, call: Call, rows: list[Json], date: str) -> Answer:
    tenant.check_rate("log_rate", 10)
    oldest = text(tenant.clock.now() - KEPT) or ""
    found = sorted(rows, key=lambda row: str(row[date]), reverse=True)
    return tenant.answer_list(call, [row for row in found if str(row[date]) >= oldest], dict)


def _sign_ins(tenant: Tenant, call: Call, person: Person) -> Iterator[Json]:
    lag = tenant.faults.number("log_lag") * 60
    seen = tenant.directory.people.seen(person.id, lag)
    if seen is None or seen.activity is None:
        return
    activity, good = seen.activity, seen.activity.successful
    moments = {"interactiveUser": activity.interactive, "nonInteractiveUser": activity.non_interactive}
    for kind, moment in moments.items():
        if moment is None or moment == NULL_DATE:
            continue
        failed = kind == "interactiveUser" and (good is None or good < moment)
        who = {"userId": person.id, "userPrincipalName": person.upn.lower(), "userDisplayName": person.name}
        status = {"errorCode": 50126 if failed else 0, "failureReason": "Other."}
        row: Json = {"id": object_id(kind, f"{person.id}{moment}"), "createdDateTime": text(moment), **who}
        row |= {"appDisplayName": "Office 365 SharePoint Online", "status": status}
        row |= {"isInteractive": kind == "interactiveUser"}
        yield row | ({"signInEventTypes": [kind]} if call.version == "beta" else {})


ROUTES = [
    Route("GET", "/auditLogs/signIns", list_sign_ins, [{"AuditLog.Read.All"}]),
    Route("GET", "/auditLogs/directoryAudits", list_audits, [{"AuditLog.Read.All"}]),
]
