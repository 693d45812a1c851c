"""What a policy's data asks for: only what stands where Custodian looks for filters and actions counts."""

from __future__ import annotations

from typing import Any

import pytest

from custom_filters.core.policy_data import (
    actions,
    asked_verdicts,
    changing_actions,
    days_of,
    exemptions_of,
    filters,
    is_ours,
    notice_hours,
    unused_filter,
    unused_filters,
    with_unused_filters,
)

FILTER = {"type": "unused-credentials", "days": 30, "exemptions": "e.yml", "verdicts": ["active", "new"]}
NAMED = {"type": "value", "key": "tag:Role", "value": "unused-credentials"}
ACTIVE = {"type": "value", "key": "Status", "value": "active"}
LISTED = {
    "type": "value",
    "key": "x",
    "op": "in",
    "value": ["unused-credentials", {"type": "unused-credentials"}],
}


def made(*found: Any, actions: list[Any] | None = None) -> dict[str, Any]:
    return {"name": "p", "resource": "aws.iam-user", "filters": list(found), "actions": actions or []}


FOUND: dict[str, tuple[list[Any], list[tuple[str, ...]]]] = {
    # The filters of a policy, and the blocks around each `unused-credentials` in it.
    "plain": ([FILTER], [()]),
    "in short": (["unused-credentials"], [()]),
    "within and": ([{"and": [FILTER]}], [("and",)]),
    "within not within or": ([{"or": [{"not": [FILTER]}, NAMED]}], [("or", "not")]),
    "two": ([FILTER, {"or": ["unused-credentials"]}], [(), ("or",)]),
    "a value of that name": ([NAMED], []),
    "a list of values": ([LISTED], []),
    "a key in short": ([{"tag:Role": "unused-credentials"}], []),
    "a value filter with a block's key": ([{"type": "value", "key": "x", "value": {"or": [FILTER]}}], []),
    "none": ([], []),
}


@pytest.mark.parametrize(("elements", "blocks"), FOUND.values(), ids=FOUND)
def test_our_filter_is_found_by_its_place(elements: list[Any], blocks: list[tuple[str, ...]]) -> None:
    assert [found.blocks for found in unused_filters(made(*elements))] == blocks
    assert is_ours(made(*elements)) is bool(blocks)


def test_every_filter_is_passed_blocks_apart() -> None:
    found = filters(made({"and": [FILTER, {"or": [NAMED, "x"]}]}, ACTIVE))
    assert [(f.data.get("type"), f.blocks) for f in found] == [
        ("unused-credentials", ("and",)),
        ("value", ("and", "or")),
        ("x", ("and", "or")),
        ("value", ()),
    ]


def test_verdicts_are_those_of_our_filters_only() -> None:
    assert asked_verdicts(made(ACTIVE, "unused-credentials")) == {"stale", "never-used"}
    assert asked_verdicts(made(ACTIVE, {"or": [FILTER]})) == {"active", "new"}
    assert asked_verdicts(made(ACTIVE)) == frozenset()


@pytest.mark.parametrize(
    ("data", "days"),
    [({}, (90,)), ({"days": 30}, (30,)), ({"days": [90, 45, 60]}, (45, 60, 90)), ({"days": [45]}, (45,))],
    ids=["default", "one", "several", "a list of one"],
)
def test_thresholds(data: dict[str, Any], days: tuple[int, ...]) -> None:
    assert days_of(data) == days


def test_only_our_filters_are_rewritten() -> None:
    policy = made({"or": ["unused-credentials", NAMED]}, LISTED, FILTER)
    changed = with_unused_filters(policy, lambda data: {**data, "days": 7})
    assert changed["filters"] == [
        {"or": [{"type": "unused-credentials", "days": 7}, NAMED]},
        LISTED,
        {**FILTER, "days": 7},
    ]
    assert policy["filters"][2] is FILTER


def test_actions_in_short_and_what_they_change() -> None:
    mark = {"type": "mark-for-op", "op": "disable-unused", "hours": 48}
    policy = made(FILTER, actions=["notify", "unmark-unused", mark, {"type": "delete"}])
    assert actions(policy)[0] == {"type": "notify"}
    assert [action["type"] for action in changing_actions(policy)] == ["mark-for-op", "delete"]
    assert notice_hours(policy) == 48
    assert notice_hours(made(FILTER, actions=[{**mark, "op": "stop"}])) == 0


def test_what_a_policy_without_our_filter_has() -> None:
    assert unused_filter(made(NAMED)) == {}
    assert exemptions_of(made(NAMED)) == []
    assert exemptions_of(made(FILTER)) == ["e.yml"]
