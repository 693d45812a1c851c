"""Cloud Monitoring v3: how often service accounts and keys authenticated, kept for six weeks.

Source: Monitoring reference, projects.timeSeries.list, and the metrics list of iam.googleapis.com (DELTA,
INT64, resource type iam_service_account; the key metric has the label key_id).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError
from custom_filters.sandbox.gcp.iam import found_project
from custom_filters.sandbox.gcp.people import Key, Project, ServiceAccount

RETENTION = timedelta(days=42)
SAMPLE = timedelta(minutes=10)
MAX_PAGE = 100_000
METRICS = {
    "iam.googleapis.com/service_account/authn_events_count": False,
    "iam.googleapis.com/service_account/key/authn_events_count": True,
}
ALIGNERS: Mapping[str, Callable[[list[int]], int]] = {
    "ALIGN_SUM": sum,
    "ALIGN_DELTA": sum,
    "ALIGN_COUNT": len,
    "ALIGN_MAX": max,
}
COMPARISON = r'([\w.]+)\s*=\s*(?:"([^"]*)"|one_of\(([^)]*)\))'


@dataclass(frozen=True)
class Point:
    """Authentications in the interval that ends at `end`."""

    start: datetime
    end: datetime
    count: int


@dataclass(frozen=True)
class Series:
    """One account's or key's points, newest first, and the labels that a filter may name."""

    labels: Mapping[str, str]
    points: Sequence[Point]


def time_series_list(call: Call) -> dict[str, Any]:
    """timeSeries.list; a page counts points (FULL) or series (HEADERS): a series may go on in the next."""
    project = found_project(call, call.params["name"].partition("/")[2], "monitoring.timeSeries.list")
    start, end = _interval(call)
    conditions = _conditions(call.params.get("filter", ""))
    metric = conditions.pop("metric.type")[0]
    if metric not in METRICS:
        raise ApiError(404, f'Cannot find metric(s) that match type = "{metric}".')
    found = (_aligned(call, series, start, end) for series in _all_series(call, project, metric, start, end))
    series = [s for s in found if s.points and _matches(s, conditions)]
    size = call.params.get("pageSize") or 0
    size = size if 0 < size <= MAX_PAGE else MAX_PAGE
    if call.params.get("view") == "HEADERS":
        heads, more = call.page(lambda: series, size)
        return _answer(metric, [(head, []) for head in heads]) | more
    flat = [(one, point) for one in series for point in one.points]
    part, more = call.page(lambda: flat, size)
    grouped: list[tuple[Series, list[Point]]] = []
    for one, point in part:
        if not grouped or grouped[-1][0] is not one:
            grouped.append((one, []))
        grouped[-1][1].append(point)
    return _answer(metric, grouped) | more


def _interval(call: Call) -> tuple[datetime, datetime]:
    texts = [call.params.get(f"interval.{name}") for name in ("startTime", "endTime")]
    if texts[1] is None:
        raise ApiError(400, "Field interval.endTime had an invalid value: it is required.")
    try:
        end = datetime.fromisoformat(str(texts[1]).replace("Z", "+00:00"))
        start = datetime.fromisoformat(str(texts[0]).replace("Z", "+00:00")) if texts[0] else end
    except ValueError:
        raise ApiError(400, "Field interval had an invalid value: not an RFC 3339 time.") from None
    if start.tzinfo is None or end.tzinfo is None or start > end:
        raise ApiError(400, "Field interval had an invalid value: the start must not be later than the end.")
    return max(start, call.now - RETENTION), min(end, call.now)


def _conditions(text: str) -> dict[str, list[str]]:
    """Field -> the values it may have. Played: `=` and `one_of`, joined by AND, or by OR within one field."""
    found: dict[str, list[str]] = {}
    for name, value, values in re.findall(COMPARISON, text):
        found.setdefault(name, []).extend(re.findall(r'"([^"]*)"', values) if values else [value])
    rest = re.sub(r"\b(?:AND|OR)\b|[()\s]", "", re.sub(COMPARISON, "", text))
    if rest or len(found.get("metric.type", ())) != 1:
        raise ApiError(
            400, f'Field filter had an invalid value of "{text}": The supplied filter is not played.'
        )
    return found


def _all_series(
    call: Call, project: Project, metric: str, start: datetime, end: datetime
) -> Iterator[Series]:
    for account in call.state.accounts.values():
        if account.project != project.id:
            continue
        labels = {
            "resource.type": "iam_service_account",
            "resource.labels.project_id": project.id,
            "resource.labels.unique_id": account.unique_id,
        }
        if not METRICS[metric]:
            yield Series(labels, _points(account, start, end))
            continue
        for key in call.state.keys.get(account.email, {}).values():
            yield Series({**labels, "metric.labels.key_id": key.id}, _points(key, start, end))


def _points(thing: ServiceAccount | Key, start: datetime, end: datetime) -> list[Point]:
    """One sample a day back from the newest use, to the beginning of the interval."""
    newest = thing.last_metric or thing.last_authenticated
    points: list[Point] = []
    while newest is not None and newest > start:  # the interval is (start, end]
        if newest <= end:
            points.append(Point(newest - SAMPLE, newest, 1 + newest.day % 7))
        newest -= timedelta(days=1)
    return points


def _aligned(call: Call, series: Series, start: datetime, end: datetime) -> Series:
    aligner = call.params.get("aggregation.perSeriesAligner", "ALIGN_NONE")
    others = [name for name in call.params if name.startswith("secondaryAggregation.")]
    if others or call.params.get("aggregation.crossSeriesReducer", "REDUCE_NONE") != "REDUCE_NONE":
        raise ApiError(501, "The sandbox does not play reducers")
    if aligner == "ALIGN_NONE":
        return series
    if aligner not in ALIGNERS:
        raise ApiError(501, f"The sandbox does not play {aligner}")
    seconds = float((call.params.get("aggregation.alignmentPeriod") or "0s").removesuffix("s"))
    if seconds < 60:
        raise ApiError(400, "Field aggregation.alignmentPeriod had an invalid value: at least 60s.")
    buckets: dict[int, list[int]] = {}
    for point in series.points:
        buckets.setdefault(int((end - point.end).total_seconds() // seconds), []).append(point.count)
    period = timedelta(seconds=seconds)
    points = [
        Point(end - period * (i + 1), end - period * i, ALIGNERS[aligner](counts))
        for i, counts in sorted(buckets.items())
    ]
    return Series(series.labels, points)


def _matches(series: Series, conditions: Mapping[str, Sequence[str]]) -> bool:
    return all(
        series.labels.get(name.replace(".label.", ".labels.")) in values
        for name, values in conditions.items()
    )


def _answer(metric: str, grouped: Sequence[tuple[Series, Sequence[Point]]]) -> dict[str, Any]:
    rows = [_row(metric, series, points) for series, points in grouped]
    return ({"timeSeries": rows} if rows else {}) | {"unit": "1"}


def _row(metric: str, series: Series, points: Sequence[Point]) -> dict[str, Any]:
    def labels(prefix: str) -> dict[str, str]:
        return {k.removeprefix(prefix): v for k, v in series.labels.items() if k.startswith(prefix)}

    row: dict[str, Any] = {
        "metric": {"type": metric, "labels": labels("metric.labels.")},
        "resource": {"type": "iam_service_account", "labels": labels("resource.labels.")},
        "metricKind": "DELTA",
        "valueType": "INT64",
    }
    if points:
        row["points"] = [
            {
                "interval": {"startTime": rfc3339(p.start), "endTime": rfc3339(p.end)},
                "value": {"int64Value": str(p.count)},
            }
            for p in points
        ]
    return row


HANDLERS: Mapping[str, Handler] = {"monitoring.projects.timeSeries.list": time_series_list}
