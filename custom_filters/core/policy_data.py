"""What a policy's data asks for, read in one way everywhere.

Only what stands where Custodian looks for filters and actions counts: `unused-credentials` as the value of a
`value` filter is a value, not our filter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from custom_filters.core.verdict import DEFAULT_DAYS, UNUSED, Verdict
from custom_filters.core.vocabulary import (
    DISABLE,
    FILTER,
    MARK,
    NEUTRAL,
    OUR_ACTIONS,
    OUR_FILTERS,
    RELEASING,
    STOCK_TAG,
)

BLOCKS = ("and", "or", "not")

#: A filter or an action; the short form (a word) is written out as {"type": word}.
Element = Mapping[str, Any]


@dataclass(frozen=True)
class FoundFilter:
    """A filter's data, and the blocks around it (`and`, `or`, `not`), outermost first."""

    data: Element
    blocks: tuple[str, ...] = ()


def filters(policy: Mapping[str, Any]) -> Iterator[FoundFilter]:
    """Every filter of a policy, those within blocks too; the blocks themselves are left out."""
    yield from _filters(policy.get("filters"), ())


def _filters(elements: Any, blocks: tuple[str, ...]) -> Iterator[FoundFilter]:
    for element in elements if isinstance(elements, list) else ():
        inner = _block(element)
        if inner:
            yield from _filters(element[inner], (*blocks, inner))
        else:
            yield FoundFilter(_written_out(element), blocks)


def _block(element: Any) -> str | None:
    """The block that an element is; like Custodian, a mapping with one key and no type."""
    if not isinstance(element, Mapping) or "type" in element:
        return None
    return next((block for block in BLOCKS if block in element), None)


def _written_out(element: Any) -> Element:
    return element if isinstance(element, Mapping) else {"type": str(element)}


def unused_filters(policy: Mapping[str, Any]) -> list[FoundFilter]:
    """The policy's `unused-credentials` filters."""
    return [found for found in filters(policy) if found.data.get("type") == FILTER]


def has_unused_filter(policy: Mapping[str, Any]) -> bool:
    """Whether the policy selects by our filter."""
    return bool(unused_filters(policy))


def unused_filter(policy: Mapping[str, Any]) -> Element:
    """The first `unused-credentials` filter, the only one where a policy may change anything; {} for none."""
    return next((found.data for found in unused_filters(policy)), {})


def with_unused_filters(policy: Mapping[str, Any], change: Callable[[Element], Element]) -> dict[str, Any]:
    """The policy with each of its `unused-credentials` filters as `change` makes it of its data."""
    return {**policy, "filters": _changed(policy.get("filters") or [], change)}


def _changed(elements: list[Any], change: Callable[[Element], Element]) -> list[Any]:
    return [_changed_one(element, change) for element in elements]


def _changed_one(element: Any, change: Callable[[Element], Element]) -> Any:
    inner = _block(element)
    if inner:
        within = element[inner]
        return {**element, inner: _changed(within, change) if isinstance(within, list) else within}
    return change(_written_out(element)) if _written_out(element).get("type") == FILTER else element


def days_of(data: Element) -> tuple[int, ...]:
    """The thresholds of an `unused-credentials` filter, in order: `days: 90` or `days: [45, 60, 90]`."""
    days = data.get("days", DEFAULT_DAYS)
    return tuple(sorted(days)) if isinstance(days, list) else (days,)


def verdicts_of(data: Element) -> frozenset[Verdict]:
    """The verdicts that an `unused-credentials` filter selects."""
    return frozenset(data.get("verdicts", UNUSED))


def asked_verdicts(policy: Mapping[str, Any]) -> frozenset[Verdict]:
    """The verdicts that the policy's `unused-credentials` filters select; none without such a filter."""
    return frozenset(verdict for found in unused_filters(policy) for verdict in verdicts_of(found.data))


def exemptions_of(policy: Mapping[str, Any]) -> list[str]:
    """Where a policy's exemptions lie, as its filters name them."""
    return [str(found.data["exemptions"]) for found in unused_filters(policy) if "exemptions" in found.data]


def actions(policy: Mapping[str, Any]) -> list[Element]:
    """The policy's actions."""
    return [_written_out(action) for action in policy.get("actions") or ()]


def changing_actions(policy: Mapping[str, Any]) -> list[Element]:
    """The actions that change an identity for the worse: all that are neither neutral nor releasing."""
    return [action for action in actions(policy) if action.get("type") not in NEUTRAL | RELEASING]


def marks_for_us(action: Any) -> bool:
    """Whether this is a mark-for-op that announces our operation."""
    data = _written_out(action)
    return data.get("type") == MARK and data.get("op") == DISABLE


def notice_hours(policy: Mapping[str, Any]) -> float:
    """How long before the change the policy's marks announce it; 0 when it does not mark for us."""
    marks = (action for action in actions(policy) if marks_for_us(action))
    return max((float(mark.get("hours", 0)) for mark in marks), default=0.0)


def tag_of(data: Element) -> str:
    """Where a filter or an action keeps or looks for the mark."""
    return str(data.get("tag", STOCK_TAG))


def is_ours(policy: Mapping[str, Any]) -> bool:
    """Whether the policy uses a filter or an action of ours, or marks for us."""
    if any(found.data.get("type") in OUR_FILTERS for found in filters(policy)):
        return True
    return any(action.get("type") in OUR_ACTIONS or marks_for_us(action) for action in actions(policy))
