from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from custom_filters.core.report import Evaluation
from custom_filters.runner.run.plan import (
    Step,
    exempt_elsewhere,
    limit_sentences,
    make_plan,
    undo_lines,
    untold,
)
from custom_filters.runner.run.policy_files import Policy
from custom_filters.runner.run.reconcile import reconcile, reconciled_lines

NOW = datetime(2026, 5, 1, 12, 0, 30, tzinfo=timezone.utc)


def policy(name: str, *actions: Any, **more: Any) -> Policy:
    return Policy("aws", name, "aws.iam-user", {"name": name, "actions": list(actions), **more})


def value(user: str, *credentials: tuple[str, str, str]) -> dict[str, Any]:
    items = [{"credential": {"kind": k, "id": i}, "verdict": v} for k, i, v in credentials]
    return {
        "provider": "aws",
        "account": "1",
        "policy": "p",
        "privileged": False,
        "user": user,
        "user_id": f"AIDA{user}",
        "user_verdict": "stale",
        "credentials": items,
    }


def plan(policy: Policy, annotation: dict[str, Any]) -> list[tuple[str, ...]]:
    evaluation = Evaluation("aws", "1", "us-east-1", policy.name, "aws/x", True)
    steps = make_plan([(evaluation, annotation)], [policy], NOW)
    return [(s.credential, s.action, s.when, s.undo) for s in steps]


def test_a_mark_names_the_due_hour() -> None:
    mark = policy("mark", {"type": "mark-for-op", "op": "disable-unused", "hours": 336}, "notify")
    both = value("ann", ("access-key", "AKIA1", "stale"), ("password", "password", "active"))
    assert plan(mark, both) == [("access-key AKIA1", "mark-for-op", "due 2026/05/15 1201 UTC", "unmark")]


def test_disabling_says_how_it_is_undone() -> None:
    both = value("bob", ("access-key", "AKIA1", "stale"), ("password", "password", "never-used"))
    restore, new = "restore", "new password"
    assert [s[3] for s in plan(policy("off", "disable-unused"), both)] == [
        restore,
        new,
    ]
    quarantine = policy("off", {"type": "disable-unused", "quarantine": True})
    assert [s[3] for s in plan(quarantine, both)] == [restore, restore]


def test_protected_users_are_shown_as_skipped_with_the_reason() -> None:
    admin = {**value("root-ish", ("access-key", "AKIA1", "stale")), "protected": "it has IAMFullAccess"}
    asked = policy("off", {"type": "disable-unused", "include-admins": True})
    assert [s[2:] for s in plan(policy("off", "disable-unused"), admin)] == [
        ("skipped: it has IAMFullAccess", "nothing")
    ]
    assert [s[2:] for s in plan(asked, admin)] == [("now", "restore")]
    root = {**admin, "untouchable": "root is never touched"}
    assert [s[2:] for s in plan(asked, root)] == [("skipped: root is never touched", "nothing")]


def test_who_is_exempt_in_reports_only_is_named() -> None:
    tagged = {**value("eve", ("access-key", "AKIA1", "stale")), "exempt_tag": "break-glass"}
    evaluation = Evaluation("aws", "1", "us-east-1", "off", "aws/x", True)
    (sentence,) = exempt_elsewhere([(evaluation, tagged), (evaluation, {**tagged, "exempt_tag": None})])
    assert sentence.startswith("eve carries the exempt tag, which counts for reports only: off acts on it")
    ann, bob = (value(name, ("access-key", "AKIA1", "stale")) for name in ("ann", "bob"))
    said = {("aws", "AIDAann"): "exempt: member of the group break-glass", ("azure", "AIDAbob"): "exempt"}
    (sentence,) = exempt_elsewhere([(evaluation, ann), (evaluation, bob)], said)
    assert sentence.startswith(
        "ann is exempt in the last report (exempt: member of the group break-glass), but"
    )


def test_who_is_marked_in_silence_is_said() -> None:
    mark = {"type": "mark-for-op", "op": "disable-unused", "hours": 336}
    assert list(untold([policy("loud", mark, "notify"), policy("silent", mark), policy("off")])) == [
        "silent marks, and nobody is told: it has no `notify` action."
    ]


def test_unmarking_is_one_step_a_user() -> None:
    back = value("bob", ("access-key", "AKIA1", "active"), ("access-key", "AKIA2", "active"))
    assert plan(policy("unmark", "unmark-unused"), back) == [("", "unmark-unused", "now", "next run")]


def test_every_undo_is_explained() -> None:
    words = ["restore", "unmark"]
    steps = [Step("aws", "1", "p", "x", "ann", "password", "now", word) for word in words]
    assert [line.partition(":")[0] for line in undo_lines(steps)] == [f'undo "{word}"' for word in words]


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"max-resources": 100}, "100"),
        ({"max-resources-percent": 5}, "5 %"),
        ({"max-resources": {"amount": 100, "percent": 30, "op": "and"}}, "100 and 30 %"),
    ],
)
def test_max_resources_is_told_in_one_sentence(tmp_path: Path, options: dict[str, Any], limit: str) -> None:
    over, fine = policy("over", **options), policy("fine")
    for name, metrics in (("over", [{"MetricName": "ResourceLimitExceeded", "Value": 1500}]), ("fine", [])):
        folder = tmp_path / "aws" / name
        folder.mkdir(parents=True)
        (folder / "metadata.json").write_text(json.dumps({"metrics": metrics}))
    (sentence,) = limit_sentences(tmp_path, [over, fine])
    assert sentence.startswith(f"over selected 1500 identities, more than its max-resources of {limit}, and")


def journal_line(user: str, result: str, reason: str, policy: str = "p") -> dict[str, Any]:
    who = {"provider": "aws", "account": "1", "user": user, "user_id": user}
    entry = {"operation": "mark", "step": "outcome", "principal": who, "policy": policy}
    return {**entry, "credential": {"kind": "password", "id": "password"}, "result": result, "reason": reason}


def test_steps_that_nothing_came_of_are_one_line() -> None:
    steps = [
        Step("aws", "1", policy, "mark-for-op", user, "password", "now", "unmark")
        for policy, user in (("p", "ann"), ("p", "bob"), ("q", "cy"), ("q", "dee"))
    ]
    entries = [journal_line("ann", "done", ""), journal_line("bob", "failed", "refused")]
    assert list(reconciled_lines(reconcile(steps, entries))) == [
        "Of 4 planned steps: 1 done, 1 failed, 2 not done.",
        "not done: aws 1 q mark-for-op, 2 steps: its policy stopped before it",
        "  failed: mark-for-op aws bob password: refused",
    ]
