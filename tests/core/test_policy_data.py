from __future__ import annotations

from typing import Any

import pytest

from custom_filters.core import policy_data
from custom_filters.core.policy_data import Filter, MarkTerms, filters

LONG = {"type": "unused-credentials", "days": 7}
SHORT = {"type": "unused-credentials"}
VALUE = {"type": "value", "key": "UserName", "value": "unused-credentials"}


def policy(*elements: Any, actions: Any = ()) -> dict[str, Any]:
    return {"name": "p", "resource": "aws.iam-user", "filters": list(elements), "actions": list(actions)}


FOUND: dict[str, tuple[dict[str, Any], list[Filter]]] = {
    "long": (policy(LONG), [Filter(LONG)]),
    "short": (policy("unused-credentials"), [Filter(SHORT)]),
    "in blocks": (
        policy({"or": ["unused-credentials", {"not": [LONG]}]}),
        [Filter(SHORT, ("or",)), Filter(LONG, ("or", "not"))],
    ),
    "as a value": (policy(VALUE), []),
    "as a list of values": (policy({**VALUE, "op": "in", "value": ["unused-credentials", LONG]}), []),
    "as the short form of a value filter": (policy({"tag:state": "unused-credentials"}), []),
    "in a block's name of another filter": (policy({"type": "list-item", "key": "x", "and": [LONG]}), []),
    "a block that is no list": (policy({"not": LONG}), []),
    "filters that are no list": ({"filters": "unused-credentials"}, []),
    "no filters": ({}, []),
}


@pytest.mark.parametrize(("data", "found"), FOUND.values(), ids=FOUND)
def test_filters_are_found_where_filters_stand(data: dict[str, Any], found: list[Filter]) -> None:
    assert filters(data) == found


def test_verdicts_that_are_asked_are_those_of_our_filters() -> None:
    active = {"type": "value", "key": "Status", "value": "active"}
    assert policy_data.verdicts(policy(active)) == frozenset()
    assert policy_data.verdicts(policy(active, SHORT)) == {"stale", "never-used"}
    assert policy_data.verdicts(policy({"or": [{**SHORT, "verdicts": ["active"]}]})) == {"active"}


def test_days_are_numbers_lists_and_the_default() -> None:
    data = policy("unused-credentials", LONG, {**SHORT, "days": [45, 60]})
    assert policy_data.days(data) == (90, 7, 45, 60)


def test_days_are_set_in_our_filters_alone() -> None:
    before = policy(VALUE, {"not": ["unused-credentials"]}, {"or": [LONG, {"tag:days": 1}]}, "marked-for-op")
    after = policy_data.with_days(before, [30, 60])
    mine = {"type": "unused-credentials", "days": [30, 60]}
    assert after["filters"] == [VALUE, {"not": [mine]}, {"or": [mine, {"tag:days": 1}]}, "marked-for-op"]
    assert LONG["days"] == 7


def test_actions_are_written_out() -> None:
    mark = {"type": "mark-for-op", "op": "disable-unused", "tag": "t", "hours": 336}
    data = policy(actions=["disable-unused", mark, {"type": "mark-for-op", "op": "delete"}])
    assert [a["type"] for a in policy_data.actions(data)] == ["disable-unused", "mark-for-op", "mark-for-op"]
    assert policy_data.marks(data) == (
        MarkTerms("disable-unused", "t", 336.0),
        MarkTerms("delete", "maid_status", 0.0),
    )


def test_a_mark_filter_is_for_our_operation_when_it_names_none() -> None:
    assert policy_data.mark_terms({"type": "unused-mark", "tag": "t"}).op == "disable-unused"
    assert policy_data.mark_terms({"type": "mark-for-op"}).op == ""


def test_exemptions_are_those_that_our_filters_name() -> None:
    data = policy({**SHORT, "exemptions": "none"}, {"not": [{**LONG, "exemptions": "e.yml"}]}, SHORT)
    assert policy_data.exemptions(data) == ("none", "e.yml")
