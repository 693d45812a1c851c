from __future__ import annotations

from typing import Any

import pytest

from custom_filters.core.risk import LEVELS, RULES, gravity, risk

PLAIN: dict[str, Any] = {
    "account": "1", "user": "ann", "uid": "0", "user_type": "human", "privileged": False, "days_unused": 100,
    "mfa": None, "tags_itself": None, "anyone_may_assume": None,
    "as_of": "2026-11-23T06:00:00Z", "credential": {"kind": "password", "created": "2020-01-01T00:00:00Z"},
}  # fmt: skip
KEY = {"kind": "access-key", "created": "2025-11-23T06:00:00Z"}

CASES = {
    "active": ({}, "active", None),
    "exempt": ({"privileged": True}, "exempt", None),
    "just unused": ({}, "stale", ("low", ["unused"])),
    "never used": ({}, "never-used", ("low", ["never used"])),
    "privileged": ({"privileged": True}, "stale", ("high", ["privileged and unused"])),
    "privileged is not known": ({"privileged": None}, "stale", ("low", ["unused"])),
    "unknown": ({}, "unknown", ("low", ["nobody knows whether it is used"])),
    "guest": ({"user_type": "guest"}, "stale", ("medium", ["a guest who does not come"])),
    "no second factor": ({"mfa": False}, "stale", ("medium", ["no second factor"])),
    "a second factor": ({"mfa": True}, "stale", ("low", ["unused"])),
    "tags itself": (
        {"tags_itself": True}, "stale", ("medium", ["can tag itself, and so forge its own mark"]),
    ),
    "anyone may assume it": ({"anyone_may_assume": True}, "stale", ("high", ["anyone may assume it"])),
    "anyone may assume it, in use or not": (
        {"anyone_may_assume": True}, "unknown",
        ("high", ["anyone may assume it", "nobody knows whether it is used"]),
    ),
    "a key of 365 days": ({"credential": KEY}, "stale", ("low", ["unused"])),
    "an older key": (
        {"credential": {**KEY, "created": "2025-11-23T05:59:59Z"}}, "stale",
        ("medium", ["key older than 365 days"]),
    ),
    "a key of unknown age": ({"credential": {**KEY, "created": None}}, "stale", ("low", ["unused"])),
    "a year": ({"days_unused": 365}, "stale", ("medium", ["unused for a year or longer"])),
    "all at once": (
        {"privileged": True, "user_type": "guest"}, "never-used",
        ("high", ["privileged and unused", "a guest who does not come", "never used"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "verdict", "expected"), CASES.values(), ids=CASES)
def test_risk(facts: dict[str, Any], verdict: str, expected: tuple[str, list[str]] | None) -> None:
    found = risk({**PLAIN, **facts}, verdict)
    assert found == (expected and {"level": expected[0], "reasons": expected[1]})


def test_every_rule_has_a_case() -> None:
    told = {reason for _, _, expected in CASES.values() for reason in (expected or ("", []))[1]}
    privileged_unknown = risk({**PLAIN, "privileged": True}, "unknown")
    assert privileged_unknown is not None
    assert privileged_unknown["level"] == "medium"
    assert {rule.reason for rule in RULES} == told | set(privileged_unknown["reasons"])


def test_the_gravest_come_first() -> None:
    rows = [
        {**PLAIN, "uid": f"{level}{days}", "days_unused": days, "risk": level and {"level": level}}
        for level in (None, *reversed(LEVELS))
        for days in (None, 100, 900)
    ]
    order = [row["uid"] for row in sorted(rows, key=gravity)]
    assert order[:4] == ["high900", "high100", "highNone", "medium900"]
    assert order[-3:] == ["None100", "None900", "NoneNone"]
