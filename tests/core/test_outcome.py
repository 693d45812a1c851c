from __future__ import annotations

from typing import Any

import pytest

from custom_filters.core.journal import GENESIS, Origin
from custom_filters.core.journal import line as journalled
from custom_filters.core.outcome import Sum, off_since, outcomes, sums, with_actions
from custom_filters.core.report import Finding
from tests.reports.samples import MARKED, NOW, credential, report, user, value

ORIGIN = Origin("run-1", "arn:aws:iam::111111111111:user/ci", "aws-iam-user-disable")
REPORT = report(
    value(user("alice", credential(200), credential(3, id="AKIAEXAMPLE2"))),
    value(user("bob", credential(2)), MARKED),
)
ALICE, IN_USE, BOB = REPORT.findings
MARK = {
    "c7n-unused access-key AKIAEXAMPLE1": "until 2026-12-07T06:30:00Z",
    "c7n-unused access-key AKIAEXAMPLE2": "until 2026-12-01T00:00:00Z",
}


def line(
    finding: Finding, operation: str, result: Any = "done", whole: bool = False, **more: Any
) -> dict[str, Any]:
    who = {name: finding[name] for name in ("provider", "account", "user", "user_id")}
    credential = {name: finding["credential"][name] for name in ("kind", "id")}
    content = {"operation": operation, "principal": who, "credential": None if whole else credential,
               "step": "outcome", "result": result, "reason": "stale", "undo": None,
               "after": None}  # fmt: skip
    return journalled({**content, **more}, ORIGIN, NOW, GENESIS)


CASES = {
    "disabled": ([line(ALICE, "disable")], "disabled", None, "done"),
    "marked": ([line(ALICE, "mark", after=MARK)], "marked", "2026-12-07T06:30:00Z", "done"),
    "marked as a whole": (
        [line(ALICE, "mark", whole=True, after=MARK)], "marked", "2026-12-01T00:00:00Z", "done",
    ),
    "skipped": ([line(ALICE, "disable", "skipped")], "detected", None, "skipped"),
    "failed": ([line(ALICE, "disable", "failed")], "detected", None, "failed"),
    "begun": ([line(ALICE, "disable", step="intent")], "detected", None, "failed"),
    "begun and ended": (
        [line(ALICE, "disable", step="intent"), line(ALICE, "disable")], "disabled", None, "done",
    ),
    "disabled, then unmarked": (
        [line(ALICE, "disable"), line(ALICE, "unmark", whole=True)], "disabled", None, "done",
    ),
    "of somebody else": ([line(BOB, "disable")], "detected", None, None),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "phase", "at", "result"), CASES.values(), ids=CASES)
def test_a_finding_says_what_was_done(
    lines: list[Any], phase: str, at: str | None, result: str | None
) -> None:
    found = next(iter(with_actions(REPORT, lines).findings))
    assert (found["phase"], found["next_action_at"]) == (phase, at)
    assert (found["done"] and found["done"]["result"]) == result


def test_a_mark_is_not_about_what_is_in_use() -> None:
    marked = with_actions(
        REPORT, [line(ALICE, "mark", whole=True, after=MARK), line(BOB, "unmark", whole=True)]
    )
    _, in_use, bob = marked.findings
    assert in_use == IN_USE
    assert (bob["phase"], bob["next_action"], bob["done"]["operation"]) == ("detected", None, "unmark")


def test_sums() -> None:
    lines = [
        line(ALICE, "disable", step="intent"),
        line(ALICE, "disable"),
        line(BOB, "disable", "skipped", reason="active: password: used 2 hours ago"),
        line(IN_USE, "disable", "failed", reason="AccessDenied"),
        line(BOB, "mark", step="intent"),
        line(ALICE, "unmark", whole=True),
    ]
    assert [(s.what, s.times, s.why) for s in sums(lines)] == [
        ("disabled", 1, ""),
        ("unmarked", 1, ""),
        ("skipped disable", 1, "active"),
        ("failed disable", 1, "AccessDenied"),
        ("failed mark", 1, outcomes(lines)[-1]["reason"]),
    ]
    assert sums(lines)[0] == Sum("disabled", 1, "", "c7n-unused restore OUT --user USER")


def test_since_when_a_credential_is_off() -> None:
    found = next(iter(with_actions(REPORT, [line(ALICE, "disable")]).findings))
    assert off_since(found) == "2026-11-23T06:00:00Z"
    assert off_since({**ALICE, "phase": "disabled"}) == ""
    assert off_since(ALICE) is None
