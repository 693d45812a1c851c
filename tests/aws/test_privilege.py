from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from custom_filters.aws.privilege import any_privileged, grants_iam, privileged_users
from custom_filters.aws.users import get_authorization_details
from custom_filters.sandbox.aws.people import Person
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.runs import client, embedded


def allow(action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


ALL_BUT = {"Effect": "Allow", "Resource": "*"}
DOCUMENTS: dict[str, tuple[Any, bool | None]] = {
    "everything": (document(allow("*")), True),
    "everything in other words": (document(allow("*:*")), True),
    "all of IAM": (document(allow("iam:*")), True),
    "whatever the case": (document(allow("IAM:*")), True),
    "among others": (document(allow(["s3:*", "iam:*"])), True),
    "in the second statement": (document(allow("s3:*"), allow("iam:*")), True),
    "a statement that is no list": ({"Statement": allow("iam:*")}, True),
    "on one resource": (document(allow("iam:*", Resource="arn:aws:iam::1:user/x")), True),
    "under a condition": (document(allow("*", Condition={"Bool": {"aws:MFA": "true"}})), True),
    "as text": (json.dumps(document(allow("iam:*"))), True),
    "as quoted text": (quote(json.dumps(document(allow("iam:*")))), True),
    "all but S3": (document({**ALL_BUT, "NotAction": "s3:*"}), True),
    "all but IAM": (document({**ALL_BUT, "NotAction": ["iam:*", "organizations:*"]}), False),
    "all but nothing": (document({**ALL_BUT, "NotAction": "*"}), False),
    "one action of IAM": (document(allow("iam:ListUsers")), False),
    "S3": (document(allow("s3:*")), False),
    "denied": (document({"Effect": "Deny", "Action": "*", "Resource": "*"}), False),
    "no statement": ({"Version": "2012-10-17"}, False),
    "no document": (None, None),
}


@pytest.mark.parametrize(("given", "grants"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_what_a_document_grants(given: Any, grants: bool | None) -> None:
    assert grants_iam(given) is grants


@pytest.mark.parametrize(
    ("parts", "whole"),
    [([], False), ([False, False], False), ([False, None], None), ([None, True], True), ([True], True)],
)
def test_not_known_is_neither_yes_nor_no(parts: list[bool | None], whole: bool | None) -> None:
    assert any_privileged(parts) is whole


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
    found = privileged_users(get_authorization_details(client(sandbox, "iam")))
    assert found == {name: privileged for name, (_, privileged) in USERS.items()}


def test_a_group_that_was_not_told_of_leaves_it_open() -> None:
    user = {"UserName": "a", "GroupList": ["gone"]}
    details = {"UserDetailList": [user], "GroupDetailList": [], "Policies": []}
    assert privileged_users(details) == {"a": None}
