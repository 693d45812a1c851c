"""Policy Analyzer v1: when service accounts and keys last authenticated.

Source: "View recent usage for service accounts and keys". Times are whole days at 07:00Z and about a day
late; one that did not authenticate within its observation period has a row without `lastAuthenticatedTime`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta, timezone
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError
from custom_filters.sandbox.gcp.people import Key, Project, ServiceAccount

DAY_STARTS = 7
SHORT_DAYS = 30
ACCOUNTS, KEYS = "serviceAccountLastAuthentication", "serviceAccountKeyLastAuthentication"
CLAUSE = r'activities\.full_resource_name\s*=\s*"([^"]+)"'


def activities_query(call: Call) -> dict[str, Any]:
    match = re.fullmatch(r"projects/([^/]+)/locations/global/activityTypes/([^/]+)", call.params["parent"])
    if match is None or match[2] not in (ACCOUNTS, KEYS):
        raise ApiError(400, f"Invalid parent: {call.params['parent']}")
    project = call.project(match[1], f"policyanalyzer.{match[2]}Activities.query")
    text = call.params.get("filter", "")
    wanted = re.fullmatch(CLAUSE, text)
    if text and wanted is None:
        raise ApiError(400, f"Invalid filter: {text}")
    rows = [] if call.faults.text("analyzer") == "norows" else list(_rows(call, project, match[2]))
    rows = [row for row in rows if wanted is None or row["fullResourceName"] == wanted[1]]
    return call.rows("activities", rows, dict, min(call.params.get("pageSize") or 500, 1000))


def _rows(call: Call, project: Project, kind: str) -> Iterator[dict[str, Any]]:
    lag = call.lag("analyzer_lag", 3600)
    for account in sorted(call.state.accounts.listed(lag), key=lambda a: a.email):
        if account.project != project.id:
            continue
        name = f"//iam.googleapis.com/projects/{project.id}/serviceAccounts/{account.email}"
        things: list[tuple[str, ServiceAccount | Key]] = [(name, account)]
        if kind == KEYS:
            keys = call.state.keys_of(account, lag)
            things = [(f"{name}/keys/{key.id}", key) for key in keys if key.kind == "USER_MANAGED"]
        ids = {"serviceAccountId": account.unique_id, "projectNumber": project.number}
        for full_name, thing in things:
            if thing.observed_days is not None:
                yield _row(call, kind, thing, {**ids, "fullResourceName": full_name})


def _row(call: Call, kind: str, thing: ServiceAccount | Key, named: Mapping[str, str]) -> dict[str, Any]:
    short = call.faults.text("analyzer") == "short"
    end = _day_start(call.now) - timedelta(days=1)
    start = end - timedelta(days=SHORT_DAYS if short else thing.observed_days or 0)
    activity: dict[str, Any] = {"serviceAccount" if kind == ACCOUNTS else "serviceAccountKey": named}
    used = thing.last_authenticated
    if used is not None and used >= start:
        activity["lastAuthenticatedTime"] = rfc3339(min(_day_start(used), end))
    period = {"startTime": rfc3339(start), "endTime": rfc3339(end)}
    row = {"fullResourceName": named["fullResourceName"], "activityType": kind}
    return {**row, "observationPeriod": period, "activity": activity}


def _day_start(moment: datetime) -> datetime:
    start = datetime.combine(moment.date(), time(DAY_STARTS), timezone.utc)
    return start if start <= moment else start - timedelta(days=1)


HANDLERS: Mapping[str, Handler] = {
    "policyanalyzer.projects.locations.activityTypes.activities.query": activities_query
}
