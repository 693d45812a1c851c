"""How fast the users' sign-in activity is read.

Graph lets an app read signInActivity a few times a minute only (10 in one reading of its documentation), so
the plan for a large tenant is told first, and told again when Graph slows us down.
"""

from __future__ import annotations

import logging
import math
import os
import time

from custom_filters.azure.errors import GraphError

log = logging.getLogger("custodian.unused")

PAGE = 500
#: What Graph's documentation says of signInActivity, for an app in a tenant.
DOCUMENTED_RATE = 10
_LONG_WAIT = 5.0
_TOLD_EVERY = 20
_SLOWEST = 6.0
_STDERR = 2


class Pace:
    """Paces the pages of a listing of `users` people: `rate` pages a minute, None: as fast as Graph lets us.

    After a refusal that does not say how long to wait, requests are kept further apart, and less so with
    every one that succeeds.
    """

    def __init__(self, users: int, rate: float | None) -> None:
        self._pages = max(1, math.ceil(users / PAGE))
        self._least = 60 / rate if rate else 0.0
        self._interval = self._least
        self._next = 0.0
        self._done = 0
        self._told = False
        if rate:
            minutes = self._pages / rate
            log.info("%d users: %d pages at %g a minute, %.0f minutes", users, self._pages, rate, minutes)

    def wait(self) -> None:
        """Block until the next request may start."""
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._interval

    def throttled(self, error: GraphError) -> None:
        """Slow down; the first time that this will be felt, say what to expect."""
        if error.retry_after is None:
            self._interval = min(max(self._interval * 2, 0.5), _SLOWEST)
        elif error.retry_after >= _LONG_WAIT and not self._told:
            self._told = True
            left = self._pages - self._done
            log.warning(
                "Microsoft Graph slows us down (Retry-After %.0f s): %d of %d pages are left, "
                "at %d a minute about %.0f minutes",
                error.retry_after, left, self._pages, DOCUMENTED_RATE, left / DOCUMENTED_RATE,
            )  # fmt: skip

    def succeeded(self) -> None:
        """A page came; on a terminal, say so now and then."""
        self._done += 1
        self._interval = max(self._least, self._interval * 0.8)
        if self._done % _TOLD_EVERY == 0 and os.isatty(_STDERR):
            log.info("%d of about %d pages of users read", self._done, self._pages)
