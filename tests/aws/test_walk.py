"""The whole walk on the embedded AWS, through stock `custodian`: it reads like the story that it is."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from custom_filters.core.journal import verify
from custom_filters.runner.main import cli
from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.aws.people import Key, Password, Person, days
from tests.aws.inside import calling
from tests.aws.runs import custodian

START = datetime(2026, 6, 15, 12, 0, tzinfo=timezone.utc)
POLICIES = Path(__file__).parents[2] / "policies" / "aws" / "enforce.yml"
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
MARKED = {"stale.sam", "never.nina", "returns.rita", "exempted.eve", "nonsense.nat", "hasty.hal"}


class Walk:
    """An account, its exemptions file and the user policies of enforce.yml, run again and again."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.exemptions = folder / "out" / "exemptions.yml"
        self.exemptions.parent.mkdir()
        self.exemptions.write_text("exemptions: []\n")

    def run(self, only: str = "aws-iam-user-*", file: Path = POLICIES) -> subprocess.CompletedProcess[str]:
        return custodian(self.sandbox, self.folder / "out", file, only=only)

    def restore(self) -> Result:
        """Everybody whom the runs so far switched off."""
        with calling(self.sandbox):
            arguments = ["restore", str(self.folder / "out"), "--all", "-s", str(self.folder / "back")]
            return CliRunner().invoke(cli, arguments)

    def tags(self, name: str) -> dict[str, str]:
        found: dict[str, str] = self.sandbox.aws.snapshot()[name]["tags"]
        return found

    def marked(self) -> set[str]:
        return {name for name, user in self.sandbox.aws.snapshot().items() if user["tags"].get("c7n-unused")}

    def live(self) -> dict[str, Any]:
        """What is on, by user."""
        return {
            name: (user["password"], {k for k, status in user["keys"].items() if status == "Active"})
            for name, user in self.sandbox.aws.snapshot().items()
        }

    def log(self, policy: str) -> list[dict[str, Any]]:
        lines = (self.folder / "out" / policy / "c7n-unused-actions.jsonl").read_text().splitlines()
        assert verify(lines) == []
        return [line for line in map(json.loads, lines) if line["step"] == "outcome"]


@pytest.fixture
def walk(tmp_path: Path) -> Any:
    with Sandbox(Settings(users=0, now=START)) as sandbox:
        sandbox.aws.add(*PEOPLE)
        yield Walk(sandbox, tmp_path)


@pytest.mark.slow
def test_from_notice_to_restore(walk: Walk) -> None:
    before = walk.sandbox.aws.snapshot()

    # Day 0: who is unused for 76 days is marked, with 14 days' notice. Nothing is switched off.
    assert walk.run().returncode == 0
    assert walk.marked() == MARKED
    assert walk.tags("stale.sam")["c7n-unused"] == "Unused: disable-unused@2026/06/29 1200 UTC"
    record = walk.tags("stale.sam")["c7n-unused-record"]
    assert record.split()[1:4] == ["c7n-unused", "2606151200", "2606291200"]
    assert walk.live() == live_of(before)

    # Day 3: one mark becomes nonsense, one is moved into the past by hand. Both are told, once, and set
    # right: the notice that was given stands.
    walk.sandbox.clock.advance(timedelta(days=3))
    edit_mark(walk, "nonsense.nat", "disable-unused@2020/01/01 10:30 UTC")
    edit_mark(walk, "hasty.hal", "moved by hand: disable-unused@2026/06/01 0000 UTC")
    told = walk.run()
    assert told.returncode == 2
    moved = "hasty.hal: mark c7n-unused says 2026-06-01T00:00:00Z, the record 2026-06-29T12:00:00Z"
    assert moved in told.stderr
    assert "nonsense.nat: mark c7n-unused is 'disable-unused@2020/01/01 10:30 UTC', not" in told.stderr
    assert walk.run().returncode == 0
    assert walk.tags("hasty.hal")["c7n-unused"].endswith("disable-unused@2026/06/29 1200 UTC")
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
    off = {
        **live_of(before),
        "stale.sam": (False, set()),
        "never.nina": (False, set()),
        "hasty.hal": (False, set()),
        "nonsense.nat": (False, set()),
    }
    assert walk.live() == off
    assert walk.marked() == set()
    log = walk.log("aws-iam-user-unused-disable")
    reasons = {(line["principal"]["user"], line["operation"], line["result"]): line["reason"] for line in log}
    assert reasons["returns.rita", "unmark", "done"].startswith("active: ")
    record = walk.tags("stale.sam")["c7n-unused-record"]
    assert "off=2606291200 access-key=" in record
    assert record.endswith("password=password")

    # Again, at once, on the same credential report, and with the next one: nothing.
    assert walk.run().returncode == 0
    walk.sandbox.clock.advance(timedelta(hours=5))
    assert walk.run().returncode == 0
    assert walk.marked() == set()
    assert walk.live() == off

    # The way back, for the whole run: everything but a deleted password. Again: nothing is left to do.
    result = walk.restore()
    assert result.exit_code == 0, result.output
    assert "aws iam create-login-profile --user-name 'stale.sam'" in result.output
    assert_as_before(walk, before, passwords_lost={"stale.sam"})
    again = walk.restore()
    assert (again.exit_code, "already restored" in again.output) == (0, True)

    # Who was restored and stays unused is marked anew, with full notice.
    walk.sandbox.clock.advance(timedelta(hours=5))
    assert walk.run().returncode == 0
    assert walk.marked() == {"stale.sam", "never.nina", "hasty.hal", "nonsense.nat"}
    assert walk.tags("never.nina")["c7n-unused"].endswith("disable-unused@2026/07/13 2200 UTC")


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


def assert_as_before(walk: Walk, before: dict[str, Any], passwords_lost: set[str]) -> None:
    """The account is what it was, but for our own tags and the passwords that are listed."""
    for name, user in walk.sandbox.aws.snapshot().items():
        expected = {**before[name], "password": before[name]["password"] and name not in passwords_lost}
        assert {**user, "tags": foreign(user["tags"])} == {**expected, "tags": foreign(expected["tags"])}, (
            name
        )


def foreign(tags: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith("c7n-unused")}
