"""What others do while disable-unused acts."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from c7n.exceptions import PolicyExecutionError

from custom_filters.core.vocabulary import ACTIONS_FILE
from custom_filters.sandbox.aws.people import Key, Person, days
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.inside import calling, collection, run
from tests.aws.runs import embedded, give_notice, policy

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
DUE = {"type": "unused-mark", "state": "due", "tag": "c7n-unused"}
FIRST, SECOND = "AKIAFIRST00000000000", "AKIASECOND0000000000"
SAM = Person("sam", keys=(Key(used=days(200), id=FIRST), Key(used=days(200), id=SECOND)))


def disabling() -> dict[str, Any]:
    made = policy("disable", exemptions="none")
    made["filters"].append(DUE)
    return {**made, "actions": [{"type": "disable-unused", "tag": "c7n-unused"}]}


def reasons(out: Path) -> list[tuple[str, str]]:
    lines = (out / "disable" / ACTIONS_FILE).read_text().splitlines()
    return [(line["result"], line["reason"]) for line in map(json.loads, lines)]


class Meanwhile:
    """Does something once, just after the n-th answer to `action`."""

    def __init__(self, sandbox: Sandbox, action: str, do: Any, number: int = 1) -> None:
        self.wanted, self.do, self.left = action, do, number
        sandbox.on_request = self

    def __call__(self, cloud: str, action: str, phase: str, is_write: bool) -> None:
        if (action, phase) == (self.wanted, "after"):
            self.left -= 1
            if self.left == 0:
                self.do()


def tag(sandbox: Sandbox, name: str, value: str) -> None:
    sandbox.aws.account().backend.tag_user("sam", [{"Key": name, "Value": value}])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s.aws.use_key(FIRST), "active: "),
        (lambda s: tag(s, "c7n-unused", ""), "mark c7n-unused is missing"),
        (lambda s: tag(s, "c7n-unused", "nonsense"), "mark c7n-unused is 'nonsense'"),
        (
            lambda s: tag(s, "c7n-unused", f"x: disable-unused@{NOW:%Y/%m/%d} 1201 UTC"),
            "mark c7n-unused says",
        ),
        (lambda s: s.aws.account().backend.users.pop("sam"), "it is gone"),
    ],
    ids=("used", "unmarked", "nonsense", "postponed", "deleted"),
)
def test_what_happens_after_the_selection_is_seen(tmp_path: Path, change: Any, reason: str) -> None:
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(SAM)
        give_notice(sandbox, "sam")
        keys = sandbox.aws.user("sam").access_keys
        Meanwhile(sandbox, "GetCallerIdentity", lambda: change(sandbox))
        with suppress(PolicyExecutionError):
            run(sandbox, tmp_path, disabling())
        assert {key.status for key in keys} == {"Active"}
    ((result, told), *_) = reasons(tmp_path)
    assert result != "done" or reason == "active: "
    assert told.startswith(reason)


def test_root_is_never_touched(tmp_path: Path) -> None:
    """No list of users has root; a resource from elsewhere may."""
    with embedded(now=NOW) as sandbox, calling(sandbox):
        (one,) = collection(sandbox, tmp_path, [disabling()])
        (action,) = one.resource_manager.actions
        arn = f"arn:aws:iam::{sandbox.aws.account_id}:root"
        root = {"UserName": "<root_account>", "UserId": sandbox.aws.account_id, "Arn": arn, "CreateDate": NOW}
        with one.ctx:
            action.process([root])
    assert reasons(tmp_path) == [("skipped", "root is never touched")]


def test_calls_do_not_grow_with_the_threads_that_act(tmp_path: Path) -> None:
    """One listing for the filter and the action, whatever the number of users."""
    people = [Person(f"old.{n}", keys=(Key(used=days(200)),)) for n in range(20)]
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(*people)
        give_notice(sandbox, *(person.name for person in people))
        run(sandbox, tmp_path, disabling())
        calls = sandbox.calls
        assert (calls["aws:ListUsers"], calls["aws:GetAccountAuthorizationDetails"]) == (1, 1)
        assert calls["aws:GetCallerIdentity"] == 1
        assert calls["aws:UpdateAccessKey"] == len(people)
