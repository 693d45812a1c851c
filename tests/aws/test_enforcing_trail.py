"""What CloudTrail says of the last hours, and of whom it cannot, end to end."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from custom_filters.sandbox.aws.people import Event, Key, Password, Person, days
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws import inside
from tests.aws.runs import custodian, embedded, give_notice, policy

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


PASSWORD = {"password": Password(used=days(200))}
OWN = {"request": {"userName": "changed.own"}, "source": "iam.amazonaws.com"}
#: User -> what he has, and whether the password is gone after a run of disable-unused.
PASSWORDS: dict[str, tuple[dict[str, Any], bool]] = {
    "quiet": (PASSWORD, True),
    "reset.by-helpdesk": (PASSWORD, False),
    "made.anew": (PASSWORD, False),
    "changed.own": ({**PASSWORD, "events": (Event("ChangePassword", timedelta(hours=5), **OWN),)}, False),
    "signed.in": ({**PASSWORD, "events": (Event("ConsoleLogin", days(2)),)}, False),
}  # fmt: skip


def disabled(sandbox: Sandbox, out: Path, *names: str) -> tuple[dict[str, Any], str]:
    """The account, and the journal, after stock Custodian disabled those whose notice is over."""
    give_notice(sandbox, *names)
    made = policy("disable", exemptions="none")
    made["filters"].append({"type": "unused-mark", "state": "due", "tag": "c7n-unused"})
    made["actions"] = [{"type": "disable-unused", "tag": "c7n-unused"}]
    done = custodian(sandbox, out, made)
    assert done.returncode == 0, done.stderr
    return sandbox.aws.snapshot(), (out / "disable/c7n-unused-actions.jsonl").read_text()


def test_a_password_that_was_reset_since_the_report_stays(tmp_path: Path) -> None:
    """The report, and the last use, are hours late; CloudTrail is not."""
    with embedded(now=NOW, faults={"aws_evidence_lag": 4}) as sandbox:
        sandbox.aws.add(*(Person(name, **person) for name, (person, _) in PASSWORDS.items()))
        sandbox.aws.hand("UpdateLoginProfile", "reset.by-helpdesk", Password="another one")
        sandbox.aws.hand("DeleteLoginProfile", "made.anew")
        sandbox.aws.hand("CreateLoginProfile", "made.anew", Password="another one")
        after, _ = disabled(sandbox, tmp_path, *PASSWORDS)
    assert {name: not after[name]["password"] for name in PASSWORDS} == {
        name: gone for name, (_, gone) in PASSWORDS.items()
    }


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ({"deny": "LookupEvents@eu-west-1"}, "CloudTrail of eu-west-1"),
        ({"trail": "limited", "throttle": 0.1}, ""),
        ({"aws_expire": 60}, ""),
    ],
    ids=["a-region-refuses", "two-a-second-and-throttled", "sessions-end-half-way"],
)
def test_what_hinders_does_not_stop(tmp_path: Path, faults: dict[str, Any], told: str) -> None:
    people = [Person(f"due.{n}", keys=(Key(used=days(200)),), **PASSWORD) for n in range(2)]
    with embedded(now=NOW, faults=faults) as sandbox:
        sandbox.aws.renewable = "aws_expire" in faults
        sandbox.aws.add(*people)
        after, journal = disabled(sandbox, tmp_path, *(one.name for one in people))
    assert {(one["password"], *one["keys"].values()) for one in after.values()} == {(False, "Inactive")}
    assert told in journal
    assert ("not checked in the last hours" in journal) == bool(told)


def test_a_region_that_is_down_is_waited_for_once(tmp_path: Path) -> None:
    """12 users, 10 at once: those after the first are left alone without asking it again."""
    people = [Person(f"due.{n}", **PASSWORD) for n in range(12)]
    with embedded(now=NOW, faults={"error": "LookupEvents@eu-west-1"}) as sandbox:
        sandbox.aws.add(*people)
        after, journal = disabled(sandbox, tmp_path, *(one.name for one in people))
        asked = sandbox.calls["aws:LookupEvents"]
    assert all(one["password"] for one in after.values())
    assert journal.count("could not be checked this time: CloudTrail of eu-west-1") == len(people)
    assert asked == 12 * 16 + 3 + 8


def test_how_many_calls_a_user_costs_who_is_about_to_be_disabled(tmp_path: Path) -> None:
    """A password and a key: 13 calls of IAM, and two look-ups in each of the 17 Regions."""
    counted = []
    for number in (1, 3):
        people = [Person(f"due.{n}", keys=(Key(used=days(200)),), **PASSWORD) for n in range(number)]
        with embedded(now=NOW) as sandbox:
            sandbox.aws.add(*people)
            disabled(sandbox, tmp_path / str(number), *(one.name for one in people))
            counted.append(dict(sandbox.calls))
    one, three = counted
    grown = {action.removeprefix("aws:"): (three[action] - one[action]) / 2 for action in three}
    assert {action: n for action, n in grown.items() if n} == {
        "GetUser": 2, "GetLoginProfile": 1, "ListAccessKeys": 1, "GetAccessKeyLastUsed": 1,
        "ListSSHPublicKeys": 2, "ListServiceSpecificCredentials": 1, "ListSigningCertificates": 1,
        "LookupEvents": 34, "TagUser": 2, "UpdateAccessKey": 1, "DeleteLoginProfile": 1,
    }  # fmt: skip
