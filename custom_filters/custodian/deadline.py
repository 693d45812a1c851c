"""When this process is stopped from outside, so that actions end between two users and not within one."""

from __future__ import annotations

from collections.abc import Callable

#: Left for writing outputs (milliseconds); a user's calls, retries included, take less.
_RESERVE = 60_000
#: Returns the milliseconds that are left; empty where nothing stops this process.
_remaining: list[Callable[[], int]] = []


def watch(context: object) -> None:
    """Take the time that is left from an invocation's context, as AWS Lambda hands it to a handler."""
    found = getattr(context, "get_remaining_time_in_millis", None)
    _remaining[:] = [found] if found else []


def is_near() -> bool:
    """Whether another user must not be begun."""
    return any(left() < _RESERVE for left in _remaining)
