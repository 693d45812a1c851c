"""Who is privileged (a risk) and who is protected (left alone), by documents and by the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from custom_filters.aws.privilege import UNREADABLE, get_privileges
from custom_filters.aws.users import get_authorization_details
from custom_filters.sandbox.aws.people import Person
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.runs import client, embedded


def allow(action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


ALL_BUT = {"Effect": "Allow", "Resource": "*"}
SELF = "arn:aws:iam::*:user/${aws:username}"
#: Document -> whether it makes privileged, and whether protected.
DOCUMENTS: dict[str, tuple[Any, bool, bool]] = {
    "everything": (document(allow("*")), True, True),
    "everything in other words": (document(allow("*:*")), True, True),
    "all of IAM": (document(allow("iam:*")), True, True),
    "whatever the case": (document(allow("IAM:*")), True, True),
    "among others": (document(allow(["s3:*", "iam:*"])), True, True),
    "in the second statement": (document(allow("s3:*"), allow("iam:*")), True, True),
    "a statement that is no list": ({"Statement": allow("iam:*")}, True, True),
    "on one resource": (document(allow("iam:*", Resource="arn:aws:iam::1:user/x")), True, True),
    "under a condition": (document(allow("*", Condition={"Bool": {"aws:MFA": "true"}})), True, True),
    "as text": (json.dumps(document(allow("iam:*"))), True, True),
    "as quoted text": (quote(json.dumps(document(allow("iam:*")))), True, True),
    "all but S3": (document({**ALL_BUT, "NotAction": "s3:*"}), True, True),
    "all but IAM": (document({**ALL_BUT, "NotAction": ["iam:*", "organizations:*"]}), False, False),
    "all but nothing": (document({**ALL_BUT, "NotAction": "*"}), False, False),
    "one action of IAM": (document(allow("iam:ListUsers")), False, False),
    "policies by wildcard": (document(allow("iam:Put*Policy")), True, True),
    "others' keys": (document(allow("iam:CreateAccessKey")), True, True),
    "his own keys": (document(allow("iam:*AccessKey*", Resource=SELF)), True, False),
    "his own keys and others'": (document(allow("iam:CreateAccessKey", Resource=[SELF, "*"])), True, True),
    "passes roles on": (document(allow("iam:PassRole")), True, False),
    "on all but one": (
        {"Statement": {"Effect": "Allow", "Action": "iam:CreateAccessKey", "NotResource": "x"}}, True, True,
    ),
    "S3": (document(allow("s3:*")), False, False),
    "denied": (document({"Effect": "Deny", "Action": "*", "Resource": "*"}), False, False),
    "no statement": ({"Version": "2012-10-17"}, False, False),
}  # fmt: skip
ACCOUNT = "arn:aws:iam::1:"


def details(user: dict[str, Any], **more: Any) -> dict[str, Any]:
    ann = {"UserName": "ann", "Arn": f"{ACCOUNT}user/ann", **user}
    return {"UserDetailList": [ann], "GroupDetailList": [], "RoleDetailList": [], "Policies": [], **more}


def inline(*documents: Any) -> dict[str, Any]:
    return {"UserPolicyList": [{"PolicyName": "x", "PolicyDocument": given} for given in documents]}


@pytest.mark.parametrize(("given", "privileged", "protected"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_what_a_document_grants(given: Any, privileged: bool, protected: bool) -> None:
    found = get_privileges(details(inline(given)))
    assert (found.privileged, bool(found.protected)) == ({"ann": privileged}, protected)


LOCAL = {"PolicyName": "x", "PolicyArn": f"{ACCOUNT}policy/x"}
UNREAD = (inline(None), {"GroupList": ["gone"]}, {"AttachedManagedPolicies": [LOCAL]})


@pytest.mark.parametrize("user", UNREAD)
def test_what_could_not_be_read_is_neither_yes_nor_no(user: dict[str, Any]) -> None:
    found = get_privileges(details(user))
    assert (found.privileged, found.protected, found.unreadable) == ({"ann": None}, {}, {"ann": UNREADABLE})


def role(name: str, trusts: Any, *statements: dict[str, Any]) -> dict[str, Any]:
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusts})
    policies = [{"PolicyName": "x", "PolicyDocument": document(*statements)}]
    return {
        "RoleName": name, "Arn": f"{ACCOUNT}role/{name}",
        "AssumeRolePolicyDocument": trust, "RolePolicyList": policies,
    }  # fmt: skip


HERE, ANN = {"AWS": f"{ACCOUNT}root"}, {"AWS": [f"{ACCOUNT}user/ann"]}
ASSUME, ADMIN = allow("sts:AssumeRole"), allow("iam:*")
MAY = "it may assume admin: which may do iam:createpolicyversion on others"
ROLES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], str | None]] = {
    "trusts the account, and she may": ([role("admin", HERE, ADMIN)], [ASSUME], MAY),
    "trusts the account, and she may not": ([role("admin", HERE, ADMIN)], [], None),
    "trusts the account, and she may another": (
        [role("admin", HERE, ADMIN)], [allow("sts:AssumeRole", Resource=f"{ACCOUNT}role/b*")], None,
    ),
    "trusts her by name": ([role("admin", ANN, ADMIN)], [], MAY),
    "trusts a service": ([role("admin", {"Service": "ec2.amazonaws.com"}, ADMIN)], [ASSUME], None),
    "trusts another account": ([role("admin", {"AWS": "arn:aws:iam::2:root"}, ADMIN)], [ASSUME], None),
    "may only read": ([role("reader", HERE, allow("s3:Get*"))], [ASSUME], None),
    "by another role": (
        [role("admin", {"AWS": f"{ACCOUNT}role/step"}, ADMIN), role("step", ANN)], [],
        f"it may assume step: which may assume admin: {MAY.partition(': ')[2]}",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("roles", "own", "why"), ROLES.values(), ids=ROLES)
def test_who_may_assume_a_strong_role_is_protected(roles: Any, own: Any, why: str | None) -> None:
    found = get_privileges(details(inline(document(*own)), RoleDetailList=roles))
    assert found.protected.get("ann") == why


IAM_ALL = json.dumps(document(allow("iam:*")))
S3_ALL = json.dumps(document(allow("s3:*")))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded() as started:
        started.aws.group("admins", attached=["AdministratorAccess"])
        started.aws.group("inline-admins", inline=[IAM_ALL])
        started.aws.group("readers", attached=["ReadOnlyAccess"])
        iam = client(started, "iam")
        own = {
            name: iam.create_policy(PolicyName=name, PolicyDocument=text)["Policy"]["Arn"]
            for name, text in {"OwnAdmin": IAM_ALL, "OwnS3": S3_ALL, "AdministratorAccess": S3_ALL}.items()
        }
        iam.create_policy_version(PolicyArn=own["OwnS3"], PolicyDocument=IAM_ALL, SetAsDefault=False)
        started.aws.add(*(Person(name, **values(own)) for name, (values, _) in USERS.items()))
        trust = json.dumps(
            document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}})
        )
        iam.create_role(RoleName="open", AssumeRolePolicyDocument=trust)
        yield started


USERS: dict[str, tuple[Any, bool]] = {
    "by-attached": (lambda own: {"attached": ("AdministratorAccess",)}, True),
    "by-attached-iam": (lambda own: {"attached": ("IAMFullAccess",)}, True),
    "by-group": (lambda own: {"groups": ("readers", "admins")}, True),
    "by-inline-group": (lambda own: {"groups": ("inline-admins",)}, True),
    "by-inline": (lambda own: {"inline": {"x": IAM_ALL}}, True),
    "by-own-policy": (lambda own: {"attached": (own["OwnAdmin"],)}, True),
    "power-user": (lambda own: {"attached": ("PowerUserAccess",)}, False),
    "reader": (lambda own: {"groups": ("readers",)}, False),
    "own-policy-older-version": (lambda own: {"attached": (own["OwnS3"],)}, False),
    "own-policy-called-administrator": (lambda own: {"attached": (own["AdministratorAccess"],)}, False),
    "nothing": (lambda own: {}, False),
}


def test_users_by_any_policy_of_theirs(sandbox: Sandbox) -> None:
    found = get_privileges(get_authorization_details(client(sandbox, "iam")))
    expected = {name: privileged for name, (_, privileged) in USERS.items()}
    assert found.privileged == expected
    assert found.protected.keys() == {name for name, privileged in expected.items() if privileged}
