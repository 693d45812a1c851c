"""`match: credential`: 31 days and 14 of notice, key by key; and how much a first run may do at most."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.stub import Stubber
from c7n.exceptions import PolicyExecutionError

from custom_filters.aws.cloudtrail import Trail, uses
from custom_filters.core.evidence import Used
from custom_filters.core.notes import Item, read_notes
from custom_filters.core.vocabulary import ACTIONS_FILE
from custom_filters.sandbox.aws.people import Key, Password, Person, days
from tests.aws.inside import run
from tests.aws.runs import ROOT, embedded

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
ENFORCE = ROOT / "policies/aws/enforce.yml"
TAG = "c7n-unused-credential"

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
        for found in one["filters"]:
            if found["type"] == "unused-credentials":
                found["exemptions"] = "none"
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
            """Keys whose notice runs; their mark must be there too."""
            tags = sandbox.aws.snapshot()[name]["tags"]
            notes = read_notes(tags, sandbox.aws.user(name).id, sandbox.clock.now())
            assert notes.problems == ()
            assert bool(tags.get(TAG)) == bool(notes.live(TAG))
            return {entry.id for entry in notes.live(TAG)}

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


def test_an_account_where_much_is_unused_stops_before_the_first_change(tmp_path: Path) -> None:
    """11 of 15: the advice names the option. Three of three are no reason to stop."""
    marking, *_ = yaml.safe_load(ENFORCE.read_text())["policies"]
    marking["filters"][-1]["exemptions"] = "none"
    people = [Person(f"old.{n}", keys=(Key(used=days(200)),)) for n in range(11)]
    people += [Person(f"new.{n}", created=days(2), keys=(Key(),)) for n in range(4)]
    says = "11 of 15 examined would be changed, more than 30 % and more than 10; if"
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(*people[:3])
        run(sandbox, tmp_path / "small", marking)
        assert sum(bool(u["tags"]) for u in sandbox.aws.snapshot().values()) == 3
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(*people)
        with pytest.raises(PolicyExecutionError, match=says):
            run(sandbox, tmp_path / "large", marking)
        assert not any(u["tags"] for u in sandbox.aws.snapshot().values())
    assert list((tmp_path / "large").rglob(ACTIONS_FILE)) == []


@pytest.fixture
def trail() -> Iterator[tuple[Trail, Stubber]]:
    """One Region's trail and its answers."""
    client = boto3.client(
        "cloudtrail", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as answers:
        yield Trail({"us-east-1": client}, "us-east-1"), answers


def event(key: str | None, name: str = "ListBuckets", failed: bool = False) -> dict[str, Any]:
    record = {"responseElements": {"ConsoleLogin": "Failure"}} if failed else {}
    made = {"EventName": name, "EventTime": NOW - timedelta(days=3), "CloudTrailEvent": json.dumps(record)}
    return {**made, "AccessKeyId": key} if key else made


MINE, PASSWORD = Item("access-key", "AKIAMINE"), Item("password", "password")
SEEN: dict[str, tuple[dict[str, Any], Item | None]] = {
    "its own key": (event("AKIAMINE"), MINE),
    "a session": (event("ASIASESSION"), None),
    "a deleted key": (event("AKIADELETED"), None),
    "by no key": (event(None), None),
    "a sign-in": (event(None, "ConsoleLogin"), PASSWORD),
}


@pytest.mark.parametrize(("made", "item"), SEEN.values(), ids=SEEN)
def test_whose_use_an_event_is(made: dict[str, Any], item: Item | None) -> None:
    """None: it cannot be told apart, and may be that of any credential."""
    expected = Used(NOW - timedelta(days=3), "cloudtrail", value=made["EventName"], covers=False)
    assert uses([made], ["AKIAMINE", "AKIAOTHER"]) == {item: expected}


def test_a_sign_in_that_failed_is_no_use() -> None:
    assert uses([event(None, "ConsoleLogin", failed=True)], []) == {}


def test_every_page_is_read(trail: Any) -> None:
    one, answers = trail
    since = NOW - timedelta(days=45)
    query = {
        "LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "half.hal"}],
        "StartTime": since,
        "MaxResults": 50,
    }
    answers.add_response("lookup_events", {"Events": [event("AKIAOTHER")], "NextToken": "2"}, query)
    answers.add_response("lookup_events", {"Events": [], "NextToken": "3"}, {**query, "NextToken": "2"})
    answers.add_response("lookup_events", {"Events": [event("AKIAMINE")]}, {**query, "NextToken": "3"})
    found = one.of_user("half.hal", [], since, NOW)
    assert [e["AccessKeyId"] for e in found.events] == ["AKIAOTHER", "AKIAMINE"]
    assert found.recent().state == "checked"


@pytest.mark.parametrize(
    ("code", "state"),
    [("AccessDeniedException", "unavailable"), ("ThrottlingException", "failed"), ("Oops", "failed")],
)
def test_a_region_that_cannot_be_asked(trail: Any, code: str, state: str) -> None:
    """Refused there, or failed this time: by the error's code."""
    one, answers = trail
    answers.add_client_error("lookup_events", code)
    recent = one.of_user("half.hal", [], NOW - timedelta(days=1), NOW).recent()
    assert (recent.state, "CloudTrail of us-east-1" in recent.reason) == (state, True)
