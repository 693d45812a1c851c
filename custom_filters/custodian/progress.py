"""How far a long reading has come, told through Custodian's log and to the command that runs us."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

log = logging.getLogger("custodian.unused.progress")

#: Names the file in which `c7n-unused run` looks up what its child is doing.
PROGRESS_VARIABLE = "C7N_UNUSED_PROGRESS"
_LOGGED_EVERY = 30.0
_WRITTEN_EVERY = 0.5
_MINUTE, _HOUR = 60, 3600

T = TypeVar("T")


class Progress:
    """Counts what is done, as in `1,200 of 5,000 users read, about 3 min left`; safe between threads.

    `what` names the things and what happens to them; `total` is None where nobody knows it. Nothing is logged
    of what takes less than half a minute.
    """

    def __init__(
        self, what: str, total: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._total, self._clock = what, total, clock
        self._done = 0
        self._started = self._logged = clock()
        self._written = self._started - _WRITTEN_EVERY
        self._lock = threading.Lock()

    def add(self, count: int = 1) -> None:
        """So many more are done."""
        with self._lock:
            self._done += count
            now = self._clock()
            if now - self._logged >= _LOGGED_EVERY:
                self._logged = now
                log.info("%s", str(self))
            if now - self._written >= _WRITTEN_EVERY or self._done == self._total:
                self._written = now
                _write(str(self))

    def __str__(self) -> str:
        if self._total is None:
            return f"{self._done:,} {self._what}"
        text = f"{self._done:,} of {self._total:,} {self._what}"
        seconds = self._clock() - self._started
        if 0 < self._done < self._total and seconds >= 1:
            text += f", about {duration(seconds / self._done * (self._total - self._done))} left"
        return text


def counted(things: Iterable[T], what: str) -> Iterator[T]:
    """The same things, counted as they are read: `1,200 users read`."""
    progress = Progress(what)
    for thing in things:
        yield thing
        progress.add()


def _write(text: str) -> None:
    path = os.environ.get(PROGRESS_VARIABLE)
    if path:
        with contextlib.suppress(OSError):  # what is only told must not end what is done
            Path(path).write_text(text, encoding="utf-8")


def duration(seconds: float) -> str:
    """A time for people: `45 s`, `20 min`, `1.5 h`."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s" if seconds >= 1 or not seconds else f"{seconds:.1f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.1f} h"
