"""The whole walk of IAM roles through the shipped policies: notice, disabling, restore, notice again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from custom_filters.aws.permissions import PARTS
from custom_filters.sandbox.aws.people import Key, Person, Role, days
from custom_filters.sandbox.aws.roles import DENY_ALL
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.runs import ROOT, custodian, embedded

START = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
NOTICE = timedelta(hours=336)
ENFORCE = ROOT / "policies/aws/roles-enforce.yml"
ROLES = (
    Role("stale", created=days(900), used=days(200), tags={"owner": "ops@example.com"}),
    Role("never", created=days(250)),
    Role("long-ago", created=days(900)),
    Role("comes-back", created=days(900), used=days(300)),
    Role("kept", created=days(900), used=days(300)),
    Role("of-a-stack", created=days(900), used=days(300), runs=("stack",)),
    Role("has-an-instance", created=days(300), runs=("instance",)),
    Role("administration", created=days(900), attached=("AdministratorAccess",)),
    Role("at-work", created=days(900), used=days(1)),
    Role("young", created=days(20)),
)
UNUSED = {"stale", "never", "long-ago"}


class Walk:
    """An account, and the shipped policies run again and again."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        (folder / "exemptions.yml").write_text("exemptions: []\n")

    def run(self, runs: str) -> None:
        (self.folder / runs).mkdir()
        (self.folder / runs / "exemptions.yml").write_text((self.folder / "exemptions.yml").read_text())
        done = custodian(self.sandbox, self.folder / runs, ENFORCE)
        assert done.returncode == 0, done.stderr

    def restore(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "custom_filters", "restore", *arguments],
            env=self.sandbox.child_environment(), cwd=self.folder,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def marked(self) -> set[str]:
        return {name for name, role in self.sandbox.aws.roles().items() if role["tags"].get("c7n-unused")}

    def denied(self) -> set[str]:
        roles = self.sandbox.aws.roles().items()
        return {name for name, role in roles if "c7n-unused-quarantine" in role["inline"]}

    def record(self, name: str) -> str:
        return str(self.sandbox.aws.roles()[name]["tags"].get("c7n-unused-record", ""))


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    with embedded(now=START) as sandbox:
        sandbox.aws.add(*ROLES)
        yield Walk(sandbox, tmp_path)


@pytest.mark.slow
def test_from_notice_to_restore(walk: Walk) -> None:
    before: dict[str, Any] = walk.sandbox.aws.roles()

    # Day 0: who was not assumed for 166 days is marked, with 14 days' notice. Nothing is denied.
    walk.run("day-0")
    assert walk.marked() == UNUSED | {"comes-back", "kept"}
    assert walk.sandbox.aws.roles()["stale"]["tags"]["c7n-unused"].endswith("@2026/06/29 1200 UTC")
    assert "2606151200 2606291200 role=role" in walk.record("stale")
    assert walk.denied() == set()

    # A minute before the hour: nothing yet.
    walk.sandbox.clock.set(START + NOTICE - timedelta(minutes=1))
    walk.run("too-soon")
    assert walk.denied() == set()

    # The hour. One role was assumed, which only CloudTrail knows so far; one is exempt by now.
    walk.sandbox.clock.set(START + NOTICE)
    walk.sandbox.faults["aws_evidence_lag"] = 4
    walk.sandbox.aws.hand("use-role", "comes-back")
    entry = {"provider": "aws", "account": "*", "user": "kept", "reason": "disaster recovery"}
    text = ", ".join(f'{k}: "{v}"' for k, v in {**entry, "approved_by": "a@example.com"}.items())
    (walk.folder / "exemptions.yml").write_text(f"exemptions: [{{{text}, expires: 2026-12-31}}]\n")
    walk.run("due")
    assert (walk.denied(), walk.marked()) == (UNUSED, set())
    assert "off=2606291200" in walk.record("stale")
    for name in before.keys() - UNUSED:
        assert walk.sandbox.aws.roles()[name]["inline"] == before[name]["inline"]

    # Once more, with all evidence there: nobody is acted on twice.
    del walk.sandbox.faults["aws_evidence_lag"]
    walk.run("again")
    assert (walk.denied(), walk.marked()) == (UNUSED, set())

    # Restored from the journal, then from the cloud's record alone; what others did since is refused.
    assert walk.restore("due", "--user", "stale").returncode == 0
    assert walk.denied() == UNUSED - {"stale"}
    assert walk.record("stale") == ""
    assert walk.restore("-p", "aws", "--user", "role/never").returncode == 0
    assert walk.denied() == {"long-ago"}
    walk.sandbox.aws.hand("PutRolePolicy", "long-ago", PolicyName="foreign-deny", PolicyDocument=DENY_ALL)
    refused = walk.restore("due", "--user", "long-ago")
    assert refused.returncode == 3
    assert "the inline policy foreign-deny, which is not ours, denies the role everything" in refused.stdout
    walk.sandbox.aws.hand("DeleteRolePolicy", "long-ago", PolicyName="foreign-deny")
    assert walk.restore("due", "--all").returncode == 0
    after = walk.sandbox.aws.roles()
    assert {name: role["inline"] for name, role in after.items()} == {
        n: r["inline"] for n, r in before.items()
    }

    # Nobody assumed them since: full notice again, and no denial before it ran out.
    walk.run("notice-again")
    assert walk.marked() == UNUSED | ({"comes-back"} & walk.marked())
    assert walk.denied() == set()
    assert walk.sandbox.aws.roles()["stale"]["tags"]["c7n-unused"].endswith("@2026/07/13 1200 UTC")


@pytest.mark.slow
def test_roles_are_touched_only_where_they_are_named(tmp_path: Path) -> None:
    """Who granted users only has users marked, and one sentence says what roles would need."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "custom_filters",
            "run",
            "-p",
            "aws",
            "--enforce",
            "--yes",
            *arguments,
        ]
        env = sandbox.child_environment()
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)

    (tmp_path / "exemptions.yml").write_text("exemptions: []\n")
    with embedded(now=START) as sandbox:
        sandbox.aws.add(*ROLES, Person("first", keys=(Key(used=days(200)),)))
        sandbox.faults["deny"] = "+".join(p.partition(":")[2] for p in PARTS["roles"])
        plain = run()
        assert (plain.returncode, "aws-iam-role" in plain.stdout) == (0, False), plain.stdout + plain.stderr
        assert sandbox.aws.snapshot()["first"]["tags"]["c7n-unused"]
        sandbox.aws.add(Person("second", keys=(Key(used=days(200)),)))
        sandbox.aws.forget_report()
        named = run("--policy", "aws-iam-role-unused-mark", "--policy", "aws-iam-user-unused-mark")
        assert named.returncode == 3
        assert sandbox.aws.snapshot()["second"]["tags"]["c7n-unused"]
        assert not any(role["tags"].get("c7n-unused") for role in sandbox.aws.roles().values())
    assert named.stdout.count("not authorized to perform: iam:") == 1, named.stdout
