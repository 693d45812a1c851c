from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.aws.people import Key, Person, days
from tests.sandbox.aws.conftest import NOW, Code


def test_the_caller_is_a_role_and_no_user(sandbox: Sandbox, client: Any, iam: Any) -> None:
    assert client("sts").get_caller_identity()["Arn"] == sandbox.aws.caller_arn
    assert iam.list_users()["Users"] == []


def test_a_user_can_be_the_caller(sandbox: Sandbox, client: Any) -> None:
    sandbox.aws.add(Person("a", path="/x/", keys=(Key(),)))
    who = client("sts", sandbox.aws.credentials_of("a")).get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{sandbox.aws.account_id}:user/x/a"


def test_calls_are_counted(sandbox: Sandbox, client: Any, iam: Any) -> None:
    iam.list_users()
    iam.list_users()
    client("s3").list_objects_v2(Bucket=f"trail-{sandbox.aws.account_id}")
    client("cloudtrail").lookup_events()
    assert sandbox.calls == {"aws:ListUsers": 2, "aws:ListObjectsV2": 1, "aws:LookupEvents": 1}


def test_the_hook_sees_each_request_before_and_after(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.aws.add(Person("a"))
    seen: list[tuple[Any, ...]] = []
    tags = sandbox.aws.account().tags
    user = sandbox.aws.user("a")
    sandbox.on_request = lambda *told: seen.append((*told, len(tags(user))))
    iam.tag_user(UserName="a", Tags=[{"Key": "k", "Value": "v"}])
    iam.get_user(UserName="a")
    assert seen == [
        ("aws", "TagUser", "before", True, 0),
        ("aws", "TagUser", "after", True, 1),
        ("aws", "GetUser", "before", False, 1),
        ("aws", "GetUser", "after", False, 1),
    ]
    del seen[:]
    assert code(iam.untag_user, UserName="nobody", TagKeys=["k"])[0] == "NoSuchEntity"
    assert [told[2] for told in seen] == ["before"]


def outcome(iam: Any) -> str:
    try:
        iam.list_users()
    except iam.exceptions.ClientError:
        return "throttled"
    return "served"


def test_a_share_of_calls_is_throttled(sandbox: Sandbox, iam: Any) -> None:
    sandbox.faults["throttle"] = 0.5
    outcomes = [outcome(iam) for _ in range(30)]
    assert set(outcomes) == {"served", "throttled"}


def test_a_later_page_can_fail(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.aws.add(Person("a"), Person("b"))
    sandbox.faults["error"] = "ListUsers@next"
    marker = iam.list_users(MaxItems=1)["Marker"]
    assert code(iam.list_users, Marker=marker) == ("ServiceFailure", 500)


def test_one_account_can_be_denied(sandbox: Sandbox, client: Any, iam: Any, code: Code) -> None:
    other = "111122223333"
    sandbox.aws.add(Person("theirs"), account_id=other)
    given = client("sts").assume_role(RoleArn=f"arn:aws:iam::{other}:role/x", RoleSessionName="me")[
        "Credentials"
    ]
    session = {
        **sandbox.environment,
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    theirs = client("iam", session)
    assert [user["UserName"] for user in theirs.list_users()["Users"]] == ["theirs"]
    sandbox.faults["deny"] = f"*@{other}"
    assert code(theirs.list_users) == ("AccessDenied", 403)
    assert iam.list_users()["Users"] == []


def policy(*actions: str, resource: str = "*") -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]})


def test_permissions_are_checked_when_enforced(sandbox: Sandbox, client: Any, iam: Any, code: Code) -> None:
    sandbox.aws.add(Person("a", path="/x/"))
    sandbox.aws.enforce_iam(True, policy("iam:ListUsers", "iam:TagUser", resource="*"))
    assert iam.list_users()["Users"]
    iam.tag_user(UserName="a", Tags=[])
    for refused in (iam.generate_credential_report, iam.get_account_authorization_details):
        assert code(refused) == ("AccessDenied", 403)
    assert code(iam.list_service_specific_credentials, AllUsers=True) == ("AccessDenied", 403)
    assert code(client("cloudtrail").lookup_events) == ("AccessDeniedException", 400)
    sandbox.aws.enforce_iam(False)
    assert iam.generate_credential_report()["State"] == "STARTED"


def test_a_policy_may_name_the_users(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.aws.add(Person("a", path="/x/"), Person("b"))
    only = f"arn:aws:iam::{sandbox.aws.account_id}:user/x/*"
    sandbox.aws.enforce_iam(True, policy("iam:TagUser", resource=only))
    iam.tag_user(UserName="a", Tags=[])
    assert code(iam.tag_user, UserName="b", Tags=[]) == ("AccessDenied", 403)


def test_dates_that_moto_writes_follow_the_clock(sandbox: Sandbox, iam: Any) -> None:
    sandbox.clock.advance(days(14))
    made = iam.create_user(UserName="a")["User"]["CreateDate"]
    key = iam.create_access_key(UserName="a")["AccessKey"]["CreateDate"]
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["CreateDate"]
    assert all(NOW + days(14) <= date < NOW + days(15) for date in (made, key, role))


def test_what_the_sandbox_lacks_is_a_clear_error(client: Any, code: Code) -> None:
    assert code(client("iam").list_organizations_features) == ("InvalidAction", 400)


def test_stock_services_work(sandbox: Sandbox, client: Any, iam: Any) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="findings")
    s3.put_object(Bucket="findings", Key="a b/c+d", Body=b"x")
    assert s3.get_object(Bucket="findings", Key="a b/c+d")["Body"].read() == b"x"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="l", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("x.py", "")
    made = client("lambda").create_function(
        FunctionName="sweep",
        Runtime="python3.12",
        Role=f"arn:aws:iam::{sandbox.aws.account_id}:role/l",
        Handler="x.y",
        Code={"ZipFile": archive.getvalue()},
    )
    assert made["FunctionArn"].endswith(":function:sweep")
    assert client("events").put_rule(Name="daily", ScheduleExpression="rate(1 day)")["RuleArn"]
    assert client("organizations").create_organization(FeatureSet="ALL")["Organization"]["Id"]


def test_an_account_is_emulated_once_and_is_gone_afterwards() -> None:
    with Sandbox(Settings(users=0)) as first:
        first.aws.add(Person("a"))
        with pytest.raises(RuntimeError, match="emulated by another sandbox"), Sandbox(Settings(users=0)):
            pass
        with Sandbox(Settings(users=0, seed=8)) as other:
            assert not other.aws.account().users()
    with Sandbox(Settings(users=0)) as again:
        assert not again.aws.account().users()
