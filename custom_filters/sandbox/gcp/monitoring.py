"""Cloud Monitoring v3: how often service accounts and keys authenticated, kept for six weeks.

Source: Monitoring reference, projects.timeSeries.list, and the metrics list of iam.googleapis.com (DELTA,
INT64, resource type iam_service_account; the key metric has the label key_id).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, listed, moment, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError, not_emulated
from custom_filters.sandbox.gcp.people import Key, ServiceAccount

RETENTION = timedelta(days=42)
SAMPLE = timedelta(minutes=10)
MAX_PAGE = 100_000
METRICS = {
    "iam.googleapis.com/service_account/authn_events_count": False,
    "iam.googleapis.com/service_account/key/authn_events_count": True,
}
COMPARISON = r'([\w.]+)\s*=\s*"([^"]*)"'
Point = tuple[datetime, datetime, int]  # start, end, authentications


def time_series_list(call: Call) -> dict[str, Any]:
    """timeSeries.list, newest points first; a page counts points: a series may go on in the next."""
    project = call.project(call.params["name"].partition("/")[2], "monitoring.timeSeries.list")
    end = min(moment(call.params["interval.endTime"]), call.now)
    start = max(moment(call.params["interval.startTime"]), call.now - RETENTION)
    conditions = _conditions(call.params.get("filter", ""))
    metric = conditions.pop("metric.type")
    if metric not in METRICS:
        raise ApiError(404, f'Cannot find metric(s) that match type = "{metric}".')
    points = [
        (name, labels, point)
        for name, labels, thing in _all(call, project.id, METRICS[metric])
        if conditions.items() <= labels.items()
        for point in _aligned(call, list(_points(thing, start, end)), end)
    ]
    size = call.params.get("pageSize") or MAX_PAGE
    part, more = call.page(points, min(size, MAX_PAGE))
    series: dict[str, dict[str, Any]] = {}
    for name, labels, (began, ended, count) in part:
        row = series.setdefault(name, _row(metric, labels))
        times = {"startTime": rfc3339(began), "endTime": rfc3339(ended)}
        row["points"].append({"interval": times, "value": {"int64Value": str(count)}})
    return listed("timeSeries", list(series.values()), more, unit="1")


def _conditions(text: str) -> dict[str, str]:
    """Field -> the value it must have; only `=` joined by AND is emulated."""
    found = dict(re.findall(COMPARISON, text))
    if re.sub(r"\bAND\b|\s", "", re.sub(COMPARISON, "", text)) or "metric.type" not in found:
        raise ApiError(400, f'Field filter had an invalid value of "{text}".')
    return found


def _all(
    call: Call, project: str, of_keys: bool
) -> Iterator[tuple[str, dict[str, str], ServiceAccount | Key]]:
    lag = call.lag("metric_lag", 60)
    for account in call.state.accounts.listed(lag):
        if account.project != project:
            continue
        labels = {"resource.labels.project_id": project, "resource.labels.unique_id": account.unique_id}
        if not of_keys:
            yield account.email, labels, account
        for key in call.state.keys_of(account, lag) if of_keys else ():
            yield key.id, {**labels, "metric.labels.key_id": key.id}, key


def _points(thing: ServiceAccount | Key, start: datetime, end: datetime) -> Iterator[Point]:
    """One sample a day back from the newest use, to the beginning of the interval."""
    newest = thing.last_metric or thing.last_authenticated
    while newest is not None and newest > start:  # the interval is (start, end]
        if newest <= end:
            yield newest - SAMPLE, newest, 1 + newest.day % 7
        newest -= timedelta(days=1)


def _aligned(call: Call, points: list[Point], end: datetime) -> list[Point]:
    aligner = call.params.get("aggregation.perSeriesAligner")
    if aligner is None:
        return points
    if aligner != "ALIGN_SUM":
        raise not_emulated(aligner)
    seconds = float(call.params["aggregation.alignmentPeriod"].removesuffix("s"))
    buckets: dict[int, int] = {}
    for _, ended, count in points:
        bucket = int((end - ended).total_seconds() // seconds)
        buckets[bucket] = buckets.get(bucket, 0) + count
    period = timedelta(seconds=seconds)
    return [(end - period * (i + 1), end - period * i, count) for i, count in sorted(buckets.items())]


def _row(metric: str, labels: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": {"type": metric, "labels": {}}, "points": []}
    row |= {"resource": {"type": "iam_service_account", "labels": {}}}
    row |= {"metricKind": "DELTA", "valueType": "INT64"}
    for name, value in labels.items():
        kind, _, label = name.split(".")
        row[kind]["labels"][label] = value
    return row


HANDLERS: Mapping[str, Handler] = {"monitoring.projects.timeSeries.list": time_series_list}
