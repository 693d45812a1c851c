"""When a policy may change anything: rules over the policy's data, checked before and during a run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from c7n.exceptions import PolicyExecutionError, PolicyValidationError

from custom_filters.core.notes import LONGEST_NOTICE
from custom_filters.core.policy_data import (
    FoundFilter,
    changing_actions,
    days_of,
    exemptions_of,
    filters,
    is_ours,
    unused_filters,
)
from custom_filters.core.verdict import UNUSED
from custom_filters.core.vocabulary import DISABLE, FILTER, MARK_FILTER
from custom_filters.custodian.exemptions import NONE, read_exemptions

#: How a mark's message must end where a policy names one.
MESSAGE_END = ": {op}@{action_date}"


def policy_problem(policy: Mapping[str, Any]) -> str | None:
    """The first reason, in one sentence, for which this policy must not run; None when it may.

    A policy that uses none of our filters and actions is left alone.
    """
    changing = changing_actions(policy)
    if not changing or not is_ours(policy):
        return None
    name = f"policy {policy.get('name')!r}: {changing[0].get('type')!r} changes users, so it"
    found = unused_filters(policy)
    if len(found) != 1:
        return f"{name} needs exactly one {FILTER!r} filter, and {len(found)} are there"
    return _filter_problem(name, found[0])


def _filter_problem(name: str, found: FoundFilter) -> str | None:
    wrong = next((block for block in found.blocks if block != "and"), None)
    if wrong:
        return f"{name} needs its {FILTER!r} filter outside of `{wrong}:`"
    other = sorted(set(found.data.get("verdicts", UNUSED)) - UNUSED)
    if other:
        return f"{name} takes the verdicts stale and never-used only; remove {', '.join(other)}"
    if "exemptions" not in found.data:
        return f"{name} needs `exemptions:` on its {FILTER!r} filter: a file or URL, or `none` written out"
    if isinstance(found.data.get("days"), list):
        days = ", ".join(map(str, days_of(found.data)))
        return f"{name} needs one number in `days:`, not the list {days}; lists are for reports"
    return None


def due_problem(policy: Mapping[str, Any]) -> str | None:
    """Why `disable-unused` is refused: nothing in the policy sees to it that notice was given and ran out."""
    marks = [found for found in filters(policy) if found.data.get("type") == MARK_FILTER]
    if any(set(found.blocks) <= {"and"} and found.data.get("state") in ("due", ["due"]) for found in marks):
        return None
    return f"{DISABLE} needs the filter {{type: {MARK_FILTER}, state: due}}, so that notice was given"


def exemptions_problem(policy: Mapping[str, Any]) -> str | None:
    """What is wrong with exemptions that lie in a local file: they must be there and read."""
    for location in exemptions_of(policy):
        if location == NONE or "://" in location:
            continue
        try:
            read_exemptions(location)
        except PolicyExecutionError as error:
            return f"policy {policy.get('name')!r}: {error}"
    return None


def refuse(problem: str | None) -> None:
    """Raise PolicyExecutionError for a problem that a run meets: validation can be skipped."""
    if problem:
        raise PolicyExecutionError(f"{problem}: nothing was changed")


def refuse_invalid(problem: str | None) -> None:
    """Raise PolicyValidationError for a problem that `custodian validate` meets."""
    if problem:
        raise PolicyValidationError(problem)


def mark_problem(action: Mapping[str, Any]) -> str | None:
    """Why a mark-for-op of ours is refused: it must carry an hour in UTC and leave notice."""
    if action.get("hours", 0) <= 0 or "days" in action:
        return "mark-for-op needs `hours:` above 0 and no `days:`, so that the mark carries its hour"
    if str(action.get("tz", "utc")).lower() != "utc":
        return "mark-for-op takes no `tz:` but utc; marks are in UTC"
    if not str(action.get("msg", MESSAGE_END)).endswith(MESSAGE_END):
        return f"mark-for-op: `msg:` must end in {MESSAGE_END!r}"
    if timedelta(hours=action.get("hours", 0)) > LONGEST_NOTICE:
        return f"mark-for-op gives at most {LONGEST_NOTICE.days} days' notice"
    return None
