"""Cloud Monitoring v3: how often service accounts and keys authenticated, kept for six weeks.

Source: Monitoring reference, projects.timeSeries.list, and the metrics list of iam.googleapis.com (DELTA,
INT64, resource type iam_service_account; the key metric has the label key_id).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, rfc3339
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
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Point:
    """So many authentications of what has these labels, in the interval that ends at `end`."""

    labels: Labels
    start: datetime
    end: datetime
    count: int


def time_series_list(call: Call) -> dict[str, Any]:
    """timeSeries.list, newest points first; a page counts points: a series may go on in the next."""
    project = call.project(call.params["name"].partition("/")[2], "monitoring.timeSeries.list")
    call.refuse("aggregation.crossSeriesReducer", "secondaryAggregation.perSeriesAligner", "view")
    start, end = _interval(call)
    conditions = _conditions(call.params.get("filter", ""))
    metric = conditions.pop("metric.type")
    if metric not in METRICS:
        raise ApiError(404, f'Cannot find metric(s) that match type = "{metric}".')
    points: list[Point] = []
    for labels, thing in _all(call, project.id, METRICS[metric]):
        if all(
            labels.get(name.replace(".label.", ".labels.")) == value for name, value in conditions.items()
        ):
            points += _aligned(call, list(_points(labels, thing, start, end)), end)
    size = call.params.get("pageSize") or 0
    part, more = call.page(lambda: points, size if 0 < size <= MAX_PAGE else MAX_PAGE)
    rows: list[dict[str, Any]] = []
    for point in part:
        if not rows or rows[-1]["of"] is not point.labels:
            rows.append(_row(metric, point.labels))
        times = {"startTime": rfc3339(point.start), "endTime": rfc3339(point.end)}
        rows[-1]["points"].append({"interval": times, "value": {"int64Value": str(point.count)}})
    for row in rows:
        del row["of"]
    return ({"timeSeries": rows} if rows else {}) | {"unit": "1"} | more


def _interval(call: Call) -> tuple[datetime, datetime]:
    texts = [call.params.get(f"interval.{name}") for name in ("startTime", "endTime")]
    try:
        end = datetime.fromisoformat(str(texts[1]).replace("Z", "+00:00"))
        start = datetime.fromisoformat(str(texts[0]).replace("Z", "+00:00")) if texts[0] else end
    except ValueError:
        raise ApiError(400, "Field interval had an invalid value: not an RFC 3339 time.") from None
    if start.tzinfo is None or end.tzinfo is None or start > end:
        raise ApiError(400, "Field interval had an invalid value: the start must not be later than the end.")
    return max(start, call.now - RETENTION), min(end, call.now)


def _conditions(text: str) -> dict[str, str]:
    """Field -> the value it must have; only `=` joined by AND is emulated."""
    found = dict(re.findall(COMPARISON, text))
    if re.sub(r"\bAND\b|\s", "", re.sub(COMPARISON, "", text)) or "metric.type" not in found:
        raise ApiError(400, f'Field filter had an invalid value of "{text}".')
    return found


def _all(call: Call, project: str, of_keys: bool) -> Iterator[tuple[Labels, ServiceAccount | Key]]:
    lag = call.lag("metric_lag", 60)
    for account in call.state.accounts.listed(lag):
        if account.project != project:
            continue
        labels = {
            "resource.type": "iam_service_account",
            "resource.labels.project_id": project,
            "resource.labels.unique_id": account.unique_id,
        }
        if not of_keys:
            yield labels, account
        for key in call.state.keys_of(account, lag) if of_keys else ():
            yield {**labels, "metric.labels.key_id": key.id}, key


def _points(labels: Labels, thing: ServiceAccount | Key, start: datetime, end: datetime) -> Iterator[Point]:
    """One sample a day back from the newest use, to the beginning of the interval."""
    newest = thing.last_metric or thing.last_authenticated
    while newest is not None and newest > start:  # the interval is (start, end]
        if newest <= end:
            yield Point(labels, newest - SAMPLE, newest, 1 + newest.day % 7)
        newest -= timedelta(days=1)


def _aligned(call: Call, points: list[Point], end: datetime) -> list[Point]:
    aligner = call.params.get("aggregation.perSeriesAligner", "ALIGN_NONE")
    if aligner == "ALIGN_NONE":
        return points
    seconds = float((call.params.get("aggregation.alignmentPeriod") or "0s").removesuffix("s"))
    if aligner != "ALIGN_SUM" or seconds < 60:
        raise not_emulated(f"{aligner} by {seconds} seconds")
    buckets: dict[int, int] = {}
    for point in points:
        bucket = int((end - point.end).total_seconds() // seconds)
        buckets[bucket] = buckets.get(bucket, 0) + point.count
    period = timedelta(seconds=seconds)
    sums = sorted(buckets.items())
    return [Point(points[0].labels, end - period * (i + 1), end - period * i, count) for i, count in sums]


def _row(metric: str, labels: Labels) -> dict[str, Any]:
    def under(prefix: str) -> dict[str, str]:
        return {k.removeprefix(prefix): v for k, v in labels.items() if k.startswith(prefix)}

    return {
        "metric": {"type": metric, "labels": under("metric.labels.")},
        "resource": {"type": "iam_service_account", "labels": under("resource.labels.")},
        "metricKind": "DELTA",
        "valueType": "INT64",
        "points": [],
        "of": labels,
    }


HANDLERS: Mapping[str, Handler] = {"monitoring.projects.timeSeries.list": time_series_list}
