from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.aws.people import Key, Password, Person, days
from tests.sandbox.aws.conftest import NOW, Code

ALLOW = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}'


def names(page: dict[str, Any]) -> list[str]:
    return [user["UserName"] for user in page["Users"]]


def test_list_users_pages_in_order_of_names_without_regard_to_case(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.add(*map(Person, ("bob", "Alice", "carol", "Dave", "eve+x=y,z.@_-")))
    first = iam.list_users(MaxItems=2)
    assert names(first) == ["Alice", "bob"]
    assert first["IsTruncated"]
    second = iam.list_users(MaxItems=2, Marker=first["Marker"])
    third = iam.list_users(MaxItems=2, Marker=second["Marker"])
    assert names(second) + names(third) == ["carol", "Dave", "eve+x=y,z.@_-"]
    assert not third["IsTruncated"]
    assert "Marker" not in third


def test_users_made_or_deleted_between_pages_move_nobody(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.add(*map(Person, "bdfh"))
    first = iam.list_users(MaxItems=2)
    iam.delete_user(UserName="d")
    iam.create_user(UserName="a")
    iam.create_user(UserName="g")
    assert names(iam.list_users(Marker=first["Marker"])) == ["f", "g", "h"]


def test_a_page_holds_100_users_by_default_and_1000_at_most(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.aws.add(*(Person(f"user-{number:04}") for number in range(1001)))
    assert len(iam.list_users()["Users"]) == 100
    assert len(iam.list_users(MaxItems=1000)["Users"]) == 1000
    assert code(iam.list_users, MaxItems=1001) == ("ValidationError", 400)


def test_pages_may_be_shorter_than_asked_for(sandbox: Sandbox, iam: Any) -> None:
    sandbox.faults["pages"] = "short"
    sandbox.aws.add(*map(Person, "abcde"))
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 4}))
    assert [names(page) for page in pages] == [["a", "b"], ["c", "d"], ["e"]]


def test_list_users_by_path(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.add(Person("a", path="/x/"), Person("b", path="/x/y/"), Person("c"))
    assert names(iam.list_users(PathPrefix="/x/")) == ["a", "b"]


def test_a_list_shows_the_password_date_and_no_tags(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.add(Person("a", password=Password(used=days(3)), tags={"owner": "x"}))
    shown = iam.list_users()["Users"][0]
    assert shown["PasswordLastUsed"] == NOW - timedelta(days=3)
    assert "Tags" not in shown
    assert iam.get_user(UserName="a")["User"]["Tags"] == [{"Key": "owner", "Value": "x"}]


def test_get_user_without_a_name_is_the_caller(sandbox: Sandbox, iam: Any, client: Any, code: Code) -> None:
    sandbox.aws.add(Person("someone", keys=(Key(),)))
    own = client("iam", sandbox.aws.credentials_of("someone"))
    assert own.get_user()["User"]["UserName"] == "someone"
    assert code(iam.get_user) == ("ValidationError", 400)
    assert code(iam.get_user, UserName="nobody") == ("NoSuchEntity", 404)


def test_authorization_details_page_over_all_kinds_that_are_asked_for(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.group("admins", ["AdministratorAccess"], [ALLOW])
    sandbox.aws.add(*(Person(f"user-{number}", groups=("admins",)) for number in range(5)))
    pages = list(
        iam.get_paginator("get_account_authorization_details").paginate(
            Filter=["User", "Group"], PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["UserDetailList"]) for page in pages] == [2, 2, 1]
    assert pages[-1]["GroupDetailList"][0]["GroupName"] == "admins"
    assert not any(page["RoleDetailList"] or page["Policies"] for page in pages)


def test_a_users_details_hold_what_makes_it_privileged(sandbox: Sandbox, iam: Any) -> None:
    person = Person("a", tags={"k": "v"}, groups=("g",), attached=("ReadOnlyAccess",), inline={"own": ALLOW})
    sandbox.aws.add(person, Person("b", password=Password(used=days(1))))
    shown, plain = iam.get_account_authorization_details(Filter=["User"])["UserDetailList"]
    assert shown["GroupList"] == ["g"]
    assert shown["AttachedManagedPolicies"][0]["PolicyArn"] == "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert shown["UserPolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"] == "iam:*"
    assert shown["Tags"] == [{"Key": "k", "Value": "v"}]
    assert not {"PasswordLastUsed", "UserPolicyList", "Tags"} & plain.keys()


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param([("a", "!")], ("ValidationError", 400), id="character not allowed in a value"),
        pytest.param([("a#b", "x")], ("ValidationError", 400), id="character not allowed in a key"),
        pytest.param([("a\n", "x")], ("ValidationError", 400), id="line feed"),
        pytest.param([("k" * 129, "x")], ("ValidationError", 400), id="key of 129"),
        pytest.param([("k", "x" * 257)], ("ValidationError", 400), id="value of 257"),
        pytest.param([(f"k{n}", "x") for n in range(51)], ("ValidationError", 400), id="51 at once"),
        pytest.param([("k", "1"), ("K", "2")], ("InvalidInput", 400), id="keys that differ by case"),
        pytest.param([("aws:x", "1")], ("InvalidInput", 400), id="reserved prefix"),
        pytest.param([("new", "1")], ("LimitExceeded", 409), id="the 51st"),
    ],
)
def test_tags_that_are_refused_change_nothing(
    sandbox: Sandbox, iam: Any, code: Code, tags: list[tuple[str, str]], expected: tuple[str, int]
) -> None:
    sandbox.aws.add(Person("full", tags={f"tag-{number}": "x" for number in range(50)}))
    asked = [{"Key": key, "Value": value} for key, value in tags]
    assert code(iam.tag_user, UserName="full", Tags=asked) == expected
    assert len(iam.list_user_tags(UserName="full")["Tags"]) == 50


def test_tags_are_replaced_without_regard_to_case_listed_in_pages_and_removed(
    sandbox: Sandbox, iam: Any
) -> None:
    sandbox.aws.add(Person("a", tags={"Owner": "old"}))
    allowed = "Zoë 1 _.:/=+-@"
    iam.tag_user(
        UserName="a", Tags=[{"Key": "owner", "Value": allowed}, {"Key": "b" * 128, "Value": "x" * 256}]
    )
    first = iam.list_user_tags(UserName="a", MaxItems=1)
    assert first["Tags"][0]["Key"] == "b" * 128
    assert iam.list_user_tags(UserName="a", Marker=first["Marker"])["Tags"] == [
        {"Key": "owner", "Value": allowed}
    ]
    iam.untag_user(UserName="a", TagKeys=["OWNER", "not there"])
    assert len(iam.list_user_tags(UserName="a")["Tags"]) == 1
