from __future__ import annotations

from typing import Any

import pytest

from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.aws.people import Person
from tests.sandbox.aws.conftest import Code


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


def test_pages_may_be_shorter_than_asked_for(sandbox: Sandbox, iam: Any) -> None:
    sandbox.faults["pages"] = "short"
    sandbox.aws.add(*map(Person, "abcde"))
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 4}))
    assert [names(page) for page in pages] == [["a", "b"], ["c", "d"], ["e"]]


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
