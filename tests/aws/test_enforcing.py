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
from tests.aws.runs import client, custodian, embedded, judged, policy, run, written

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
DUE = {"c7n-unused": "Resource does not meet policy: disable-unused@2026/06/01 0000 UTC"}
OLD, OLD_PASSWORD = Key(used=days(200)), Password(used=days(200))
SEEN = (Event("DescribeInstances", days(20)),)
ADVICE = {"evidence": ["last-used", "access-advisor"], "assume-advisor-complete": True}
QUARANTINE = "c7n-unused-quarantine"

PEOPLE = (
    Person("denied.dan", password=OLD_PASSWORD, keys=(OLD, OLD), tags=DUE),
    Person("trail.tess", keys=(OLD,), tags=DUE, events=SEEN),
    Person("trail.quiet", keys=(OLD,), tags=DUE, events=(Event("DescribeInstances", days(95)),)),
    Person("admin.ada", keys=(OLD,), tags=DUE, attached=("AdministratorAccess",)),
    Person("bare.bob", keys=(OLD,)),
    Person("many.mia", password=OLD_PASSWORD, keys=(OLD, OLD), ssh_keys=(SshKey(),) * 4, tags=DUE,
           certificates=(Certificate(),) * 2, service_credentials=(ServiceCredential(),) * 2,
           advisor={"s3": days(150)}),
    Person("hostile.hank", keys=(OLD,), tags={**DUE, "c7n-unused-record": "1/2 garbage"}),
    Person("hostile.good", keys=(OLD,), tags=DUE),
    Person("tagged.tom", keys=(OLD,), tags={**DUE, **{f"tag-{n}": "x" for n in range(49)}}),
    Person("exempt.late", keys=(OLD,), tags=DUE),
    Person("self.sue", password=OLD_PASSWORD, keys=(OLD,), tags=DUE),
)  # fmt: skip


def disable(who: str, action: dict[str, Any] | None = None, **found: Any) -> dict[str, Any]:
    """The disabling policy for the users whose name begins with `who`."""
    made = policy(f"disable-{who}", **{"exemptions": "none", **found})
    made["filters"].insert(0, {"type": "value", "key": "UserName", "op": "regex", "value": rf"^{who}\."})
    made["actions"] = [{"type": "disable-unused", "tag": "c7n-unused", **(action or {})}]
    return made


POLICIES = (
    disable("exempt", exemptions="exemptions.yml"),
    disable("denied", {"quarantine": True}),
    disable("trail", {"cloudtrail-veto": ["us-east-1"]}),
    disable("admin", {"include-admins": True}),
    disable("bare", {"require-mark": False}),
    disable("many", {"quarantine": True}, **ADVICE),
    disable("hostile"),
    disable("tagged"),
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


def test_policies_with_failures_fail_and_the_others_do_not(story: Story) -> None:
    assert story.done.returncode == 2
    failed = [p["name"] for p in POLICIES if "PolicyException" in json.dumps(metrics(story.out / p["name"]))]
    assert failed == ["disable-hostile", "disable-tagged"]


def metrics(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "metadata.json").read_text())["metrics"]
    return found


def test_quarantine_denies_everything_and_keeps_the_password(story: Story) -> None:
    user = story.after["denied.dan"]
    assert (user["password"], statuses(user)) == (True, {"Inactive"})
    denied, older = json.loads(user["inline"][QUARANTINE])["Statement"]
    assert (denied["Effect"], denied["Action"], denied["Resource"]) == ("Deny", "*", "*")
    assert older["Condition"] == {"DateLessThan": {"aws:TokenIssueTime": "2026-06-15T12:00:00Z"}}
    assert "c7n-unused" not in user["tags"]


def test_cloudtrail_only_vetoes(story: Story) -> None:
    assert credentials(story.after["trail.tess"]) == credentials(story.before["trail.tess"])
    assert statuses(story.after["trail.quiet"]) == {"Inactive"}
    veto = next(e for e in story.log("trail") if e["principal"]["user"] == "trail.tess")
    assert veto["reason"] == (
        "back in use: CloudTrail of us-east-1 has DescribeInstances at 2026-05-26T12:00:00Z"
    )
    assert "c7n-unused" not in story.after["trail.tess"]["tags"]


def test_admins_and_unmarked_users_when_the_policy_says_so(story: Story) -> None:
    assert statuses(story.after["admin.ada"]) == statuses(story.after["bare.bob"]) == {"Inactive"}


def test_a_long_record_is_split_over_tags(story: Story) -> None:
    user = story.after["many.mia"]
    assert statuses(user) == {"Inactive"}
    parts = {key: value for key, value in user["tags"].items() if key.startswith("c7n-unused-record")}
    assert set(parts) == {"c7n-unused-record", "c7n-unused-record-2"}
    assert all(len(value) <= 256 for value in parts.values())


def test_a_damaged_record_fails_its_user_only(story: Story) -> None:
    assert story.after["hostile.hank"] == story.before["hostile.hank"]
    assert statuses(story.after["hostile.good"]) == {"Inactive"}
    (failed,) = (e for e in story.log("hostile") if e["result"] == "failed")
    assert failed["principal"]["user"] == "hostile.hank"
    assert failed["reason"].startswith("'1/2 garbage' is not a record")
    assert "hostile.hank: '1/2 garbage' is not a record" in story.done.stderr


def test_without_room_for_the_record_nothing_is_touched(story: Story) -> None:
    assert story.after["tagged.tom"] == story.before["tagged.tom"]
    (failed,) = story.log("tagged")
    assert failed["reason"] == (
        "the user has 50 tags and AWS allows 50: no room for c7n-unused-record; remove one"
    )


def test_exemptions_are_read_again_just_before(story: Story) -> None:
    assert credentials(story.after["exempt.late"]) == credentials(story.before["exempt.late"])
    assert "exempt: parental leave" in [e["reason"] for e in story.log("exempt")]


def test_nobody_switches_themselves_off(story: Story, tmp_path: Path) -> None:
    """Called with the very key that would be switched off."""
    own = {**story.sandbox.child_environment(), **story.sandbox.aws.credentials_of("self.sue")}
    own.pop("AWS_SESSION_TOKEN")
    files = written(tmp_path, [disable("self")])
    assert run("run", "-s", str(tmp_path), *files, env=own, cwd=tmp_path).returncode == 0
    line = json.loads((tmp_path / "disable-self" / ACTIONS_FILE).read_text())
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
        "denied.dan", "trail.quiet", "admin.ada", "bare.bob", "many.mia", "hostile.good",
    }  # fmt: skip


def test_the_way_back(story: Story, tmp_path: Path) -> None:
    """By command, from the run's own record."""
    result = invoke(story, "restore", story.out, "--user", "many.mia", "-s", tmp_path)
    assert result.exit_code == 0, result.output
    user = story.sandbox.aws.snapshot()["many.mia"]
    assert credentials(user) == credentials(story.before["many.mia"])
    assert [key for key in user["tags"] if key.startswith("c7n-unused-record")] == []


def test_nothing_is_restored_where_run_and_cloud_differ(story: Story, tmp_path: Path) -> None:
    key = story.sandbox.aws.user("bare.bob").access_keys[0].access_key_id
    record = f"1/1 2026-06-15T12:00:00Z access-key={key} access-key=AKIZ"
    iam = client(story.sandbox, "iam")
    iam.tag_user(UserName="bare.bob", Tags=[{"Key": "c7n-unused-record", "Value": record}])
    result = invoke(story, "restore", story.out, "--user", "bare.bob", "-s", tmp_path)
    assert result.exit_code == 3
    in_cloud, in_run = f"access-key={key}, access-key=AKIZ", f"access-key={key}"
    assert f"the record in the cloud ({in_cloud}) is not that of the run ({in_run})" in result.output
    assert statuses(story.sandbox.aws.snapshot()["bare.bob"]) == {"Inactive"}
