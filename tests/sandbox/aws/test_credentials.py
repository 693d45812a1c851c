from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.aws.people import (
    BEDROCK,
    Certificate,
    Key,
    Password,
    Person,
    ServiceCredential,
    SshKey,
    days,
)
from tests.sandbox.aws.conftest import NOW, Code


def test_a_deleted_login_profile_leaves_its_date(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.aws.add(Person("a", password=Password(used=days(30), created=days(90))))
    assert iam.get_login_profile(UserName="a")["LoginProfile"]["CreateDate"] == NOW - timedelta(days=90)
    iam.delete_login_profile(UserName="a")
    assert code(iam.get_login_profile, UserName="a") == ("NoSuchEntity", 404)
    assert iam.get_user(UserName="a")["User"]["PasswordLastUsed"] == NOW - timedelta(days=30)
    made = iam.create_login_profile(UserName="a", Password="Some-Long-Word-1")["LoginProfile"]
    assert NOW <= made["CreateDate"] < NOW + timedelta(minutes=5)
    assert code(iam.create_login_profile, UserName="a", Password="x") == ("EntityAlreadyExists", 409)


def test_access_keys_say_when_they_were_used(sandbox: Sandbox, iam: Any, code: Code) -> None:
    keys = (Key(created=days(50), used=days(5), service="ec2", region="eu-west-1"), Key(active=False))
    sandbox.aws.add(Person("a", keys=keys))
    used, unused = iam.list_access_keys(UserName="a")["AccessKeyMetadata"]
    assert (used["CreateDate"], used["Status"], unused["Status"]) == (NOW - days(50), "Active", "Inactive")
    last = iam.get_access_key_last_used(AccessKeyId=used["AccessKeyId"])
    assert last["UserName"] == "a"
    shown = {"LastUsedDate": NOW - days(5), "ServiceName": "ec2", "Region": "eu-west-1"}
    assert last["AccessKeyLastUsed"] == shown
    never = iam.get_access_key_last_used(AccessKeyId=unused["AccessKeyId"])["AccessKeyLastUsed"]
    assert never == {"ServiceName": "N/A", "Region": "N/A"}
    assert code(iam.get_access_key_last_used, AccessKeyId="AKIA" + "X" * 16) == ("NoSuchEntity", 404)


def test_a_key_that_calls_is_used(sandbox: Sandbox, iam: Any, client: Any) -> None:
    sandbox.aws.add(Person("a", keys=(Key(used=days(200)),)))
    client("sts", sandbox.aws.credentials_of("a")).get_caller_identity()
    key = iam.list_access_keys(UserName="a")["AccessKeyMetadata"][0]["AccessKeyId"]
    last = iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]
    assert last["LastUsedDate"] >= NOW
    assert last["ServiceName"] == "sts"


@pytest.mark.parametrize(
    ("kind", "member", "field"),
    [
        ("access_key", "AccessKeyMetadata", "AccessKeyId"),
        ("ssh_public_key", "SSHPublicKeys", "SSHPublicKeyId"),
        ("signing_certificate", "Certificates", "CertificateId"),
        ("service_specific_credential", "ServiceSpecificCredentials", "ServiceSpecificCredentialId"),
    ],
)
def test_every_kind_is_switched_off_and_on(
    sandbox: Sandbox, iam: Any, code: Code, kind: str, member: str, field: str
) -> None:
    person = Person("a", keys=(Key(),), ssh_keys=(SshKey(),), certificates=(Certificate(),))
    sandbox.aws.add(Person(**{**vars(person), "service_credentials": (ServiceCredential(),)}), Person("b"))
    show, change = getattr(iam, f"list_{kind}s"), getattr(iam, f"update_{kind}")
    one = show(UserName="a")[member][0]
    assert one["Status"] == "Active"
    for status in ("Inactive", "Inactive", "Active"):
        change(UserName="a", Status=status, **{field: one[field]})
        assert show(UserName="a")[member][0]["Status"] == status
    assert code(change, UserName="b", Status="Inactive", **{field: one[field]}) == ("NoSuchEntity", 404)


def test_service_specific_credentials_are_listed_for_everybody_in_pages(
    sandbox: Sandbox, iam: Any, code: Code
) -> None:
    people = (Person(f"u{number}", service_credentials=(ServiceCredential(),)) for number in range(5))
    sandbox.aws.add(
        *people, Person("key", service_credentials=(ServiceCredential(BEDROCK, expires=days(-9)),))
    )
    first = iam.list_service_specific_credentials(AllUsers=True, MaxItems=4)
    rest = iam.list_service_specific_credentials(AllUsers=True, Marker=first["Marker"])
    found = first["ServiceSpecificCredentials"] + rest["ServiceSpecificCredentials"]
    assert sorted(one["UserName"] for one in found) == ["key", "u0", "u1", "u2", "u3", "u4"]
    only = iam.list_service_specific_credentials(AllUsers=True, ServiceName=BEDROCK)
    assert only["ServiceSpecificCredentials"][0]["ExpirationDate"] == NOW + timedelta(days=9)
    both = {"AllUsers": True, "UserName": "u1"}
    assert code(iam.list_service_specific_credentials, **both) == ("ValidationError", 400)
