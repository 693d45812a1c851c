"""When a policy may change anything: the sentence for each refusal, and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from custom_filters.core.policy_data import marks_for_us, unused_filter
from custom_filters.custodian.validation import mark_problem, policy_problem
from tests.aws.runs import validate

FILTER = {"type": "unused-credentials", "exemptions": "none"}
NEW = {**FILTER, "verdicts": ["new"]}
WRITTEN = {**FILTER, "verdicts": ["stale", "never-used"]}
DUE = {"type": "unused-mark", "state": "due"}
DISABLE = {"type": "disable-unused"}
MARK = {"type": "mark-for-op", "op": "disable-unused", "hours": 336}


def made(filters: list[Any], *actions: Any) -> dict[str, Any]:
    return {"name": "p", "resource": "aws.iam-user", "filters": filters, "actions": list(actions)}


def without(key: str, data: dict[str, Any] = FILTER) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != key}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown beside disable": (
        made([{**FILTER, "verdicts": ["stale", "unknown"]}], DISABLE),
        "policy 'p': 'disable-unused' changes users, so it takes the verdicts stale and never-used only",
    ),
    "active and exempt": (made([{**FILTER, "verdicts": ["new", "active"]}], DISABLE), "remove active, new"),
    "not around the filter": (made([{"not": [FILTER]}], DISABLE), "outside of `not:`"),
    "or around the filter": (made([{"or": [FILTER, DUE]}], DISABLE), "outside of `or:`"),
    "not within and": (made([{"and": [{"not": [FILTER]}]}], DISABLE), "outside of `not:`"),
    "and within or": (made([{"or": [{"and": [FILTER]}, DUE]}], DISABLE), "outside of `or:`"),
    "no exemptions": (made([without("exemptions")], DISABLE), "needs `exemptions:`"),
    "no exemptions, in short": (made(["unused-credentials"], DISABLE), "needs `exemptions:`"),
    "an exempt tag is no file": (
        made([{**without("exemptions"), "exempt-tag": "x"}], DISABLE), "needs `exemptions:`",
    ),
    "two filters": (made([FILTER, FILTER], DISABLE), "one 'unused-credentials' filter, and 2 are there"),
    "two filters, one hidden": (made([FILTER, {"and": [{"or": [FILTER]}]}], DISABLE), "and 2 are there"),
    "no filter": (made([DUE], DISABLE), "exactly one 'unused-credentials' filter, and 0 are there"),
    "no filters at all": ({"name": "p", "actions": ["disable-unused"]}, "0 are there"),
    "an action in short": (made([without("exemptions")], "disable-unused"), "needs `exemptions:`"),
    "several thresholds": (
        made([{**FILTER, "days": [45, 90]}], DISABLE), "needs one number in `days:`, not the list 45, 90",
    ),
    "several thresholds for a mark": (made([{**FILTER, "days": [90]}], MARK), "needs one number in `days:`"),
    "our mark": (made([], MARK), "'mark-for-op' changes users, so it needs exactly one"),
    "our mark on unknown": (made([{**FILTER, "verdicts": ["unknown"]}], MARK), "remove unknown"),
    "stock action behind our filter": (
        made([without("exemptions")], {"type": "remove-keys"}), "'remove-keys' changes users",
    ),
    "stock action behind our marks": (made([DUE], {"type": "delete"}), "'delete' changes users"),
    "tagging changes, too": (made([NEW], {"type": "tag"}), "remove new"),
    "one of several": (made([NEW], "notify", "unmark-unused", DISABLE), "'disable-unused' changes"),
}  # fmt: skip

ALLOWED = {
    "disable": made([FILTER, DUE], DISABLE),
    "disable with the verdicts written out": made([WRITTEN], DISABLE),
    "disable one of the two verdicts": made([{**FILTER, "verdicts": ["stale"]}], DISABLE),
    "and around the filter": made([{"and": [FILTER, DUE]}], DISABLE),
    "or beside the filter": made([FILTER, {"or": [DUE, {"type": "value"}]}], DISABLE),
    "not beside the filter": made([FILTER, {"not": [{"type": "value"}]}], DISABLE),
    "mark": made([FILTER, {"type": "unused-mark", "state": "absent"}], MARK),
    "exemptions in a file": made([{**FILTER, "exemptions": "exemptions.yml"}], DISABLE),
    "findings of any verdict": made([{"type": "unused-credentials", "verdicts": ["unknown", "active"]}]),
    "findings at several thresholds": made([{"type": "unused-credentials", "days": [45, 60, 90]}], "notify"),
    "a value that is called like our filter": made(
        [{"type": "value", "key": "x", "value": "unused-credentials"}], {"type": "delete"}
    ),
    "findings from within not": made([{"not": [{"type": "unused-credentials"}]}]),
    "neutral on any verdict": made([{**without("exemptions"), "verdicts": ["unknown"]}], "notify", "webhook"),
    "releasing on any verdict": made([{**without("exemptions"), "verdicts": ["new"]}], "unmark-unused"),
    "releasing by marks alone": made([DUE], "remove-tag", "enable-unused", "unmark-unused"),
    "a stranger's policy that deletes": made([{"type": "value"}], {"type": "delete"}),
    "a stranger's mark": made([{"type": "value"}], {"type": "mark-for-op", "op": "delete", "days": 4}),
    "a stranger's policy on our tag": made([{"type": "marked-for-op", "op": "delete"}], {"type": "tag"}),
    "a policy with a name alone": {"name": "p", "resource": "aws.iam-user"},
}  # fmt: skip


@pytest.mark.parametrize(("policy", "says"), REFUSED.values(), ids=REFUSED)
def test_refused_with_one_sentence(policy: dict[str, Any], says: str) -> None:
    problem = policy_problem(policy)
    assert problem is not None
    assert says in problem
    assert problem.startswith("policy 'p': ")


@pytest.mark.parametrize("policy", ALLOWED.values(), ids=ALLOWED)
def test_allowed_or_left_alone(policy: dict[str, Any]) -> None:
    assert policy_problem(policy) is None


MARKS = {
    "two weeks": ({"hours": 336}, None),
    "an hour": ({"hours": 1}, None),
    "utc written out": ({"hours": 1, "tz": "utc"}, None),
    "UTC in capitals": ({"hours": 1, "tz": "UTC"}, None),
    "nothing": ({}, "above 0"),
    "0 hours": ({"hours": 0}, "above 0"),
    "hours before now": ({"hours": -5}, "above 0"),
    "days": ({"days": 14}, "no `days:`"),
    "longer than a record may say": ({"hours": 24 * 90 + 1}, "at most 90 days"),
    "no date at its end": ({"hours": 1, "msg": "gone soon"}, "must end in"),
    "days beside hours": ({"days": 14, "hours": 1}, "no `days:`"),
    "another zone": ({"hours": 1, "tz": "est"}, "no `tz:` but utc"),
    "a city": ({"hours": 1, "tz": "Europe/Vienna"}, "no `tz:` but utc"),
}


@pytest.mark.parametrize(("action", "says"), MARKS.values(), ids=MARKS)
def test_marks_carry_an_hour_in_utc(action: dict[str, Any], says: str | None) -> None:
    problem = mark_problem(action)
    assert (problem is None) if says is None else says in str(problem)


def test_which_marks_are_ours() -> None:
    assert marks_for_us(MARK)
    assert not marks_for_us({"type": "mark-for-op", "op": "delete"})
    assert not marks_for_us("mark-for-op")
    assert not marks_for_us(DISABLE)


def test_the_filter_is_found_within_and() -> None:
    assert unused_filter(made([DUE, {"and": [FILTER]}], DISABLE)) is FILTER


#: What issue and contract name, as whole policies that pass Custodian's own schema.
THROUGH_CUSTODIAN = {
    "unknown-beside-disable": REFUSED["unknown beside disable"],
    "not-around": REFUSED["not around the filter"],
    "or-around": REFUSED["or around the filter"],
    "no-exemptions": REFUSED["no exemptions"],
    "two-filters": REFUSED["two filters"],
    "no-filter": REFUSED["no filter"],
    "mark-without-filter": REFUSED["our mark"],
    "no-hours": (made([FILTER], {**MARK, "hours": 0}), "above 0"),
    "days": (made([FILTER], {**without("hours", MARK), "days": 14}), "above 0"),
    "no-mark-is-due": (made([FILTER], DISABLE), "needs the filter {type: unused-mark, state: due}"),
    "no-such-file": (made([{**FILTER, "exemptions": "absent.yml"}, DUE], DISABLE), "absent.yml"),
    "nothing-to-assume": (made([{**FILTER, "assume-advisor-complete": True}]), "needs access-advisor in"),
    "thresholds": REFUSED["several thresholds"],
    "zone": (made([FILTER], {**MARK, "tz": "est"}), "no `tz:` but utc"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What one `custodian validate` says of them, and of one that is fine."""
    refused = [{**policy, "name": name} for name, (policy, _) in THROUGH_CUSTODIAN.items()]
    fine = {**ALLOWED["disable"], "name": "fine"}
    done = validate(tmp_path_factory.mktemp("validate"), [*refused, fine])
    assert done.returncode == 1
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", THROUGH_CUSTODIAN)
def test_custodian_validate_refuses(told: str, name: str) -> None:
    about = [line for line in told.splitlines() if name in line]
    assert any(THROUGH_CUSTODIAN[name][1].replace("'p'", f"'{name}'") in line for line in about)


def test_custodian_validate_takes_a_policy_that_is_fine(told: str) -> None:
    assert any("Configuration valid" in line and "fine.json" in line for line in told.splitlines())
