"""When a policy may change anything: checks over the policy's data, before and during a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from c7n.exceptions import PolicyExecutionError

from custom_filters.core.verdict import UNUSED

FILTER = "unused-credentials"
MARK_FILTER = "unused-mark"
NEUTRAL = frozenset({"notify", "webhook", "put-metric", "post-finding"})
RELEASING = frozenset({"unmark-unused", "remove-tag", "unmark", "untag", "enable-unused"})
OUR_ACTIONS = frozenset({"disable-unused", "enable-unused", "unmark-unused"})
OUR_OPERATION = "disable-unused"

_BLOCKS = ("and", "or", "not")


def policy_problem(policy: Mapping[str, Any]) -> str | None:
    """The first reason, in one sentence, for which this policy must not run; None when it may.

    A policy that uses none of our filters and actions is left alone.
    """
    changing = [a for a in _actions(policy) if _type(a) not in NEUTRAL | RELEASING]
    if not _is_ours(policy) or not changing:
        return None
    name = f"policy {policy.get('name')!r}: {_type(changing[0])!r} changes users, so it"
    found = list(_find(FILTER, policy.get("filters")))
    if len(found) != 1:
        return f"{name} needs exactly one {FILTER!r} filter, and {len(found)} are there"
    data, blocks = found[0]
    return _filter_problem(name, data, blocks)


def refuse(policy: Mapping[str, Any]) -> None:
    """Raise PolicyExecutionError for a policy that must not run: validation can be skipped."""
    problem = policy_problem(policy)
    if problem:
        raise PolicyExecutionError(f"{problem}: nothing was changed")


def _filter_problem(name: str, data: Mapping[str, Any], blocks: tuple[str, ...]) -> str | None:
    wrong = next((b for b in blocks if b != "and"), None)
    if wrong:
        return f"{name} needs its {FILTER!r} filter outside of `{wrong}:`"
    other = sorted(set(data.get("verdicts", UNUSED)) - UNUSED)
    if other:
        return f"{name} takes the verdicts stale and never-used only; remove {', '.join(other)}"
    if "exemptions" not in data:
        return f"{name} needs `exemptions:` on its {FILTER!r} filter: a file or URL, or `none` written out"
    return None


def exemptions_of(policy: Mapping[str, Any]) -> list[str]:
    """Where a policy's exemptions lie, as its filters name them."""
    found = _find(FILTER, policy.get("filters"))
    return [str(data["exemptions"]) for data, _ in found if "exemptions" in data]


def has_unused_filter(policy: Mapping[str, Any]) -> bool:
    """Whether the policy selects by our filter."""
    return any(True for _ in _find(FILTER, policy.get("filters")))


def unused_filter(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one `unused-credentials` filter of a policy that passed policy_problem."""
    return next(data for data, _ in _find(FILTER, policy.get("filters")))


def mark_problem(action: Mapping[str, Any]) -> str | None:
    """Why a mark-for-op of ours is refused: it must carry an hour in UTC and leave notice."""
    if action.get("hours", 0) <= 0 or "days" in action:
        return "mark-for-op needs `hours:` above 0 and no `days:`, so that the mark carries its hour"
    if str(action.get("tz", "utc")).lower() != "utc":
        return "mark-for-op takes no `tz:` but utc; marks are in UTC"
    return None


def marks_for_us(action: Any) -> bool:
    """Whether this is a mark-for-op that announces our operation."""
    return (
        _type(action) == "mark-for-op" and isinstance(action, Mapping) and action.get("op") == OUR_OPERATION
    )


def _is_ours(policy: Mapping[str, Any]) -> bool:
    actions = _actions(policy)
    filters = policy.get("filters")
    if any(True for name in (FILTER, MARK_FILTER) for _ in _find(name, filters)):
        return True
    return any(_type(a) in OUR_ACTIONS or marks_for_us(a) for a in actions)


def _actions(policy: Mapping[str, Any]) -> list[Any]:
    return list(policy.get("actions") or [])


def _type(element: Any) -> str:
    return str(element.get("type")) if isinstance(element, Mapping) else str(element)


def _find(
    name: str, filters: Any, blocks: tuple[str, ...] = ()
) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    """Every filter of this type with the blocks around it, outermost first."""
    for element in filters or []:
        if _type(element) == name:
            yield (element if isinstance(element, Mapping) else {}), blocks
        elif isinstance(element, Mapping):
            for block in _BLOCKS:
                yield from _find(name, element.get(block), (*blocks, block))
