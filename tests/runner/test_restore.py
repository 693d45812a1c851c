from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from custom_filters.core.journal import Origin, line
from custom_filters.outputs.action_logs import journals
from custom_filters.runner.main import cli
from custom_filters.runner.restore import restore_policy, wanted_of
from tests.core.people import NOW


def entry(
    user: str, kind: str, result: str = "done", operation: str = "disable", provider: str = "aws"
) -> dict[str, Any]:
    content = {
        "operation": operation,
        "principal": {"provider": provider, "account": "1", "user": user, "user_id": f"ID-{user}"},
        "credential": {"kind": kind, "id": "1"},
        "step": "intent" if result == "intended" else "outcome",
        "result": result,
        "reason": "",
        "undo": None,
        "after": None,
    }
    return line(content, Origin("run", "me", "p"), NOW, "")


LINES = [
    entry("ann", "access-key"),
    entry("ann", "password", "failed"),
    entry("bob", "password", "intended"),
    entry("cat", "access-key", "skipped"),
    entry("app", "service-account-key", provider="gcp"),
]
ANN = {"user": "ann", "id": "ID-ann", "account": "1", "items": ["access-key=1"]}
BOB = {"user": "bob", "id": "ID-bob", "account": "1", "items": ["password=1"]}
APP = {"user": "app", "id": "ID-app", "account": "1", "items": ["service-account-key=1"]}
WANTED: dict[str, tuple[str | None, dict[str, Any]]] = {
    "by name": ("ann", {"aws.iam-user": [ANN]}),
    "by id": ("ID-ann", {"aws.iam-user": [ANN]}),
    "killed between change and outcome": ("bob", {"aws.iam-user": [BOB]}),
    "everybody": (None, {"aws.iam-user": [BOB, ANN], "gcp.service-account-key": [APP]}),
    "left alone": ("cat", {}),
    "somebody else": ("dan", {}),
}


@pytest.mark.parametrize(("user", "wanted"), WANTED.values(), ids=WANTED)
def test_what_journals_say_is_switched_off_by_us(user: str | None, wanted: dict[str, Any]) -> None:
    assert wanted_of(LINES, user) == wanted


def test_the_policy_finds_by_single_reads_and_insists_for_one_user_only() -> None:
    policy = restore_policy("azure.directory-user", [ANN], even=True)
    assert "filters" not in policy
    assert policy["actions"] == [{"type": "enable-unused", "only": [ANN], "even-if-changed": "ann"}]


def test_objects_of_an_execution_are_one_journal(tmp_path: Path) -> None:
    """As a bucket holds them: each object some lines of the chain."""
    previous, texts = "0" * 64, []
    for one in LINES[:3]:
        content = {
            k: v for k, v in one.items() if k not in {"at", "hash", "previous", *vars(Origin("", "", ""))}
        }
        whole = line(content, Origin("run", "me", "p"), NOW, previous)
        previous = whole["hash"]
        texts.append(json.dumps(whole))
    for number, text in enumerate(texts, 1):
        file = tmp_path / f"p/journal/1f/{number:06}/c7n-unused-actions.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text(text + "\n")
    (found,) = journals([str(tmp_path)])
    assert (found.problems, len(found.lines)) == ([], 3)


REFUSED = {
    "neither": ([], "give --user NAME, or OUT and --all"),
    "both": (["OUT", "--user", "x", "--all"], "give --user NAME, or OUT and --all"),
    "all of nothing": (["--all"], "give --user NAME, or OUT and --all"),
    "insisting on all": (["OUT", "--all", "--even-if-changed"], "--even-if-changed is for one --user"),
    "where": (["--user", "x"], "without OUT give -p too"),
}


@pytest.mark.parametrize(("arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_wrong_input(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(cli, ["restore", *arguments])
    assert (result.exit_code, says in result.output) == (2, True)
