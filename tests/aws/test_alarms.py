"""What the stack's alarms do, by series as CloudWatch would hold them: their own metric math, evaluated."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.aws.functions import POLICIES, template
from tests.aws.test_lambda import policies_of

#: One value an hour, None where nothing was measured.
Series = Sequence[float | None]
COMPARE = {"GreaterThanThreshold": operator.gt, "LessThanThreshold": operator.lt}


def alarms() -> dict[str, dict[str, Any]]:
    return {n: r["Properties"] for n, r in template()["Resources"].items() if r["Type"].endswith("::Alarm")}


def value(expression: ast.expr, at: Mapping[str, float | None]) -> float | None:
    """One point of an expression: FILL, `+` and names. Anything plus a gap is a gap, as in CloudWatch."""
    if isinstance(expression, ast.Name):
        return at[expression.id]
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        parts = value(expression.left, at), value(expression.right, at)
        return None if None in parts else sum(part or 0 for part in parts)
    assert isinstance(expression, ast.Call)
    assert isinstance(expression.func, ast.Name)
    assert expression.func.id == "FILL"
    inner, default = expression.args
    found = value(inner, at)
    return ast.literal_eval(default) if found is None else found


def fires(alarm: Mapping[str, Any], series: Mapping[str, Series]) -> list[bool]:
    """For each hour whether the alarm is on at its end; before the first hour there was nothing."""
    result, *metrics = alarm["Metrics"]
    assert {metric["MetricStat"]["Period"] for metric in metrics} == {3600}
    expression = ast.parse(result["Expression"], mode="eval").body
    hours = len(next(iter(series.values())))
    quiet: Series = [None] * hours
    points = [
        value(expression, {m["Id"]: series.get(m["Id"], quiet)[hour] for m in metrics})
        for hour in range(hours)
    ]
    compare, most = COMPARE[alarm["ComparisonOperator"]], alarm["EvaluationPeriods"]
    missing = alarm["TreatMissingData"] == "breaching"
    bad = [missing if p is None else compare(p, alarm["Threshold"]) for p in points]
    return [hour + 1 >= most and all(bad[hour + 1 - most : hour + 1]) for hour in range(hours)]


def daily(
    days: int, *, missed: Sequence[int] = (), late: Mapping[int, int] | None = None
) -> list[float | None]:
    """A count at 06:00 of each day but the missed ones."""
    found: list[float | None] = [None] * (24 * days)
    for day in range(days):
        if day not in missed:
            found[24 * day + 6 + (late or {}).get(day, 0)] = 1.0
    return found


HEARTBEATS = {
    # The series, and the first hour (of the first day) at whose end the alarm is on.
    "every day": (daily(5), None),
    "an hour late": (daily(5, late={2: 1}), None),
    "one day missed": (daily(5, missed=[2]), 24 + 6 + 25),
    "never again": (daily(5, missed=[2, 3, 4]), 24 + 6 + 25),
    "never": ([None] * 48, 24),
}


@pytest.mark.parametrize("name", ["Heartbeat", "EnforcementHeartbeat"])
@pytest.mark.parametrize(("series", "first"), HEARTBEATS.values(), ids=HEARTBEATS)
def test_a_missed_sweep_is_told_within_26_hours(name: str, series: Series, first: int | None) -> None:
    on = fires(alarms()[name], {"sweeps": series})
    assert (on.index(True) if any(on) else None) == first
    if first and first > 24:
        assert first + 1 - (24 + 6) <= 26  # hours from the beginning of the last sweep


def test_a_sweep_after_a_missed_one_ends_the_alarm() -> None:
    assert not fires(alarms()["Heartbeat"], {"sweeps": daily(5, missed=[2])})[3 * 24 + 6]


COUNTS = {
    # What one of the metrics holds, and when the alarm is on.
    "nothing": ([None, None], [False, False]),
    "zero": ([0, 0], [False, False]),
    "one": ([1, 0, None], [True, False, False]),
    "two hours": ([None, 2, 3], [False, True, True]),
}


@pytest.mark.parametrize(("series", "on"), COUNTS.values(), ids=COUNTS)
def test_each_function_and_each_limit_has_an_alarm_of_its_own(series: Series, on: list[bool]) -> None:
    watching = {n: a for n, a in alarms().items() if n.startswith(("Failed", "Limit"))}
    for alarm in watching.values():
        [metric] = alarm["Metrics"][1:]
        assert fires(alarm, {metric["Id"]: series}) == on
    assert len(watching) == 15


def watched(metric_name: str, dimension: str) -> list[str]:
    metrics = [m["MetricStat"]["Metric"] for a in alarms().values() for m in a.get("Metrics", ())[1:]]
    found = [
        {d["Name"]: d["Value"] for d in m["Dimensions"]} for m in metrics if m["MetricName"] == metric_name
    ]
    return sorted(text(one[dimension]) for one in found)


def text(value: Any) -> str:
    """A text of the template, and one that is put together without parameters."""
    return value if isinstance(value, str) else str(value["Fn::Sub"])


def test_every_function_is_watched() -> None:
    policies = policies_of(POLICIES)
    assert watched("Errors", "FunctionName") == sorted(f"custodian-{name}" for name in policies)
    groups = [r for r in template()["Resources"].values() if r["Type"] == "AWS::Logs::LogGroup"]
    names = sorted(text(group["Properties"]["LogGroupName"]) for group in groups)
    assert names == sorted(f"/aws/lambda/custodian-{name}" for name in policies)
    limited = sorted(name for name, policy in policies.items() if "max-resources" in policy)
    assert watched("ResourceLimitExceeded", "Policy") == limited
    assert "ResourceLimitExceeded" in str(policies["aws-iam-user-unused"]["mode"]["execution-options"])
    made = template()["Resources"].values()
    needs_enforce = {
        text(r["Properties"]["AlarmName"]) for r in made if r["Type"].endswith("Alarm") and "Condition" in r
    }
    assert len(needs_enforce) == 7 + 4 + 1
    assert not any(name.endswith(("unused", "unknown", "off")) for name in needs_enforce)
