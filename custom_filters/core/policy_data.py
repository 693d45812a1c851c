"""The one reader of a policy's data: the mapping that stands under `policies:`, or in metadata.json.

Only elements of `filters:` (and of the `and:`, `or:` and `not:` blocks in it) and of `actions:` count: a
value filter may hold one of our names in its `value:`, and means something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from custom_filters.core.mark import DEFAULT_TAG
from custom_filters.core.verdict import UNUSED

FILTER = "unused-credentials"
MARK_FILTER = "unused-mark"
MARK_ACTION = "mark-for-op"
DISABLE = "disable-unused"
DEFAULT_DAYS = 90
BLOCKS = ("and", "or", "not")


@dataclass(frozen=True)
class Filter:
    """A filter, its short form written out, and the blocks around it, outermost first."""

    data: Mapping[str, Any]
    blocks: tuple[str, ...] = ()


@dataclass(frozen=True)
class MarkTerms:
    """What a mark-for-op announces: `op` after `hours` of notice, written under `tag`."""

    op: str
    tag: str
    hours: float


def type_of(element: object) -> str:
    """The type of a filter or action; nothing for a block and for the short form of a value filter."""
    return str(element.get("type", "")) if isinstance(element, Mapping) else str(element)


def filters(policy: Mapping[str, Any], name: str = FILTER) -> list[Filter]:
    """Every filter of this type, in the order of the policy."""
    return [found for found in _filters(policy.get("filters"), ()) if type_of(found.data) == name]


def _filters(elements: Any, blocks: tuple[str, ...]) -> Iterator[Filter]:
    for element in elements if isinstance(elements, list) else ():
        block = _block(element)
        if block:
            yield from _filters(element[block], (*blocks, block))
        else:
            yield Filter(written_out(element), blocks)


def _block(element: Any) -> str | None:
    """The block that this element is: Custodian's rule is a mapping of one key, without a type."""
    if isinstance(element, Mapping) and len(element) == 1:
        return next((name for name in BLOCKS if name in element), None)
    return None


def written_out(element: Any) -> Mapping[str, Any]:
    """The long form of a filter or action: `unused-credentials` is `{type: unused-credentials}`."""
    return element if isinstance(element, Mapping) else {"type": str(element)}


def actions(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The policy's actions, short forms written out."""
    found = policy.get("actions")
    return [written_out(action) for action in found] if isinstance(found, list) else []


def verdicts(policy: Mapping[str, Any]) -> frozenset[str]:
    """The verdicts that its `unused-credentials` filters select; none without such a filter."""
    return frozenset(verdict for f in filters(policy) for verdict in f.data.get("verdicts", UNUSED))


def days(policy: Mapping[str, Any]) -> tuple[int, ...]:
    """The thresholds of its `unused-credentials` filters, in their order, each number of a list by itself."""
    return tuple(number for f in filters(policy) for number in days_of(f.data))


def days_of(data: Mapping[str, Any]) -> tuple[int, ...]:
    """The thresholds of one `unused-credentials` filter."""
    found = data.get("days", DEFAULT_DAYS)
    return tuple(found) if isinstance(found, list) else (found,)


def with_days(policy: Mapping[str, Any], number: int | list[int]) -> dict[str, Any]:
    """The policy with these thresholds in each of its `unused-credentials` filters."""
    return {**policy, "filters": _with_days(policy.get("filters") or [], number)}


def _with_days(elements: Any, number: int | list[int]) -> Any:
    if not isinstance(elements, list):
        return elements
    return [_element_with_days(element, number) for element in elements]


def _element_with_days(element: Any, number: int | list[int]) -> Any:
    block = _block(element)
    if block:
        return {block: _with_days(element[block], number)}
    return {**written_out(element), "days": number} if type_of(element) == FILTER else element


def exemptions(policy: Mapping[str, Any]) -> tuple[str, ...]:
    """Where its exemptions lie, as its `unused-credentials` filters name them; `none` is one of them."""
    return tuple(str(f.data["exemptions"]) for f in filters(policy) if "exemptions" in f.data)


def marks(policy: Mapping[str, Any]) -> tuple[MarkTerms, ...]:
    """What its mark-for-op actions announce, whatever the operation."""
    return tuple(mark_terms(action) for action in actions(policy) if type_of(action) == MARK_ACTION)


def mark_terms(data: Mapping[str, Any]) -> MarkTerms:
    """Operation, tag and notice of one mark-for-op; an `unused-mark` filter has the first two as well."""
    op = data.get("op", DISABLE if type_of(data) == MARK_FILTER else "")
    return MarkTerms(str(op), str(data.get("tag", DEFAULT_TAG)), float(data.get("hours", 0)))
