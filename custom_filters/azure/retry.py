"""When a call to Graph is tried again, and how long to wait before it.

https://learn.microsoft.com/graph/throttling: wait as long as Retry-After says; without it, back off.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TypeVar

from custom_filters.azure.errors import NO_PIM, UNLICENSED, GraphError

T = TypeVar("T")

#: Tries by status: throttling passes; a server error may not; a licence is denied in error now and then.
_TRIES = {429: 12, 503: 12, 500: 5, 502: 5, 504: 5, 408: 5, 509: 5, None: 8}
_LICENCE_TRIES = 5
_FIRST_WAIT = 0.25
_LONGEST_WAIT = 30.0
#: A server that asks for more than this is not waited for.
LONGEST_RETRY_AFTER = 600.0


def tries(error: GraphError) -> int:
    """How often a call that fails like this is made in all."""
    if error.retry_after is not None and error.retry_after > LONGEST_RETRY_AFTER:
        return 1
    return _LICENCE_TRIES if error.code in {UNLICENSED, NO_PIM} else _TRIES.get(error.status, 1)


def delay(error: GraphError, failures: int) -> float:
    """Seconds to wait after so many failures: what the server said, or exponential; with jitter."""
    if error.retry_after is not None:
        return error.retry_after + random.uniform(0, 0.1 * error.retry_after)  # noqa: S311 (no secret)
    return min(_FIRST_WAIT * 2.0 ** (failures - 1), _LONGEST_WAIT) * random.uniform(0.5, 1)  # noqa: S311


def parse_retry_after(text: str | None, now: datetime | None = None) -> float | None:
    """Seconds from a Retry-After of seconds (also 1.5) or a date; None when absent or unreadable."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return _until(text, now or datetime.now(timezone.utc))
    return seconds if 0 <= seconds < float("inf") else None


def _until(text: str, now: datetime) -> float | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - now).total_seconds())


def retried(call: Callable[[], T], failed: Callable[[GraphError], None] | None = None) -> T:
    """The call's answer, after as many tries as its failures deserve; the last failure is raised."""
    failures = 0
    while True:
        try:
            return call()
        except GraphError as error:
            failures += 1
            if failures >= tries(error):
                raise
            if failed:
                failed(error)
            time.sleep(delay(error, failures))
