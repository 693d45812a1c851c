"""CloudTrail tells an access key's own calls from those of another, end to end."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from custom_filters.sandbox.aws.people import Event, Key, Person, days
from tests.aws import inside
from tests.aws.runs import embedded, give_notice, policy

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
STALE, LIVE = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"


@pytest.mark.parametrize(
    ("signed_by", "expected"),
    [(LIVE, "Inactive"), (STALE, "Active"), (None, "Active")],
    ids=["another key's call", "its own call", "a call by no key"],
)
def test_only_what_may_be_its_own_use_vetoes(tmp_path: Path, signed_by: str | None, expected: str) -> None:
    keys = (Key(used=days(200), id=STALE), Key(used=days(1), id=LIVE))
    seen = Event("DescribeInstances", days(2), access_key=signed_by)
    disabling = policy("disable", match="credential", exemptions="none")
    disabling["filters"].append({"type": "unused-mark", "state": "due", "tag": "c7n-unused"})
    action = {"type": "disable-unused", "tag": "c7n-unused", "regions": ["us-east-1"]}
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(Person("two.keys", keys=keys, events=(seen,)))
        give_notice(sandbox, "two.keys")
        inside.run(sandbox, tmp_path, {**disabling, "actions": [action]})
        assert sandbox.aws.snapshot()["two.keys"]["keys"] == {STALE: expected, LIVE: "Active"}
