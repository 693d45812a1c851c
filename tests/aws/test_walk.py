"""The whole walk on the embedded AWS, through stock `custodian`: it reads like the story that it is."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from custom_filters.core.actionlog import verify

from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.aws.people import Key, Password, Person, days

START = datetime(2026, 6, 15, 12, 0, tzinfo=timezone.utc)
POLICIES = Path(__file__).parents[2] / "policies" / "aws" / "enforce.yml"
CUSTODIAN = Path(sys.executable).parent / "custodian"
NOTICE = timedelta(hours=336)
EXEMPT_EVE = """
  - {provider: aws, account: "*", user: exempted.eve, reason: parental leave, approved_by: hr@example.com,
     expires: 2026-12-31}
"""

PEOPLE = (
    Person("stale.sam", password=Password(used=days(200)), keys=(Key(used=days(150)), Key(used=days(120)))),
    Person("never.nina", keys=(Key(),), tags={"owner": "ops@example.com", "team": "data"}),
    Person("returns.rita", keys=(Key(used=days(110)),)),
    Person("exempted.eve", password=Password(used=days(300))),
    Person("nonsense.nat", keys=(Key(used=days(100)),)),
    Person("hasty.hal", keys=(Key(used=days(80)),)),
    Person("active.amy", password=Password(used=days(1)), keys=(Key(used=days(300)),)),
    Person("admin.ada", keys=(Key(used=days(300)),), attached=("AdministratorAccess",)),
    Person("new.ned", created=days(3), keys=(Key(),)),
    Person("off.olga", keys=(Key(used=days(300), active=False),)),
    # The crowd, at work until long after the story's end: else `max-resources` would stop it.
    *(Person(f"busy.{n}", created=days(2), keys=(Key(),)) for n in range(20)),
)
MARKED = {"stale.sam", "never.nina", "returns.rita", "exempted.eve", "nonsense.nat", "hasty.hal", "admin.ada"}


class Walk:
    """An account, its exemptions file and the user policies of enforce.yml, run again and again."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.exemptions = folder / "exemptions.yml"
        self.exemptions.write_text("exemptions: []\n")

    def run(self, *names: str, file: Path = POLICIES) -> subprocess.CompletedProcess[str]:
        command = [str(CUSTODIAN), "run", "-s", str(self.folder / "out"), "--cache-period", "0", str(file)]
        for name in names or ("aws-iam-user-unused-*",):
            command += ["-p", name]
        environment = self.sandbox.child_environment()
        return subprocess.run(
            command,
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def tags(self, name: str) -> dict[str, str]:
        found: dict[str, str] = self.sandbox.aws.snapshot()[name]["tags"]
        return found

    def marked(self) -> set[str]:
        return {name for name, user in self.sandbox.aws.snapshot().items() if "c7n-unused" in user["tags"]}

    def live(self) -> dict[str, Any]:
        """What is on, by user."""
        return {
            name: (user["password"], {k for k, status in user["keys"].items() if status == "Active"})
            for name, user in self.sandbox.aws.snapshot().items()
        }

    def log(self, policy: str) -> list[dict[str, Any]]:
        lines = (self.folder / "out" / policy / "c7n-unused-actions.jsonl").read_text().splitlines()
        assert verify(lines) == []
        return [json.loads(line) for line in lines]


@pytest.fixture
def walk(tmp_path: Path) -> Any:
    with Sandbox(Settings(users=0, now=START)) as sandbox:
        sandbox.aws.add(*PEOPLE)
        yield Walk(sandbox, tmp_path)


def test_from_notice_to_restore(walk: Walk) -> None:
    before = walk.sandbox.aws.snapshot()

    # Day 0: who is unused for 76 days is marked, with 14 days' notice. Nothing is switched off.
    assert walk.run().returncode == 0
    assert walk.marked() == MARKED
    assert walk.tags("stale.sam")["c7n-unused"].endswith("disable-unused@2026/06/29 1200 UTC")
    assert walk.tags("stale.sam")["c7n-unused-marked"].startswith(
        "1/1 2026-06-15T12:00:00Z until=2026-06-29T12:00:00Z access-key="
    )
    assert walk.live() == live_of(before)

    # Day 3: one mark becomes nonsense, one is moved into the past by hand. Neither brings anything forward.
    walk.sandbox.clock.advance(timedelta(days=3))
    edit_mark(walk, "nonsense.nat", "disable-unused@2020/01/01 10:30 UTC")
    edit_mark(walk, "hasty.hal", "moved by hand: disable-unused@2026/06/01 0000 UTC")
    again = walk.run()
    assert again.returncode == 0
    assert "nonsense.nat: mark c7n-unused is malformed" in again.stderr
    assert walk.live() == live_of(before)

    # One minute before the due hour: still nothing.
    walk.sandbox.clock.set(START + NOTICE - timedelta(minutes=1))
    assert walk.run().returncode == 0
    assert walk.live() == live_of(before)

    # The due hour. Rita used her key after the credential report was made; Eve was exempted meanwhile.
    walk.sandbox.clock.set(START + NOTICE)
    walk.sandbox.aws.use_key(walk.sandbox.aws.user("returns.rita").access_keys[0].access_key_id)
    walk.exemptions.write_text("exemptions:" + EXEMPT_EVE)
    assert walk.run().returncode == 0
    assert walk.live() == {
        **live_of(before),
        "stale.sam": (False, set()),
        "never.nina": (False, set()),
        "hasty.hal": (False, set()),
    }
    assert walk.marked() == {"nonsense.nat", "admin.ada"}
    log = walk.log("aws-iam-user-unused-disable")
    reasons = {(line["principal"]["user"], line["result"]): line["reason"] for line in log}
    assert reasons["admin.ada", "skipped"] == "privileged"
    assert reasons["returns.rita", "skipped"].startswith("active: ")
    record = walk.tags("stale.sam")["c7n-unused-record"]
    assert "password=password" in record
    assert record.count("access-key=") == 2

    # Again, at once, on the same credential report: it is too old to know, and nobody is switched off or
    # marked anew but Rita, whom it cannot know to be back. The next report does.
    after = walk.live()
    assert walk.run().returncode == 0
    assert walk.marked() <= {"nonsense.nat", "admin.ada", "returns.rita"}
    walk.sandbox.clock.advance(timedelta(hours=5))
    assert walk.run().returncode == 0
    assert walk.marked() == {"nonsense.nat", "admin.ada"}
    assert walk.live() == after

    # The way back: everything that the record lists, which is everything but a deleted password.
    restored = walk.run("restore", file=restore_policy(walk.folder))
    assert restored.returncode == 0
    assert_as_before(walk, before, passwords_lost={"stale.sam"})
    told = [line["reason"] for line in walk.log("restore") if line["credential"] == password_of("stale.sam")]
    assert "aws iam create-login-profile --user-name 'stale.sam'" in told[0]

    # Restored users are new again: they are not marked at once.
    assert walk.run().returncode == 0
    assert walk.marked() == {"nonsense.nat", "admin.ada"}


def live_of(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (user["password"], {k for k, status in user["keys"].items() if status == "Active"})
        for name, user in snapshot.items()
    }


def edit_mark(walk: Walk, name: str, value: str) -> None:
    import boto3

    environment = walk.sandbox.environment
    iam = boto3.client(
        "iam",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment["AWS_SESSION_TOKEN"],
    )
    iam.tag_user(UserName=name, Tags=[{"Key": "c7n-unused", "Value": value}])


def restore_policy(folder: Path) -> Path:
    policy = {
        "name": "restore",
        "resource": "aws.iam-user",
        "source": "unused-bulk",
        "filters": [{"tag:c7n-unused-record": "present"}],
        "actions": [{"type": "enable-unused", "tag": "c7n-unused"}],
    }
    path = folder / "restore.yml"
    path.write_text(json.dumps({"policies": [policy]}))
    return path


def password_of(name: str) -> dict[str, str]:
    return {"kind": "password", "id": "password"}


def assert_as_before(walk: Walk, before: dict[str, Any], passwords_lost: set[str]) -> None:
    """The account is what it was, but for our own tags and the passwords that are listed."""
    for name, user in walk.sandbox.aws.snapshot().items():
        expected = {**before[name], "password": before[name]["password"] and name not in passwords_lost}
        assert {**user, "tags": foreign(user["tags"])} == {**expected, "tags": foreign(expected["tags"])}, (
            name
        )


def foreign(tags: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith("c7n-unused")}
