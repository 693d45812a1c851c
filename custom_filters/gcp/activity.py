"""When service accounts and keys last authenticated: Policy Analyzer, and Monitoring as a check on it.

https://cloud.google.com/policy-intelligence/docs/activity-analyzer-service-account-authentication:
whole days, about a day late; failed calls count; what domain-wide delegation does elsewhere is not seen.
https://cloud.google.com/monitoring/api/metrics_gcp_i_o: authn_events_count, kept for six weeks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, read_use
from custom_filters.core.times import floor_days, format_time, parse_time
from custom_filters.gcp.client import Api, Client, Json, once_or_unknown, project_of, shared_client
from custom_filters.gcp.errors import documented

ANALYZER = "policy-analyzer"
MONITORING = "monitoring"
ACTIVITIES = Api("policyanalyzer", "v1", "projects.locations.activityTypes.activities")
SERIES = Api("monitoring", "v3", "projects.timeSeries")
_PAGE = 1000
#: A period that ended longer ago than this is late, and does not tell of the present.
_LATE = timedelta(days=7)
#: lastAuthenticatedTime is the beginning of a day of UTC-8, with or without summer time.
_DAY = timedelta(hours=25)
#: Policy Analyzer begins to observe a key within this time of its birth.
_START = timedelta(days=2)
#: Monitoring keeps authentication metrics for six weeks.
_KEPT = timedelta(days=42)
#: Policy Analyzer is a day late, and then some.
_LAST_HOURS = timedelta(hours=72)


@dataclass(frozen=True)
class Activity:
    """What tells service accounts and keys apart: activity type, metric, and the label that names one.

    `named` holds the account's unique id in a row.
    """

    activity: str
    named: str
    metric: str
    label: tuple[str, str]


OF_ACCOUNTS = Activity(
    "serviceAccountLastAuthentication",
    "serviceAccount",
    "iam.googleapis.com/service_account/authn_events_count",
    ("resource", "unique_id"),
)
OF_KEYS = Activity(
    "serviceAccountKeyLastAuthentication",
    "serviceAccountKey",
    "iam.googleapis.com/service_account/key/authn_events_count",
    ("metric", "key_id"),
)


#: Of which account a row is (its unique id), and of which of its keys ("": of the account itself).
RowKey = tuple[str, str]


def shared_rows(manager: Any, of: Activity) -> Mapping[RowKey, Json] | Unknown:
    """Policy Analyzer's rows of the project, read once a run; see get_rows."""
    client, project = shared_client(manager, ACTIVITIES), project_of(manager)
    key = ("gcp-activity", project, of)
    return once_or_unknown(manager, ANALYZER, key, lambda: get_rows(client, project, of))


def get_rows(client: Client, project: str, of: Activity, only: str | None = None) -> dict[RowKey, Json]:
    """Rows by the account's unique id: an address may have been another account's before.

    `only` is the full resource name of the one that is asked for.
    """
    narrowed = {"filter": f'activities.full_resource_name = "{only}"'} if only else {}
    rows = client.items(
        "query",
        "activities",
        parent=f"projects/{project}/locations/global/activityTypes/{of.activity}",
        pageSize=_PAGE,
        **narrowed,
    )
    with documented("activities.query"):
        return {_row_key(row, of): row for row in rows}


def _row_key(row: Mapping[str, Any], of: Activity) -> RowKey:
    account = row.get("activity", {}).get(of.named, {}).get("serviceAccountId", "")
    return str(account), row["fullResourceName"].rpartition("/")[2] if of is OF_KEYS else ""


def shared_seen(manager: Any, of: Activity, now: datetime) -> Mapping[str, datetime] | Unknown:
    """What Monitoring saw in the project, read once a run; see get_seen."""
    client, project = shared_client(manager, SERIES), project_of(manager)
    key = ("gcp-monitoring", project, of)
    return once_or_unknown(manager, MONITORING, key, lambda: get_seen(client, project, of, now))


def get_seen(
    client: Client, project: str, of: Activity, now: datetime, only: str | None = None
) -> dict[str, datetime]:
    """The end of the newest day with an authentication, by the label's value; `only` narrows to one."""
    days = {"aggregation_alignmentPeriod": "86400s", "aggregation_perSeriesAligner": "ALIGN_SUM"}
    return _get_series(client, project, of, (now - _KEPT, now), only, **days)


def get_last_hours(
    client: Client, project: str, of: Activity, now: datetime, only: str
) -> dict[str, datetime]:
    """The newest authentication in the days that Policy Analyzer does not know yet, to the minute."""
    return _get_series(client, project, of, (now - _LAST_HOURS, now), only)


def _get_series(
    client: Client,
    project: str,
    of: Activity,
    interval: tuple[datetime, datetime],
    only: str | None,
    **aggregation: str,
) -> dict[str, datetime]:
    where, label = of.label
    text = f'metric.type = "{of.metric}"' + (f' AND {where}.labels.{label} = "{only}"' if only else "")
    start, end = (format_time(at.replace(microsecond=0)) for at in interval)
    series = client.items(
        "list",
        "timeSeries",
        name=f"projects/{project}",
        filter=text,
        interval_startTime=start,
        interval_endTime=end,
        **aggregation,
    )
    with documented("timeSeries.list"):
        return _newest((one[where]["labels"][label], one.get("points", ())) for one in series)


def _newest(series: Iterable[tuple[str, Iterable[Json]]]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for name, points in series:
        for point in points:
            if int(point["value"].get("int64Value", 0)) > 0:
                at = parse_time(point["interval"]["endTime"])
                found[name] = max(at, found.get(name, at))
    return found


def monitoring_evidence(seen: Mapping[str, datetime] | Unknown, name: str, now: datetime) -> Evidence:
    """Monitoring may only veto: what it keeps is too short to prove disuse. Unread, nothing is proved."""
    if isinstance(seen, Unknown):
        return seen
    if name in seen:
        return read_use(seen[name], MONITORING, now=now, observed_at=now, covers=False)
    text = f"no authentication in the {floor_days(_KEPT)} days that are kept"
    return NeverUsed(now - _KEPT, MONITORING, observed_at=now, value=text, covers=False)


def analyzer_evidence(
    row: Mapping[str, Any] | Unknown | None, born: datetime | None, now: datetime, days: int
) -> Evidence:
    """One row's word; no row, a late one or too short an observation period is unknown.

    `born` is a key's birth; of service accounts Google does not tell it.
    """
    if isinstance(row, Unknown):
        return row
    if row is None:
        return Unknown("Policy Analyzer has no row for it", ANALYZER, observed_at=now)
    try:
        start, end = (parse_time(row["observationPeriod"][name]) for name in ("startTime", "endTime"))
    except (KeyError, TypeError, ValueError) as error:
        return Unknown(f"Policy Analyzer's row has no period that can be read ({error})", ANALYZER)
    if now - end > _LATE:
        return Unknown(f"Policy Analyzer's data ends at {format_time(end)}", ANALYZER, observed_at=end)
    text = row.get("activity", {}).get("lastAuthenticatedTime")
    if text:
        return _used(text, end, now)
    needed = now - timedelta(days=days)
    since_birth = born is not None and start <= born + _START
    if start > needed and not since_birth:
        reason = f"Policy Analyzer observed only {floor_days(end - start)} days, and {days} are asked for"
        return Unknown(reason, ANALYZER, observed_at=end)
    return NeverUsed(born if since_birth else start, ANALYZER, observed_at=end, value="no authentication")


def _used(text: str, end: datetime, now: datetime) -> Evidence:
    """Only the day is told: the use may have been at its very end."""
    found = read_use(text, ANALYZER, now=now, observed_at=end)
    if isinstance(found, Unknown):
        return found
    return replace(found, at=max(found.at, min(found.at + _DAY, now)))
