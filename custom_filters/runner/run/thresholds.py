"""`--days` and `--max-resources`: the same policies at other thresholds and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil

from custom_filters.core.errors import InputError
from custom_filters.core.policy_data import (
    actions,
    days_of,
    has_unused_filter,
    notice_hours,
    unused_filters,
    with_unused_filters,
)
from custom_filters.core.vocabulary import DISABLE
from custom_filters.runner.run.policy_files import Policy, PolicyFile

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

    One number replaces each policy's own, less the notice that it gives. Several are judged at once: each
    policy has them as a list.
    """
    if not days:
        return list(files)
    if len(days) == 1:
        return [_at_one_threshold(file, days[0]) for file in files]
    return [_changed(file, [_with_days(policy, list(days)) for policy in file.policies]) for file in files]


def limited(files: Sequence[PolicyFile], most: int | None) -> list[PolicyFile]:
    """The files with `max-resources` set on each policy that has actions."""
    if most is None:
        return list(files)
    return [_changed(file, [_limited(policy, most) for policy in file.policies]) for file in files]


def _limited(policy: Policy, most: int) -> Policy:
    if not actions(policy.data):
        return policy
    rest = {name: value for name, value in policy.data.items() if name != "max-resources-percent"}
    return replace(policy, data={**rest, "max-resources": most})


def _at_one_threshold(file: PolicyFile, days: int) -> PolicyFile:
    """A policy that marks does so its notice earlier; one that unmarks follows the policy that marked."""
    earlier: dict[int, int] = {}
    for policy in file.policies:
        notice = ceil(notice_hours(policy.data) / 24)
        if notice >= days:
            raise InputError(
                f"--days {days} leaves no time for the notice of {notice} days that {policy.name} gives; "
                f"choose at least {notice + 1}, or a policy with a shorter notice."
            )
        if notice:
            earlier.update(dict.fromkeys(_days(policy), days - notice))
    return _changed(file, [_shift(policy, days, earlier) for policy in file.policies])


def _shift(policy: Policy, days: int, earlier: Mapping[int, int]) -> Policy:
    own = _days(policy)
    # A policy that disables is always at the threshold itself, whatever another's notice.
    disables = any(action["type"] == DISABLE for action in actions(policy.data))
    return _with_days(policy, days if disables or not own else earlier.get(own[0], days))


def _days(policy: Policy) -> list[int]:
    return [number for found in unused_filters(policy.data) for number in days_of(found.data)]


def _with_days(policy: Policy, days: int | list[int]) -> Policy:
    if not has_unused_filter(policy.data):
        return policy
    data = with_unused_filters(policy.data, lambda filter: {**filter, "days": days})
    if "description" in data:
        shown = ",".join(map(str, days)) if isinstance(days, list) else days
        data["description"] = f"{data['description']} (here with --days {shown})"
    return replace(policy, data=data)


def _changed(file: PolicyFile, policies: list[Policy]) -> PolicyFile:
    return replace(file, policies=tuple(policies), changed=True)
