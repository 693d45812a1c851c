"""`match: credential`: 31 days and 14 of notice, key by key; and how much a first run may do at most."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.stub import Stubber
from click.testing import CliRunner

from custom_filters.aws.cloudtrail import Trail
from custom_filters.core.vocabulary import ACTIONS_FILE
from custom_filters.runner.main import cli
from custom_filters.sandbox.aws.people import Key, Password, Person, days
from tests.aws.inside import calling, run
from tests.aws.runs import ROOT, embedded

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
ENFORCE = ROOT / "policies/aws/enforce.yml"
TAG = "c7n-unused-credential"
AFTER_NOTICE = {"user": 90, "credential": 45}

PEOPLE = (
    Person("half.hal", password=Password(used=days(1)), keys=(Key(used=days(60)), Key(used=days(2)))),
    Person("both.bea", keys=(Key(used=days(40)), Key(used=days(50)))),
    Person("late.lou", keys=(Key(used=days(20)), Key(used=days(1)))),
    *(Person(f"busy.{n}", created=days(2), keys=(Key(),)) for n in range(6)),
)


def credential_policies() -> list[dict[str, Any]]:
    policies: list[dict[str, Any]] = yaml.safe_load(ENFORCE.read_text())["policies"]
    mine = [p for p in policies if p["name"].startswith("aws-iam-credential-")]
    for one in mine:
        one["filters"][-1]["exemptions"] = "none"
    return mine


def test_only_the_key_that_was_marked_is_switched_off(tmp_path: Path) -> None:
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(*PEOPLE)
        ids = {p.name: [k.access_key_id for k in sandbox.aws.user(p.name).access_keys] for p in PEOPLE}

        def enforce() -> dict[str, Any]:
            sandbox.aws.forget_report()
            run(sandbox, tmp_path, *credential_policies())
            found: dict[str, Any] = sandbox.aws.snapshot()
            return found

        def listed(name: str) -> set[str]:
            """Keys on the list of what was marked; their mark must be there too."""
            tags = sandbox.aws.snapshot()[name]["tags"]
            assert (TAG in tags) == (f"{TAG}-marked" in tags)
            words = tags.get(f"{TAG}-marked", "").split()
            return {w.removeprefix("access-key=") for w in words if w.startswith("access-key=")}

        # Day 0: the keys that were unused for 31 days are listed, and no other credential.
        enforce()
        assert listed("half.hal") == {ids["half.hal"][0]}
        assert listed("both.bea") == set(ids["both.bea"])
        assert listed("late.lou") == set()

        # Day 5: one key of two is back; the other's mark stands.
        sandbox.clock.advance(timedelta(days=5))
        sandbox.aws.use_key(ids["half.hal"][1])
        sandbox.aws.use_key(ids["both.bea"][0])
        enforce()
        assert listed("both.bea") == {ids["both.bea"][1]}

        # Day 14: what is on the list and unused for 45 days goes. Lou's old key was never announced.
        sandbox.clock.advance(timedelta(days=9))
        sandbox.aws.use_key(ids["half.hal"][1])
        users = enforce()
        assert users["half.hal"]["keys"] == {ids["half.hal"][0]: "Inactive", ids["half.hal"][1]: "Active"}
        assert users["half.hal"]["password"]
        assert users["both.bea"]["keys"] == {ids["both.bea"][0]: "Active", ids["both.bea"][1]: "Inactive"}
        assert set(users["late.lou"]["keys"].values()) == {"Active"}
        assert listed("late.lou") == {ids["late.lou"][0]}
        assert listed("half.hal") == listed("both.bea") == set()


@pytest.mark.parametrize("path", sorted(ROOT.glob("policies/*/enforce.yml")), ids=lambda p: p.parent.name)
def test_threshold_and_notice_add_up(path: Path) -> None:
    """Each mark policy's days and hours are the days of its disabling policy: the control's own figure."""
    policies = {p["name"]: p for p in yaml.safe_load(path.read_text())["policies"]}
    marking = [name for name in policies if name.endswith("-mark")]
    assert marking
    for name in marking:
        (mark,) = (a for a in policies[name]["actions"] if a["type"] == "mark-for-op")
        disabling = policies[f"{name.removesuffix('-mark')}-disable"]
        assert days_of(policies[name]) + timedelta(hours=mark["hours"]) == days_of(disabling), name
        assert days_of(policies[name]) == days_of(policies[f"{name.removesuffix('-mark')}-unmark"]), name


def days_of(policy: dict[str, Any]) -> timedelta:
    (found,) = (f for f in policy["filters"] if f.get("type") == "unused-credentials")
    return timedelta(days=found["days"])


def test_aws_meets_its_controls_to_the_day() -> None:
    policies = {p["name"]: p for p in yaml.safe_load(ENFORCE.read_text())["policies"]}
    assert days_of(policies["aws-iam-user-unused-disable"]) == timedelta(days=90)
    assert days_of(policies["aws-iam-credential-unused-disable"]) == timedelta(days=45)


def test_a_neglected_account_stops_at_max_resources(tmp_path: Path) -> None:
    """60 % unused: before any action, with what to do."""
    (tmp_path / "exemptions.yml").write_text("exemptions: []\n")
    path = tmp_path / "enforce.yml"
    path.write_text(
        ENFORCE.read_text().replace("&exemptions exemptions.yml", f"&exemptions {tmp_path}/exemptions.yml")
    )
    people = [Person(f"old.{n}", keys=(Key(used=days(200)),)) for n in range(6)]
    people += [Person(f"new.{n}", created=days(2), keys=(Key(),)) for n in range(4)]
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(*people)
        before = sandbox.aws.snapshot()
        with calling(sandbox):
            arguments = ["run", "--enforce", "--yes", "-s", str(tmp_path / "out"), str(path)]
            result = CliRunner().invoke(cli, arguments)
        assert sandbox.aws.snapshot() == before
    assert result.exit_code == 3
    assert "aws-iam-user-unused-mark selected 6 identities, more than its max-resources of" in result.output
    assert "look through the report, and if it is right raise max-resources" in result.output
    assert list(tmp_path.rglob(ACTIONS_FILE)) == []


@pytest.fixture
def trail() -> Iterator[tuple[Trail, Stubber]]:
    """One Region's trail and its answers."""
    client = boto3.client(
        "cloudtrail", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as answers:
        yield Trail({"us-east-1": client}, days=45), answers


def event(key: str | None) -> dict[str, Any]:
    made = {"EventName": "ListBuckets", "EventTime": NOW - timedelta(days=3)}
    return {**made, "AccessKeyId": key} if key else made


@pytest.mark.parametrize(
    ("made_by", "vetoes"),
    [("AKIAMINE", True), ("AKIAOTHER", False), ("ASIASESSION", True), ("AKIADELETED", True), (None, True)],
)
def test_events_of_the_users_other_keys_do_not_veto(trail: Any, made_by: str | None, vetoes: bool) -> None:
    """What cannot be told apart from the credential vetoes: a session, a console event, a deleted key."""
    one, answers = trail
    answers.add_response("lookup_events", {"Events": [event(made_by)]})
    assert bool(one.seen("half.hal", {"AKIAOTHER"}, NOW)) is vetoes


def test_every_page_is_read(trail: Any) -> None:
    one, answers = trail
    query = {
        "LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "half.hal"}],
        "StartTime": NOW - timedelta(days=45),
        "MaxResults": 50,
    }
    answers.add_response("lookup_events", {"Events": [event("AKIAOTHER")], "NextToken": "2"}, query)
    answers.add_response("lookup_events", {"Events": [], "NextToken": "3"}, {**query, "NextToken": "2"})
    answers.add_response("lookup_events", {"Events": [event("AKIAMINE")]}, {**query, "NextToken": "3"})
    said = one.seen("half.hal", {"AKIAOTHER"}, NOW)
    assert said == "back in use: CloudTrail of us-east-1 has ListBuckets at 2026-06-12T12:00:00Z"
