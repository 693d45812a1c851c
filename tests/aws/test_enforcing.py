"""disable-unused and its options through stock Custodian: one account, one run, then the way back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from click.testing import CliRunner, Result

from custom_filters.core.vocabulary import ACTIONS_FILE
from custom_filters.runner.main import cli
from custom_filters.sandbox.aws.people import (
    Certificate,
    Event,
    Key,
    Password,
    Person,
    ServiceCredential,
    SshKey,
    days,
)
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.inside import calling
from tests.aws.runs import custodian, embedded, give_notice, judged, policy, run, written

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
DUE = {"type": "unused-mark", "state": "due", "tag": "c7n-unused"}
OLD, OLD_PASSWORD = Key(used=days(200)), Password(used=days(200))
SEEN = (Event("DescribeInstances", days(2)),)
ADVICE = {"evidence": ["last-used", "access-advisor"], "assume-advisor-complete": True}
QUARANTINE = "c7n-unused-quarantine"

PEOPLE = (
    Person("denied.dan", password=OLD_PASSWORD, keys=(OLD, OLD)),
    Person("trail.tess", keys=(OLD,), events=SEEN),
    Person("trail.quiet", keys=(OLD,), events=(Event("DescribeInstances", days(20)),)),
    Person("admin.ada", keys=(OLD,), attached=("AdministratorAccess",)),
    Person("many.mia", password=OLD_PASSWORD, keys=(OLD, OLD), ssh_keys=(SshKey(),) * 4,
           certificates=(Certificate(),) * 2, service_credentials=(ServiceCredential(),) * 2,
           advisor={"s3": days(150)}),
    Person("hostile.hank", keys=(OLD,), tags={"c7n-unused-record": "1/2 garbage"}),
    Person("hostile.good", keys=(OLD,)),
    Person("exempt.late", keys=(OLD,)),
    Person("self.sue", password=OLD_PASSWORD, keys=(OLD,)),
)  # fmt: skip


def disable(who: str, action: dict[str, Any] | None = None, **found: Any) -> dict[str, Any]:
    """The disabling policy for the users whose name begins with `who`."""
    made = policy(f"disable-{who}", **{"exemptions": "none", **found})
    made["filters"].insert(0, {"type": "value", "key": "UserName", "op": "regex", "value": rf"^{who}\."})
    made["filters"].append(DUE)
    made["actions"] = [{"type": "disable-unused", "tag": "c7n-unused", **(action or {})}]
    return made


POLICIES = (
    disable("exempt", exemptions="exemptions.yml"),
    disable("denied", {"quarantine": True}),
    disable("trail"),
    disable("admin", {"include-admins": True}),
    disable("many", {"quarantine": True}, **ADVICE),
    disable("hostile"),
)
LATE = """exemptions:
  - {provider: aws, account: "*", user: exempt.late, reason: parental leave, approved_by: hr,
     expires: 2027-01-01}
"""


@dataclass(frozen=True)
class Story:
    """What one run of all policies did."""

    sandbox: Sandbox
    out: Path
    before: dict[str, Any]
    after: dict[str, Any]
    done: CompletedProcess[str]

    def log(self, who: str) -> list[dict[str, Any]]:
        text = (self.out / f"disable-{who}" / ACTIONS_FILE).read_text()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    out = tmp_path_factory.mktemp("out")
    exemptions = out / "exemptions.yml"
    exemptions.write_text("exemptions: []\n")

    def exempt_late(cloud: str, action: str, phase: str, is_write: bool) -> None:
        """The filter has read its exemptions by now; the action has not."""
        if action == "ListSSHPublicKeys":
            exemptions.write_text(LATE)

    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(*PEOPLE)
        give_notice(sandbox, *(person.name for person in PEOPLE if person.name != "hostile.hank"))
        before = sandbox.aws.snapshot()
        sandbox.on_request = exempt_late
        done = custodian(sandbox, out, *POLICIES, policy("gone", verdicts=["no-credentials"]))
        sandbox.on_request = None
        yield Story(sandbox, out, before, sandbox.aws.snapshot(), done)


def statuses(user: dict[str, Any]) -> set[str]:
    kinds = ("keys", "ssh_keys", "certificates", "service_credentials")
    return {status for kind in kinds for status in user[kind].values()}


def credentials(user: dict[str, Any]) -> dict[str, Any]:
    return {kind: value for kind, value in user.items() if kind != "tags"}


def test_a_note_that_cannot_be_right_is_never_due(story: Story) -> None:
    """It is for mark-for-op and unmark-unused to replace it; see the walk."""
    assert story.done.returncode == 0
    assert story.after["hostile.hank"] == story.before["hostile.hank"]
    assert statuses(story.after["hostile.good"]) == {"Inactive"}


def test_quarantine_denies_everything_and_keeps_the_password(story: Story) -> None:
    user = story.after["denied.dan"]
    assert (user["password"], statuses(user)) == (True, {"Inactive"})
    denied, older = json.loads(user["inline"][QUARANTINE])["Statement"]
    assert (denied["Effect"], denied["Action"], denied["Resource"]) == ("Deny", "*", "*")
    assert older["Condition"] == {"DateLessThan": {"aws:TokenIssueTime": "2026-06-15T12:00:00Z"}}
    assert user["tags"]["c7n-unused"] == ""


def test_cloudtrail_knows_the_last_hours(story: Story) -> None:
    """What came before the mark is no news: the sources that are judged by knew it."""
    assert credentials(story.after["trail.tess"]) == credentials(story.before["trail.tess"])
    assert statuses(story.after["trail.quiet"]) == {"Inactive"}
    back = next(e for e in story.log("trail") if e["principal"]["user"] == "trail.tess")
    assert (back["operation"], back["result"]) == ("unmark", "intended")
    assert back["reason"].startswith("active: cloudtrail saw the user 2 days ago")
    assert story.after["trail.tess"]["tags"]["c7n-unused"] == ""


def test_admins_when_the_policy_says_so(story: Story) -> None:
    assert statuses(story.after["admin.ada"]) == {"Inactive"}


def test_a_long_record_is_split_over_tags(story: Story) -> None:
    user = story.after["many.mia"]
    assert statuses(user) == {"Inactive"}
    parts = {key: value for key, value in user["tags"].items() if key.startswith("c7n-unused-record")}
    assert set(parts) == {"c7n-unused-record", "c7n-unused-record-2"}
    assert all(len(value) <= 256 for value in parts.values())


def test_exemptions_are_read_again_just_before(story: Story) -> None:
    assert credentials(story.after["exempt.late"]) == credentials(story.before["exempt.late"])
    assert "exempt: parental leave" in [e["reason"] for e in story.log("exempt")]


def test_nobody_switches_themselves_off(story: Story, tmp_path: Path) -> None:
    """Called with the very key that would be switched off."""
    own = {**story.sandbox.child_environment(), **story.sandbox.aws.credentials_of("self.sue")}
    own.pop("AWS_SESSION_TOKEN")
    files = written(tmp_path, [disable("self")])
    assert run("run", "-s", str(tmp_path), *files, env=own, cwd=tmp_path).returncode == 0
    (line,) = map(json.loads, (tmp_path / "disable-self" / ACTIONS_FILE).read_text().splitlines())
    assert (line["result"], line["reason"]) == ("skipped", "it is the identity that runs this policy")
    assert story.sandbox.aws.snapshot()["self.sue"] == story.before["self.sue"]


def invoke(story: Story, *args: object) -> Result:
    with calling(story.sandbox):
        return CliRunner().invoke(cli, [str(arg) for arg in args])


def test_a_changed_or_dropped_line_is_found(story: Story, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    copy = Path(shutil.copy(story.out / "disable-many" / ACTIONS_FILE, logs))
    text = copy.read_text()
    assert invoke(story, "verify", logs).exit_code == 0
    copy.write_text(text.replace('"before":"on"', '"before":"off"', 1))
    assert "line 1 was changed after it was written" in invoke(story, "verify", logs).output
    copy.write_text("".join(text.splitlines(keepends=True)[:2] + text.splitlines(keepends=True)[3:]))
    assert "line 3 does not follow the line before it" in invoke(story, "verify", logs).output


def test_who_was_switched_off_is_no_finding_any_more(story: Story) -> None:
    """In the same run already, although the credential report is older."""
    assert judged(story.out, "gone").keys() == {
        "denied.dan", "trail.quiet", "admin.ada", "many.mia", "hostile.good",
    }  # fmt: skip


@pytest.mark.slow
def test_the_way_back(story: Story, tmp_path: Path) -> None:
    """By command, from the run's own record."""
    result = invoke(story, "restore", story.out, "--user", "many.mia", "-s", tmp_path)
    assert result.exit_code == 0, result.output
    user = story.sandbox.aws.snapshot()["many.mia"]
    assert credentials(user) == credentials(story.before["many.mia"])
    assert not any(text for key, text in user["tags"].items() if key.startswith("c7n-unused"))
    again = invoke(story, "restore", story.out, "--user", "many.mia", "-s", tmp_path)
    assert (again.exit_code, "already restored" in again.output) == (0, True)


def test_nobody_matched(story: Story, tmp_path: Path) -> None:
    assert invoke(story, "restore", story.out, "--user", "nobody", "-s", tmp_path).exit_code == 3


def test_what_others_changed_since_is_refused(story: Story, tmp_path: Path) -> None:
    """AWS found a key in public; who insists names the user."""
    backend = story.sandbox.aws.account().backend
    backend.put_user_policy("admin.ada", "AllDenied", json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
    }))  # fmt: skip
    refused = invoke(story, "restore", story.out, "--user", "admin.ada", "-s", tmp_path)
    assert refused.exit_code == 3
    assert "the inline policy AllDenied, which is not ours, denies the user everything" in refused.output
    assert statuses(story.sandbox.aws.snapshot()["admin.ada"]) == {"Inactive"}
    insisted = invoke(story, "restore", story.out, "--user", "admin.ada", "--even-if-changed", "-s", tmp_path)
    assert insisted.exit_code == 0, insisted.output
    assert statuses(story.sandbox.aws.snapshot()["admin.ada"]) == {"Active"}


def test_restore_by_the_record_in_the_cloud_alone(story: Story, tmp_path: Path) -> None:
    result = invoke(story, "restore", "-p", "aws", "--user", "hostile.good", "-s", tmp_path)
    assert result.exit_code == 0, result.output
    assert statuses(story.sandbox.aws.snapshot()["hostile.good"]) == {"Active"}
