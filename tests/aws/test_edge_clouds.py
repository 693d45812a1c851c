"""Users of whom AWS says too little, or something else each time: unknown there, judged elsewhere."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from custom_filters.sandbox.aws.people import Key, Password, Person, SshKey, days
from tests.aws.runs import VERDICTS, custodian, embedded, judged, policy

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
STALE = {"created": days(400), "password": Password(used=days(200))}
FAULTS = {
    "aws_omit": "row@no-row+row@no-row-young+cut@cut-row",
    "deny": "ListSSHPublicKeys@break-glass+ListSSHPublicKeys@break-glass-in-use",
}
#: Name -> the user, the verdict, and what its reason says.
CASES: dict[str, tuple[dict[str, object], str, str]] = {
    "no-row": (STALE, "unknown", "does not know the user"),
    "no-row-young": ({**STALE, "created": days(3)}, "new", "does not know the user"),
    "cut-row": (STALE, "unknown", "does not know the user"),
    "made-again": (STALE, "new", "is about an earlier user of that name"),
    "gone": (STALE, "", ""),
    "break-glass": (STALE, "unknown", "not authorized to perform: iam:ListSSHPublicKeys"),
    "break-glass-in-use": ({"password": Password(used=days(1))}, "active", ""),
    "neighbour": ({**STALE, "ssh_keys": (SshKey(active=False),)}, "stale", ""),
    "with-a-key": ({"keys": (Key(used=days(200)),)}, "stale", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, tuple[str, str]], str]:
    """Verdict and reason by user, and what Custodian printed, when the report is some hours old."""
    folder = tmp_path_factory.mktemp("clouds")
    asked = policy("all", days=90, verdicts=VERDICTS)
    with embedded(now=NOW, faults=FAULTS) as sandbox:
        sandbox.aws.add(*(Person(name, **person) for name, (person, _, _) in CASES.items()))  # type: ignore[arg-type]
        assert custodian(sandbox, folder / "first", asked).returncode == 0
        sandbox.aws.hand("recreate", "made-again")
        sandbox.aws.hand("delete", "gone")
        done = custodian(sandbox, folder / "second", asked)
    assert done.returncode == 0, done.stderr
    found = judged(folder / "second", "all")
    return {name: (one["user_verdict"], one["user_reason"]) for name, one in found.items()}, done.stderr


@pytest.mark.parametrize("name", CASES)
def test_what_is_missing_is_unknown(told: tuple[dict[str, tuple[str, str]], str], name: str) -> None:
    _, verdict, reason = CASES[name]
    found = told[0].get(name, ("", ""))
    assert (found[0], reason in found[1]) == (verdict, True), found


def test_a_refusal_of_one_user_is_told_once(told: tuple[dict[str, tuple[str, str]], str]) -> None:
    assert told[1].count("the SSH keys of 1 users may not be read, so they are unknown") == 1
