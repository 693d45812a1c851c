from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from custom_filters.core.decision import (
    Decision,
    DecisionError,
    Review,
    basis_sha256,
    parse,
    problems,
    report_sha256,
    same_person,
)
from custom_filters.core.report import with_decisions
from custom_filters.core.times import format_time
from tests.reports.samples import NOW, credential, days_ago, report, user, value

REPORT = report(value(user("alice", credential(200), credential(100, "password", "password"))))
KEY, PASSWORD = REPORT.findings
LATER = NOW + timedelta(days=1)


def entry(finding: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "uid": finding["uid"],
        "basis_sha256": basis_sha256(finding),
        "decision": "keep",
        "reason": "quarterly job",
        "reviewer": "carol@example.com",
        "decided_at": format_time(NOW),
        "until": format_time(NOW + timedelta(days=90)),
    } | fields


def text(*entries: Any, **fields: Any) -> str:
    return json.dumps({"schema": 1, "report_sha256": "0" * 64, "decisions": entries} | fields)


def since(finding: dict[str, Any], days: float) -> dict[str, Any]:
    """The finding after a use so many days ago."""
    return {**finding, "last_used": format_time(days_ago(days))}


def test_what_is_exported_is_read() -> None:
    decided = parse(text(entry(KEY), entry(PASSWORD, decision="disable", until=None)))
    ends = NOW + timedelta(days=90)
    said = (KEY["uid"], basis_sha256(KEY), "keep", "quarterly job", "carol@example.com", NOW, ends)
    assert decided.by_uid[KEY["uid"]] == Decision(*said)
    assert decided.by_uid[PASSWORD["uid"]].until is None
    assert problems(decided, REPORT.findings, LATER) == {}


WRONG = {
    "no JSON": ("{", "not JSON"),
    "a list": ("[]", "not of schema 1"),
    "another version": (text(schema=2), "not of schema 1"),
    "no list": (text(decisions={}), "need 'report_sha256' and a list"),
    "no object": (text("x"), "decision 1: it needs uid"),
    "a foreign key": (text(entry(KEY, approved=True)), "nothing else"),
    "no reason": (text(entry(KEY, reason="  ")), "'reason' is missing"),
    "no reviewer": (text(entry(KEY, reviewer="")), "'reviewer' is missing"),
    "a foreign decision": (text(entry(KEY, decision="delete")), "must be one of keep, disable, ask-owner"),
    "no basis": (text(entry(KEY, basis_sha256="x")), "'basis_sha256' a hash"),
    "keep without an end": (text(entry(KEY, until=None)), "keep needs a date"),
    "ask without an end": (text(entry(KEY, decision="ask-owner", until=None)), "ask-owner needs a date"),
    "181 days": (text(entry(KEY, until=format_time(NOW + timedelta(days=181)))), "within 180 days"),
    "an end before": (text(entry(KEY, until=format_time(NOW))), "within 180 days"),
    "no time": (text(entry(KEY, decided_at="yesterday")), "not an RFC 3339 timestamp"),
    "twice": (text(entry(KEY), entry(KEY)), "decided twice"),
}


@pytest.mark.parametrize(("content", "problem"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused(content: str, problem: str) -> None:
    with pytest.raises(DecisionError, match=problem):
        parse(content)


NOT_HELD = {
    "used since": (entry(KEY), since(KEY, -0.5), LATER, "used-since"),
    "another use before": (entry(KEY), since(KEY, 30), LATER, "changed"),
    "made anew": (
        entry(KEY), {**KEY, "credential": {**KEY["credential"], "created": "2026-11-01T00:00:00Z"}}, LATER,
        "changed",
    ),
    "over": (entry(KEY), KEY, NOW + timedelta(days=90), "overdue"),
    "about oneself": (entry(KEY, reviewer="Alice@example.com"), KEY, LATER, "self"),
    "about oneself by id": (entry(KEY, reviewer="AIDAALICE"), KEY, LATER, "self"),
    "of the future": (entry(KEY), KEY, NOW - timedelta(hours=2), "future"),
    "of another report": (entry({**KEY, "uid": "f" * 32}), KEY, LATER, "unknown"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "finding", "now", "expected"), NOT_HELD.values(), ids=NOT_HELD)
def test_what_does_not_hold(said: dict[str, Any], finding: dict[str, Any], now: Any, expected: str) -> None:
    found = problems(parse(text(said)), [finding], now)
    assert {uid: what for uid, (what, _) in found.items()} == {said["uid"]: expected}


def test_keep_ends_and_approval_needs_the_same_basis() -> None:
    decided = parse(text(entry(KEY), entry(PASSWORD, decision="disable", until=None)))
    assert decided.kept(KEY, LATER) is not None
    assert decided.kept(since(KEY, -0.5), LATER) is not None
    assert decided.kept(KEY, NOW + timedelta(days=90)) is None
    assert decided.kept(since(KEY, 30), LATER) is None
    assert decided.kept(PASSWORD, LATER) is decided.approved(KEY, LATER) is None
    assert decided.approved(PASSWORD, LATER) is not None
    assert decided.approved(since(PASSWORD, -0.5), LATER) is None
    own = parse(text(entry(KEY, reviewer="alice"), entry(PASSWORD, reviewer="alice", decision="disable")))
    assert own.kept(KEY, LATER) is own.approved(PASSWORD, LATER) is None


def test_how_far_a_review_is() -> None:
    made = report(*(value(user(f"u{n}", credential(200))) for n in range(6)), value(user("v", credential(1))))
    kept, over, on, used, *_ = made.findings
    ended = {"decided_at": format_time(days_ago(10)), "until": format_time(days_ago(1))}
    before = {"decided_at": format_time(days_ago(2)), "decision": "disable", "until": None}
    said = [entry(kept), entry(over, **ended), entry(on, **before)]
    said.append(
        entry(since(used, 200.5), decided_at=format_time(days_ago(201)), decision="disable", until=None)
    )
    reviewed = with_decisions(made, parse(text(*said)), NOW)
    assert reviewed.review == Review(decided=2, of=6, overdue=1, used_since=1, still_on=1)
    assert reviewed.review.sentence() == (
        "decided 2 of 6, overdue 1, approved and used since 1, approved and still on 1"
    )
    states = [f["decision"] and f["decision"]["state"] for f in reviewed.findings]
    assert states == ["in-force", "overdue", "in-force", "used-since", None, None, None]


PEOPLE = {
    "the same": ("ann", "ann", True),
    "without case": (" Ann", "ann ", True),
    "by mail": ("ann@example.com", "ann", True),
    "two mails": ("ann@example.com", "ann@example.org", False),
    "others": ("anna", "ann", False),
    "nobody": ("ann", "", False),
}


@pytest.mark.parametrize(("reviewer", "name", "expected"), PEOPLE.values(), ids=PEOPLE)
def test_same_person(reviewer: str, name: str, expected: bool) -> None:
    assert same_person(reviewer, [name]) is expected


def test_a_reports_hash_does_not_know_an_order() -> None:
    assert report_sha256(["b", "a"]) == report_sha256(["a", "b"]) != report_sha256(["a"])
