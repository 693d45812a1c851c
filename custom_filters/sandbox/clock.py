"""The one clock that all embedded clouds share: real time plus an offset that can be moved."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone


class Clock:
    """Flows like real time (aware UTC) from wherever it was set; `stated` is None until it was moved.

    Safe to use from several threads.
    """

    def __init__(self, at: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._offset = timedelta()
        self._stated: datetime | None = None
        if at is not None:
            self.set(at)

    def now(self) -> datetime:
        with self._lock:
            return datetime.now(timezone.utc) + self._offset

    def reference(self) -> datetime:
        """What "so many days ago" counts from: the time asked for, exactly, if the clock was moved."""
        return self.stated or self.now()

    @property
    def stated(self) -> datetime | None:
        """The time that `set` or `advance` last asked for, exactly; None when the clock was never moved."""
        with self._lock:
            return self._stated

    def set(self, at: datetime) -> None:
        """Moves the clock to `at`; a naive time is a ValueError, for nobody knows its zone."""
        if at.tzinfo is None:
            raise ValueError(f"the sandbox's clock needs a time with a zone, such as {at.isoformat()}Z")
        with self._lock:
            self._move(at.astimezone(timezone.utc))

    def advance(self, by: timedelta) -> None:
        """Moves the clock on (or back, if negative) from what it was last set to, or else from now."""
        with self._lock:
            self._move((self._stated or datetime.now(timezone.utc)) + by)

    def _move(self, at: datetime) -> None:
        self._stated = at
        self._offset = at - datetime.now(timezone.utc)
