"""Each fault does what its row in the table says: set, called with an unmodified client, and gone again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.aws.faults import FAULTS
from custom_filters.sandbox.aws.people import Key, Password, Person, Role, days
from custom_filters.sandbox.aws.roles import ALLOW_ALL
from custom_filters.sandbox.faults import check
from tests.sandbox.aws.conftest import NOW, ONCE, Code

TAG = {"UserName": "sam", "Tags": [{"Key": "k", "Value": "v"}]}
SAM = Person("sam", password=Password(used=days(9)), keys=(Key(used=days(9), id="AKIAIOSFODNN7EXAMPLE"),))


@pytest.fixture(autouse=True)
def filled(sandbox: Sandbox) -> None:
    sandbox.aws.add(SAM, Person("eve", password=Password(used=days(1))), Role("worker"))


@pytest.mark.parametrize(
    ("fault", "value", "told"),
    [
        ("aws_rate", "many", "give a number"),
        ("throttle", 2.0, "the share of calls"),
        ("deny", 7.0, "ListUsers"),
        ("advisor", "sleepy", "failed or slow or never"),
        ("report", "late", "missing or a number"),
    ],
)
def test_values_that_are_refused(fault: str, value: str | float, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check([FAULTS], {fault: value})


# --- reads that lag writes
READS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "GetUser": ("aws_read_lag", lambda iam: iam.get_user(UserName="sam")["User"].get("Tags")),
    "ListUserTags": ("aws_read_lag", lambda iam: iam.list_user_tags(UserName="sam")["Tags"]),
    "ListAccessKeys": (
        "aws_read_lag",
        lambda iam: [k["Status"] for k in iam.list_access_keys(UserName="sam")["AccessKeyMetadata"]],
    ),
    "ListUsers": ("aws_list_lag", lambda iam: [u["UserName"] for u in iam.list_users()["Users"]]),
    "GetAccountAuthorizationDetails, users": (
        "aws_list_lag",
        lambda iam: [u.get("Tags") for u in details(iam, "User")["UserDetailList"]],
    ),
    "GetAccountAuthorizationDetails, roles": (
        "aws_list_lag",
        lambda iam: [r.get("Tags") for r in details(iam, "Role")["RoleDetailList"]],
    ),
    "GetRole": ("aws_read_lag", lambda iam: iam.get_role(RoleName="worker")["Role"].get("Tags")),
    "ListRolePolicies": (
        "aws_read_lag",
        lambda iam: iam.list_role_policies(RoleName="worker")["PolicyNames"],
    ),
}


def details(iam: Any, kind: str) -> Any:
    return iam.get_account_authorization_details(Filter=[kind])


def write(iam: Any) -> None:
    """Changes all that READS look at; each answer is right at once."""
    iam.tag_user(**TAG)
    iam.update_access_key(UserName="sam", AccessKeyId=SAM.keys[0].id, Status="Inactive")
    iam.create_user(UserName="new")
    iam.tag_role(RoleName="worker", Tags=TAG["Tags"])
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=ALLOW_ALL)


@pytest.mark.parametrize("read", READS)
def test_a_read_lags_writes(sandbox: Sandbox, iam: Any, read: str) -> None:
    fault, show = READS[read]
    sandbox.faults[fault] = 30
    before = show(iam)
    write(iam)
    assert show(iam) == before
    sandbox.clock.advance(timedelta(minutes=5))
    after = show(iam)
    assert after != before
    del sandbox.faults[fault]
    assert show(iam) == after


def test_each_write_is_seen_when_its_own_time_has_come(sandbox: Sandbox, iam: Any) -> None:
    sandbox.faults["aws_read_lag"] = 1800
    for value in "ab":
        iam.tag_user(UserName="sam", Tags=[{"Key": "k", "Value": value}])
        sandbox.clock.advance(timedelta(minutes=20))
    assert iam.list_user_tags(UserName="sam")["Tags"] == [{"Key": "k", "Value": "a"}]
    sandbox.clock.advance(timedelta(minutes=20))
    assert iam.list_user_tags(UserName="sam")["Tags"] == [{"Key": "k", "Value": "b"}]


@pytest.mark.parametrize("hand", ["delete", "recreate", "UpdateUser"])
def test_who_is_gone_is_still_read_for_a_while(sandbox: Sandbox, iam: Any, code: Code, hand: str) -> None:
    sandbox.faults["aws_read_lag"] = 30
    before = iam.get_user(UserName="sam")["User"]
    sandbox.aws.hand(hand, "sam", **({"NewUserName": "samuel"} if hand == "UpdateUser" else {}))
    assert iam.get_user(UserName="sam")["User"] == before
    sandbox.clock.advance(timedelta(minutes=5))
    if hand == "recreate":
        assert iam.get_user(UserName="sam")["User"]["UserId"] != before["UserId"]
    else:
        assert code(iam.get_user, UserName="sam") == ("NoSuchEntity", 404)


# --- evidence that lags, or is left out
def test_last_uses_are_hours_late_while_cloudtrail_knows(sandbox: Sandbox, iam: Any, client: Any) -> None:
    sandbox.faults.update(aws_evidence_lag=4, aws_trail_lag=5)
    sandbox.aws.sign_in("sam")
    sandbox.aws.use_key(SAM.keys[0].id, "ec2")
    sandbox.aws.hand("use-role", "worker")
    sandbox.clock.advance(timedelta(minutes=6))
    events = client("cloudtrail").lookup_events()["Events"]
    assert {"ConsoleLogin", "ListBuckets", "AssumeRole"} <= {event["EventName"] for event in events}
    assert seen(iam) == (NOW - days(9), NOW - days(9), None)
    sandbox.clock.advance(timedelta(hours=4))
    assert all(at and at >= NOW for at in seen(iam))


def seen(iam: Any) -> tuple[Any, ...]:
    """The last uses of sam's password and key, and of the role."""
    return (
        iam.get_user(UserName="sam")["User"].get("PasswordLastUsed"),
        iam.get_access_key_last_used(AccessKeyId=SAM.keys[0].id)["AccessKeyLastUsed"].get("LastUsedDate"),
        iam.get_role(RoleName="worker")["Role"]["RoleLastUsed"].get("LastUsedDate"),
    )


def test_the_report_shows_what_was_hours_ago(sandbox: Sandbox, iam: Any) -> None:
    sandbox.faults["aws_evidence_lag"] = 4
    iam.update_access_key(UserName="sam", AccessKeyId=SAM.keys[0].id, Status="Inactive")
    sandbox.aws.hand("recreate", "eve")
    rows = report(sandbox, iam)
    assert rows["sam"][8] == "true"
    assert rows["eve"][3] == "true"
    sandbox.clock.advance(timedelta(hours=5))
    rows = report(sandbox, iam)
    assert rows["sam"][8] == "false"
    assert rows["eve"][3] == "false"


def report(sandbox: Sandbox, iam: Any) -> dict[str, list[str]]:
    sandbox.aws.forget_report()
    iam.generate_credential_report()
    sandbox.clock.advance(timedelta(seconds=5))
    lines = iam.get_credential_report()["Content"].decode().splitlines()
    return {line.split(",")[0]: line.split(",") for line in lines}


def test_fields_are_left_out_by_user(sandbox: Sandbox, iam: Any) -> None:
    whole = report(sandbox, iam)
    sandbox.faults["aws_omit"] = "row@sam+cut@eve+used@sam"
    rows = report(sandbox, iam)
    assert "sam" not in rows
    assert rows["eve"] == whole["eve"][:7]
    assert "PasswordLastUsed" not in iam.get_user(UserName="sam")["User"]
    assert "PasswordLastUsed" in iam.get_user(UserName="eve")["User"]


# --- refusals and broken answers
@pytest.mark.parametrize(
    ("fault", "value", "expected"),
    [
        ("throttle", 1.0, ("Throttling", 400)),
        ("throttled", "ListUsers", ("Throttling", 400)),
        ("deny", "TagUser+iam:ListUsers", ("AccessDenied", 403)),
        ("error", "*", ("ServiceFailure", 500)),
        ("error", 0.9999, ("ServiceFailure", 500)),
        ("unavailable", "ListUsers", ("ServiceUnavailable", 503)),
        ("aws_expire", 0, ("ExpiredToken", 403)),
    ],
)
def test_refusals(
    sandbox: Sandbox, iam: Any, code: Code, fault: str, value: str | float, expected: tuple[str, int]
) -> None:
    sandbox.faults[fault] = value
    assert code(iam.list_users) == expected
    sandbox.faults.clear()
    assert iam.list_users()["Users"]


@pytest.mark.parametrize(
    ("service", "call", "fault", "expected"),
    [
        ("cloudtrail", "lookup_events", "throttle", ("ThrottlingException", 400)),
        ("cloudtrail", "lookup_events", "deny", ("AccessDeniedException", 400)),
        ("cloudtrail", "lookup_events", "aws_expire", ("ExpiredTokenException", 400)),
        ("s3", "list_buckets", "throttle", ("SlowDown", 503)),
        ("lambda", "list_functions", "throttle", ("ThrottlingException", 400)),
        ("ec2", "describe_regions", "deny", ("UnauthorizedOperation", 403)),
    ],
)
def test_faults_speak_each_services_language(
    sandbox: Sandbox, client: Any, code: Code, service: str, call: str, fault: str, expected: tuple[str, int]
) -> None:
    sandbox.faults[fault] = {"throttle": 1.0, "deny": "*", "aws_expire": 0}[fault]
    assert code(getattr(client(service), call)) == expected


def test_whom_and_where_a_refusal_is_about(sandbox: Sandbox, iam: Any, client: Any, code: Code) -> None:
    sandbox.faults["deny"] = "ListUserTags@sam+LookupEvents@eu-west-1+ListRoleTags@worker"
    assert code(iam.list_user_tags, UserName="sam") == ("AccessDenied", 403)
    assert code(iam.list_role_tags, RoleName="worker") == ("AccessDenied", 403)
    assert iam.list_user_tags(UserName="eve")["Tags"] == []
    assert code(client("cloudtrail", region="eu-west-1").lookup_events)[0] == "AccessDeniedException"
    assert client("cloudtrail").lookup_events()["Events"]


def test_a_fault_that_strikes_once(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.faults["error"] = "ListUsers@once"
    assert code(iam.list_users) == ("ServiceFailure", 500)
    assert iam.list_users()["Users"]


@pytest.mark.parametrize(
    ("fault", "error", "applied"),
    [
        ("drop", ConnectionClosedError, False),
        ("drop_after", ConnectionClosedError, True),
        ("garbled", ResponseParserError, False),
        ("truncated", ResponseParserError, True),
    ],
)
def test_answers_that_do_not_arrive(
    sandbox: Sandbox, iam: Any, fault: str, error: type[Exception], applied: bool
) -> None:
    sandbox.faults[fault] = "TagUser"
    with pytest.raises(error):
        iam.tag_user(**TAG)
    assert bool(sandbox.aws.snapshot()["sam"]["tags"]) is applied


def test_slow_answers(sandbox: Sandbox, iam: Any) -> None:
    sandbox.faults["slow"] = "GetUser"
    begin = time.monotonic()
    iam.get_user(UserName="sam")
    assert time.monotonic() - begin >= 2


def test_a_bucket_of_twenty_calls(sandbox: Sandbox, iam: Any, client: Any, code: Code) -> None:
    sandbox.faults["aws_rate"] = 0.01
    for _ in range(20):
        iam.get_user(UserName="sam")
    assert code(iam.get_user, UserName="sam") == ("Throttling", 400)
    client("sts").get_caller_identity()


def test_a_session_that_ends_can_be_renewed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, code: Code
) -> None:
    sandbox.faults["aws_expire"] = 2
    sandbox.aws.renewable = True
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in sandbox.aws.environment.items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        iam = Session().create_client("iam", config=ONCE)
        iam.list_users()
        iam.get_user(UserName="sam")
        assert code(iam.list_users) == ("ExpiredToken", 403)


def test_a_read_leaves_nothing_behind(sandbox: Sandbox, iam: Any) -> None:
    sandbox.faults["aws_read_lag"] = 600
    iam.tag_user(**TAG)
    sandbox.aws.hand("UpdateUser", "sam", NewUserName="samuel")
    assert iam.get_user(UserName="sam")["User"]["UserName"] == "sam"
    assert sandbox.aws.snapshot().keys() == {"eve", "samuel"}
    assert sandbox.aws.snapshot()["samuel"]["tags"] == {"k": "v"}
    iam.create_user(UserName="sam")
    assert sandbox.aws.snapshot()["sam"]["tags"] == {}
