"""`--days`: the same policies at other thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

from custom_filters.core.verdict import UNUSED
from custom_filters.runner.exits import InputError
from custom_filters.runner.run.policy_files import Policy, PolicyFile

FILTER = "unused-credentials"
_DEFAULT_DAYS = 90
_MOST_DAYS = 400


def parse_days(text: str | None) -> tuple[int, ...]:
    """Read `--days N[,N...]`: each 1..400; empty when it was not given. Raises InputError."""
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if not (word.isascii() and word.isdigit() and 1 <= int(word) <= _MOST_DAYS):
            raise InputError(f"--days {text}: {word!r} is not a whole number from 1 to {_MOST_DAYS}.")
    return tuple(sorted({int(word) for word in words}))


def apply_days(files: Sequence[PolicyFile], days: Sequence[int]) -> list[PolicyFile]:
    """The files with their thresholds set.

    One number replaces each policy's own. With several, each policy that judges is there once for each
    number, named `<name>-<N>d`; the others stay as they are.
    """
    if not days:
        return list(files)
    if len(days) == 1:
        return [_at_one_threshold(file, days[0]) for file in files]
    return [replace(file, policies=tuple(_variants(file.policies, days)), changed=True) for file in files]


def _variants(policies: Iterable[Policy], days: Sequence[int]) -> Iterator[Policy]:
    for policy in policies:
        if list(judging_filters(policy)):
            yield from (_with_days(policy, n, name=f"{policy.name}-{n}d") for n in days)
        else:
            yield policy


def _at_one_threshold(file: PolicyFile, days: int) -> PolicyFile:
    """A policy that marks does so its notice earlier; one that unmarks follows the policy that marked."""
    earlier: dict[int, int] = {}
    for policy in file.policies:
        notice = ceil(_notice_hours(policy) / 24)
        if notice >= days:
            raise InputError(
                f"--days {days} leaves no time for the notice of {notice} days that {policy.name} gives; "
                f"choose at least {notice + 1}, or a policy with a shorter notice."
            )
        if notice:
            earlier.update(dict.fromkeys(judging_days(policy), days - notice))
    shifted = tuple(_shift(policy, days, earlier) for policy in file.policies)
    return replace(file, policies=shifted, changed=True)


def _shift(policy: Policy, days: int, earlier: Mapping[int, int]) -> Policy:
    own = next(judging_days(policy), None)
    if own is None:
        return policy
    # A policy that disables is always at the threshold itself, whatever another's notice.
    return _with_days(policy, days if _disables(policy) else earlier.get(own, days), name=policy.name)


def judging_filters(policy: Policy) -> Iterator[Any]:
    """The policy's `unused-credentials` filters, in the short form (a word) too, wherever they stand."""
    return _find(policy.data.get("filters") or [])


def judging_days(policy: Policy) -> Iterator[int]:
    """The thresholds of the policy's `unused-credentials` filters, in days."""
    for found in judging_filters(policy):
        yield found.get("days", _DEFAULT_DAYS) if isinstance(found, dict) else _DEFAULT_DAYS


def asked_verdicts(policy: Policy) -> frozenset[str]:
    """The verdicts that the policy's `unused-credentials` filters select; none when it has no such filter."""
    filters = [found if isinstance(found, dict) else {} for found in judging_filters(policy)]
    return frozenset(verdict for f in filters for verdict in f.get("verdicts", UNUSED))


def actions(policy: Policy) -> Iterator[Mapping[str, Any]]:
    """The policy's actions, the short form (a word) written out."""
    for action in policy.data.get("actions") or []:
        yield action if isinstance(action, dict) else {"type": str(action)}


def _notice_hours(policy: Policy) -> float:
    marks = (a for a in actions(policy) if a.get("type") == "mark-for-op" and a.get("op") == "disable-unused")
    return max((float(mark.get("hours", 0)) for mark in marks), default=0.0)


def _disables(policy: Policy) -> bool:
    return any(action.get("type") == "disable-unused" for action in actions(policy))


def _find(node: Any) -> Iterator[Any]:
    if node == FILTER or (isinstance(node, dict) and node.get("type") == FILTER):
        yield node
    elif isinstance(node, dict):
        yield from (found for value in node.values() for found in _find(value))
    elif isinstance(node, list):
        yield from (found for value in node for found in _find(value))


def _with_days(policy: Policy, days: int, *, name: str) -> Policy:
    data = {**policy.data, "name": name, "filters": _set_days(policy.data["filters"], days)}
    if "description" in data:
        data["description"] = f"{data['description']} (here with --days {days})"
    return replace(policy, name=name, data=data)


def _set_days(node: Any, days: int) -> Any:
    if node == FILTER:
        return {"type": FILTER, "days": days}
    if isinstance(node, list):
        return [_set_days(value, days) for value in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == FILTER:
        return {**node, "days": days}
    return {key: _set_days(value, days) for key, value in node.items()}
