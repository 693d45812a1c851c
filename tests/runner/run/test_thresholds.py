from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from custom_filters.core.errors import InputError
from custom_filters.core.policy_data import days_of, unused_filters
from custom_filters.runner.run.policy_files import Policy, PolicyFile
from custom_filters.runner.run.thresholds import apply_days, limited

UNMARK = {"verdicts": ["active"]}


def policy(name: str, days: int | None, *actions: Any, **options: Any) -> Policy:
    filters: list[Any] = [] if days is None else [{"type": "unused-credentials", "days": days, **options}]
    data = {"name": name, "resource": "aws.iam-user", "filters": filters, "actions": list(actions)}
    return Policy("aws", name, "aws.iam-user", data)


def days(policy: Policy) -> list[int]:
    return [number for found in unused_filters(policy.data) for number in days_of(found.data)]


def applied(policies: list[Policy], *thresholds: int) -> dict[str, list[int]]:
    files = apply_days([PolicyFile(Path("x.yml"), tuple(policies), {})], thresholds)
    return {p.name: days(p) for file in files for p in file.policies}


MARK = {"type": "mark-for-op", "op": "disable-unused", "hours": 336}
ENFORCE = [
    policy("user-mark", 76, MARK),
    policy("user-unmark", 76, "unmark-unused", **UNMARK),
    policy("user-disable", 90, "disable-unused"),
    policy("key-mark", 31, {**MARK, "hours": 330}),
    policy("key-unmark", 31, "unmark-unused", **UNMARK),
    policy("key-disable", 45, {"type": "disable-unused"}),
    policy("other", None),
]


def test_without_days_nothing_changes() -> None:
    assert applied(ENFORCE)["user-mark"] == [76]


def test_one_number_keeps_the_notice() -> None:
    assert applied(ENFORCE, 60) == {
        "user-mark": [46], "user-unmark": [46], "user-disable": [60],
        "key-mark": [46], "key-unmark": [46], "key-disable": [60],
        "other": [],
    }  # fmt: skip


def test_a_threshold_within_the_notice_is_refused() -> None:
    with pytest.raises(InputError, match="notice of 14 days that user-mark gives; choose at least 15"):
        applied(ENFORCE, 14)


def test_several_numbers_are_one_list() -> None:
    policies = (policy("unused", 90), policy("other", None))
    (file,) = apply_days([PolicyFile(Path("x.yml"), policies, {})], (30, 60))
    assert [p.name for p in file.policies] == ["unused", "other"]
    assert file.policies[0].data["filters"] == [{"type": "unused-credentials", "days": [30, 60]}]
    assert file.policies[1] is policies[1]


def test_a_value_that_reads_like_our_filter_is_left_as_it_is() -> None:
    value = {"type": "value", "key": "UserName", "value": "unused-credentials"}
    data = {"name": "named", "filters": [value, {"type": "unused-credentials", "days": 90}]}
    named = Policy("aws", "named", "aws.iam-user", data)
    (file,) = apply_days([PolicyFile(Path("x.yml"), (named,), {})], [30])
    assert file.policies[0].data["filters"] == [value, {"type": "unused-credentials", "days": 30}]


def test_filters_are_found_in_blocks_and_in_short_form() -> None:
    data = {"filters": [{"or": ["unused-credentials", {"not": [{"type": "unused-credentials", "days": 7}]}]}]}
    nested = Policy("aws", "nested", "aws.iam-user", data)
    assert days(nested) == [90, 7]
    assert applied([nested], 30) == {"nested": [30, 30]}


def test_the_given_policy_is_left_as_it_was() -> None:
    applied(ENFORCE, 60)
    assert ENFORCE[0].data["filters"][0]["days"] == 76


def test_a_limit_is_set_where_something_is_done() -> None:
    percent = replace(ENFORCE[0], data={**ENFORCE[0].data, "max-resources-percent": 10})
    (file,) = limited([PolicyFile(Path("x.yml"), (percent, ENFORCE[-1]), {})], 7)
    first, other = (policy.data for policy in file.policies)
    assert (first["max-resources"], "max-resources-percent" in first) == (7, False)
    assert "max-resources" not in other
    assert limited([file], None) == [file]
