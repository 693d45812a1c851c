"""Roles and what has them in use; foreign hands; CloudTrail by Region and resource."""

from __future__ import annotations

import json
from typing import Any

import pytest

from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.aws.people import Key, Password, Person, Role, days, trust
from custom_filters.sandbox.aws.roles import ALLOW_ALL, DENY_ALL, ROLES
from tests.sandbox.aws.conftest import NOW, Code, MakeClient
from tests.sandbox.aws.test_shapes import lacking

CASES: dict[str, tuple[Role, dict[str, Any]]] = {
    "never": (Role("r"), {}),
    "in the last 400 days": (
        Role("r", used=days(399), region="eu-west-1"),
        {"RoleLastUsed": {"LastUsedDate": NOW - days(399), "Region": "eu-west-1"}},
    ),
    "longer ago than it is tracked": (Role("r", used=days(401)), {}),
    "young, with a path": (
        Role("r", path="/aws-service-role/x.amazonaws.com/", created=days(2)),
        {"Path": "/aws-service-role/x.amazonaws.com/", "CreateDate": NOW - days(2)},
    ),
    "policies": (
        Role("r", attached=("AdministratorAccess",), inline={"p": ALLOW_ALL}),
        {
            "AttachedManagedPolicies": [
                {
                    "PolicyName": "AdministratorAccess",
                    "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
                }
            ],
            "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": json.loads(ALLOW_ALL)}],
        },
    ),
    "anyone may assume it": (
        Role("r", trust=trust("*")),
        {"AssumeRolePolicyDocument": json.loads(trust("*"))},
    ),
    "tags": (Role("r", tags={"k": "v"}), {"Tags": [{"Key": "k", "Value": "v"}]}),
}
PLAIN: dict[str, Any] = {
    "Path": "/",
    "CreateDate": NOW - days(500),
    "RoleLastUsed": {},
    "AttachedManagedPolicies": [],
    "RolePolicyList": [],
    "InstanceProfileList": [],
    "AssumeRolePolicyDocument": json.loads(trust({"Service": "ec2.amazonaws.com"})),
}


def role_details(iam: Any) -> dict[str, dict[str, Any]]:
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["Role"])
    return {role["RoleName"]: role for page in pages for role in page["RoleDetailList"]}


@pytest.mark.parametrize("case", CASES)
def test_a_roles_details(sandbox: Sandbox, iam: Any, case: str) -> None:
    role, expected = CASES[case]
    sandbox.aws.add(role)
    shown = role_details(iam)["r"]
    account = sandbox.aws.account_id
    assert shown.pop("RoleId").startswith("AROA")
    assert shown.pop("Arn") == f"arn:aws:iam::{account}:role{role.path}r"
    assert shown == {**PLAIN, "RoleName": "r", **expected}
    assert iam.get_role(RoleName="r")["Role"]["RoleLastUsed"] == shown["RoleLastUsed"]


def test_the_companys_roles_and_what_has_them_in_use(boto3_session: Any) -> None:
    with Sandbox(Settings(users=20, now=NOW, seed=77)) as sandbox:
        found = role_details(client_of(sandbox, boto3_session, "iam"))
        assert {role.name for role in ROLES} | {"c7n-unused"} == found.keys()
        [profile] = found["web-server"]["InstanceProfileList"]
        ec2 = client_of(sandbox, boto3_session, "ec2")
        [[instance]] = [one["Instances"] for one in ec2.describe_instances()["Reservations"]]
        assert instance["State"]["Name"] == "running"
        assert instance["IamInstanceProfile"]["Arn"] == profile["Arn"]
        functions = client_of(sandbox, boto3_session, "lambda").list_functions()["Functions"]
        assert [function["Role"] for function in functions] == [found["image-resize"]["Arn"]]


def client_of(sandbox: Sandbox, session: Any, service: str) -> Any:
    values = sandbox.environment
    return session.client(
        service,
        endpoint_url=values["AWS_ENDPOINT_URL"],
        aws_access_key_id=values["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=values["AWS_SESSION_TOKEN"],
    )


def test_the_stack_of_a_role(sandbox: Sandbox, client: MakeClient, code: Code) -> None:
    sandbox.aws.add(Role("worker", runs=("stack",)), Role("other"))
    stacks = client("cloudformation")
    [found] = stacks.describe_stack_resources(PhysicalResourceId="worker")["StackResources"]
    assert (found["StackName"], found["ResourceType"]) == ("stack-worker", "AWS::IAM::Role")
    for name, region in (("other", "us-east-1"), ("worker", "eu-west-1")):
        there = client("cloudformation", region=region)
        assert code(there.describe_stack_resources, PhysicalResourceId=name) == ("ValidationError", 400)


def test_regions_are_those_that_the_account_enabled(sandbox: Sandbox, client: MakeClient, code: Code) -> None:
    ec2 = client("ec2")
    assert len(ec2.describe_regions()["Regions"]) == 17
    every = {
        one["RegionName"]: one["OptInStatus"] for one in ec2.describe_regions(AllRegions=True)["Regions"]
    }
    assert every["eu-west-1"] == "opt-in-not-required"
    assert every["af-south-1"] == "not-opted-in"
    there = client("cloudtrail", region="af-south-1")
    assert code(there.lookup_events) == ("UnrecognizedClientException", 400)
    sandbox.faults["aws_opt_in"] = "af-south-1"
    assert there.lookup_events()["Events"] == []
    [one] = ec2.describe_regions(RegionNames=["af-south-1"])["Regions"]
    assert one["OptInStatus"] == "opted-in"


def test_roles_have_the_fields_that_the_model_requires(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.add(Role("r", used=days(3), inline={"p": ALLOW_ALL}, runs=("instance",)))
    for action, given in (
        ("GetAccountAuthorizationDetails", {"Filter": ["Role"]}),
        ("GetRole", {"RoleName": "r"}),
    ):
        answer = iam._make_api_call(action, given)
        shape = iam.meta.service_model.operation_model(action).output_shape
        assert list(lacking(shape, answer, action)) == []


# --- foreign hands
SAM = Person(
    "sam",
    password=Password(created=days(90)),
    keys=(Key(id="AKIAIOSFODNN7EXAMPLE"),),
    tags={"c7n-unused": "x"},
)
KEY = "AKIAIOSFODNN7EXAMPLE"
QUARANTINE = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
DENIAL = {"PolicyName": "foreign-deny", "PolicyDocument": DENY_ALL}
TAGGED = {"Tags": [{"Key": "c7n-unused", "Value": "forged"}]}
HANDS: dict[str, tuple[dict[str, Any], dict[str, Any], str | None]] = {
    "disable-key": ({}, {"keys": {KEY: "Inactive"}}, "UpdateAccessKey"),
    "enable-key": ({"key": KEY}, {"keys": {KEY: "Active"}}, "UpdateAccessKey"),
    "UpdateLoginProfile": ({"Password": "another one"}, {"password": True}, "UpdateLoginProfile"),
    "DeleteLoginProfile": ({}, {"password": False}, "DeleteLoginProfile"),
    "AttachUserPolicy": ({"PolicyArn": QUARANTINE}, {"attached": [QUARANTINE]}, "AttachUserPolicy"),
    "PutUserPolicy": (DENIAL, {"inline": ["foreign-deny"]}, "PutUserPolicy"),
    "TagUser": (TAGGED, {"tags": {"c7n-unused": "forged"}}, "TagUser"),
    "sign-in": ({"region": "eu-north-1"}, {}, None),
    "use-key": ({"region": "eu-west-1"}, {}, None),
}


@pytest.mark.parametrize("hand", HANDS)
def test_what_foreign_hands_do_is_done_and_recorded(sandbox: Sandbox, client: MakeClient, hand: str) -> None:
    more, expected, event = HANDS[hand]
    sandbox.aws.add(SAM)
    seen: list[str] = []
    sandbox.on_request = lambda *told: seen.append(told[1])
    sandbox.faults["deny"] = "TagUser+UpdateAccessKey"
    sandbox.aws.hand(hand, "sam", **more)
    user = {**sandbox.aws.snapshot()["sam"], "attached": sorted(sandbox.aws.user("sam").managed_policies)}
    user["inline"] = list(user["inline"])
    assert {name: user[name] for name in expected} == expected
    assert (seen, sandbox.calls) == ([], {})
    events = client("cloudtrail", region=more.get("region", "us-east-1")).lookup_events()["Events"]
    if event:
        assert [(one["EventName"], one["Username"]) for one in events] == [(event, "somebody.else")]
        assert {"ResourceName": "sam", "ResourceType": "AWS::IAM::User"} in events[0]["Resources"]
    else:
        assert [one["Username"] for one in events] == ["sam"]


def test_a_password_made_anew_is_another_one(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.add(SAM)
    before = iam.get_login_profile(UserName="sam")["LoginProfile"]["CreateDate"]
    iam.delete_login_profile(UserName="sam")
    iam.create_login_profile(UserName="sam", Password="another one")
    assert iam.get_login_profile(UserName="sam")["LoginProfile"]["CreateDate"] > before


def test_a_renamed_user_keeps_id_tags_and_keys(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.add(SAM)
    before = iam.get_user(UserName="sam")["User"]
    sandbox.aws.hand("UpdateUser", "sam", NewUserName="samuel")
    after = iam.get_user(UserName="samuel")["User"]
    assert (after["UserId"], after["Tags"]) == (before["UserId"], before["Tags"])
    assert iam.get_access_key_last_used(AccessKeyId=KEY)["UserName"] == "samuel"


def test_a_recreated_user_is_another_one(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.aws.add(SAM)
    before = iam.get_user(UserName="sam")["User"]
    sandbox.aws.hand("recreate", "sam")
    after = iam.get_user(UserName="sam")["User"]
    assert after["Tags"] == before["Tags"]
    assert (after["UserId"], after["CreateDate"]) != (before["UserId"], before["CreateDate"])
    assert code(iam.get_access_key_last_used, AccessKeyId=KEY) == ("NoSuchEntity", 404)


def test_hands_on_roles(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.add(Role("r"))
    sandbox.aws.hand("use-role", "r", region="eu-west-1")
    sandbox.aws.hand("TagRole", "r", **TAGGED)
    assert sandbox.aws.roles()["r"]["tags"] == {"c7n-unused": "forged"}
    assert iam.get_role(RoleName="r")["Role"]["RoleLastUsed"]["Region"] == "eu-west-1"


@pytest.mark.parametrize(
    ("hand", "who"),
    [
        ("levitate", "sam"),
        ("use-key", "nobody"),
        ("TagUser", "nobody"),
        ("PutRolePolicy", "nobody"),
        ("delete", "nobody"),
    ],
)
def test_hands_and_users_that_there_are_not(sandbox: Sandbox, hand: str, who: str) -> None:
    sandbox.aws.add(SAM)
    with pytest.raises(LookupError):
        sandbox.aws.hand(hand, who)


# --- CloudTrail by Region and resource
def test_an_administrators_write_is_found_by_each_attribute(
    sandbox: Sandbox, iam: Any, client: MakeClient
) -> None:
    sandbox.aws.add(SAM)
    iam.update_access_key(UserName="sam", AccessKeyId=KEY, Status="Inactive")
    trail = client("cloudtrail")
    for key, value in {
        "EventName": "UpdateAccessKey",
        "Username": "sandbox",
        "ResourceName": KEY,
        "ResourceType": "AWS::IAM::User",
        "ReadOnly": "false",
        "EventSource": "iam.amazonaws.com",
    }.items():
        [event] = trail.lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}])[
            "Events"
        ]
        asked = json.loads(event["CloudTrailEvent"])
        assert asked["requestParameters"] == {"userName": "sam", "accessKeyId": KEY, "status": "Inactive"}
        assert asked["userIdentity"]["type"] == "AssumedRole"
    assert client("cloudtrail", region="eu-west-1").lookup_events()["Events"] == []


def test_a_keys_events_are_in_the_region_that_was_called(sandbox: Sandbox, client: MakeClient) -> None:
    sandbox.aws.add(Person("a", keys=(Key(id=KEY, used=days(1), service="ec2", region="eu-west-1"),)))
    by_key = {"LookupAttributes": [{"AttributeKey": "AccessKeyId", "AttributeValue": KEY}]}
    assert client("cloudtrail").lookup_events(**by_key)["Events"] == []
    [event] = client("cloudtrail", region="eu-west-1").lookup_events(**by_key)["Events"]
    assert event["AccessKeyId"] == KEY
