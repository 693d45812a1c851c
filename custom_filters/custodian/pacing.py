"""The pace of calls: one RateLimiter for each quota of a cloud, shared by all threads of a run.

A call that a cloud refuses for coming too fast is never a failure: it waits for its next turn, as does every
other call of that quota. The rate falls when calls are refused and rises with those that succeed. Only a
cloud that refuses for hours on end (`patience`) is given up, with one sentence that says so.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from c7n.exceptions import PolicyExecutionError

from custom_filters.custodian.progress import duration
from custom_filters.custodian.waits import backoff, jittered

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

log = logging.getLogger("custodian.unused.pace")

#: Seconds for which refusals are waited out; two hours without it.
PATIENCE_VARIABLE = "C7N_UNUSED_PATIENCE"
_PATIENCE = 2 * 3600.0
#: A refusal makes the rate so much lower, a success so much higher.
_CUT, _GROWTH = 0.8, 1.02
#: A further refusal lowers the rate only after so many calls: those before could not show the effect.
_CALLS_A_CUT = 10
#: Refusals that a lower rate leaves nearly as frequent have another reason than speed: the rate goes back up,
#: and falls again only when more calls than that are refused. Smaller shares of so few calls say nothing.
_AS_FREQUENT, _TELLING, _MORE = 0.75, 0.3, 1.3
#: Calls a second: below this, refusals in a row lengthen the pause instead; above, nothing is held back.
_SLOWEST_RATE, _FASTEST_RATE = 5.0, 1000.0
#: A lowered rate starts from no more than this times what was really served.
_SEEN = 1.25
#: One call may be refused so often, while others are served, before that lengthens the pause of all.
_UNLUCKY = 2
#: Requests reach a cloud later than they start, and not equally late: its periods are kept so much longer.
_MARGIN_SECONDS, _MARGIN = 0.1, 0.02
#: A wait of this many seconds is logged, at most this often.
_LONG, _TOLD_EVERY = 10.0, 30.0
_MINUTE = 60


@dataclass(frozen=True)
class Clock:
    """Seconds that only grow, and how to let them pass; tests have a clock of their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


#: What limiters use that were given no clock.
SYSTEM = Clock()


@dataclass(frozen=True)
class Quota:
    """At most `calls` in any `seconds`: from the start where it is `kept`, else after the first refusal."""

    calls: int
    seconds: float
    kept: bool = True

    def __str__(self) -> str:
        return f"{self.calls} in {duration(self.seconds)}"


@dataclass(frozen=True)
class Again:
    """Why a failed call is made again: refused for its speed (`tries` is None), or a failure that may pass.

    `tries` is how often it is made in all; `retry_after` is in seconds, as the cloud said, or None.
    """

    tries: int | None = None
    retry_after: float | None = None


@dataclass
class Turn:
    """One call with its attempts: the newest one's number, how many failed, and when one was first refused.

    `failures` counts those that may pass, `refusals` those for speed; `renewed`: its log-in was renewed once.
    """

    number: int = 0
    failures: int = 0
    refusals: int = 0
    refused_at: float | None = None
    renewed: bool = False


class RateLimiter:
    """Says when a call may start; safe to share between threads.

    `name` is for messages, such as `AWS IAM`; `rate` (calls a second) is what to start with, None: as fast as
    they come until one is refused. Without a `clock` it goes by SYSTEM.
    """

    def __init__(
        self,
        name: str,
        *,
        rate: float | None = None,
        quota: Quota | None = None,
        patience: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self.clock = clock
        self._rate, self._quota = rate, quota
        self._patience = _patience_of_environment() if patience is None else patience
        self._kept = bool(quota and quota.kept)
        self._lock = threading.Lock()
        self._starts: deque[float] = deque(maxlen=quota.calls if quota else 1)
        self._next = self._paused_until = self._second = -math.inf
        self._turns = self._cut_after = self._paused_after = 0
        self._in_a_row = self._left = self._this_second = self._last_second = 0
        self._answers = self._refusals = 0
        self._tolerated = 0.0
        self._before: tuple[float, float] | None = None
        self._told = -math.inf
        self._refused_since: float | None = None

    @property
    def _clock(self) -> Clock:
        return self.clock or SYSTEM

    def call(
        self,
        attempt: Callable[[], T],
        errors: type[E],
        again: Callable[[E], Again | None],
        given_up: Callable[[E, str], Exception],
        turn: Turn | None = None,
    ) -> T:
        """What `attempt` returns, however often that takes.

        `again` says of one of its `errors` whether the call is made again; `given_up` makes the error of one
        that was refused for longer than our patience, from the last one and a sentence.
        """
        turn = turn or Turn()
        while True:
            self.wait(turn)
            try:
                answer = attempt()
            except errors as error:
                why = again(error)
                if why is None:
                    self.succeeded()
                    raise
                if not self.goes_on(turn, why):
                    raise
                if why.tries is None and (sentence := self.refused(turn, why.retry_after)):
                    raise given_up(error, sentence) from error
            else:
                self.succeeded()
                return answer

    def goes_on(self, turn: Turn, why: Again) -> bool:
        """Whether a call is tried again; blocks as long as a failure that may pass is best left alone."""
        if why.tries is None:
            return True
        turn.failures += 1
        if turn.failures >= why.tries:
            return False
        log.info("%s: a call failed and is tried again (%d of %d)", self.name, turn.failures + 1, why.tries)
        self._clock.sleep(backoff(turn.failures) if why.retry_after is None else jittered(why.retry_after))
        return True

    def wait(self, turn: Turn) -> None:
        """Block until the call may start."""
        while (delay := self._take(turn)) > 0:
            self._tell_wait(delay)
            self._clock.sleep(delay)

    def _take(self, turn: Turn) -> float:
        """0 when the turn was taken, else the seconds until it is worth asking again."""
        with self._lock:
            now = self._clock.now()
            at = max(self._next, self._paused_until, self._quota_opens())
            if at > now:
                return at - now
            interval = 1 / self._rate if self._rate else 0.0
            self._next = max(self._next, now - interval) + interval
            self._starts.append(now)
            self._turns += 1
            turn.number = self._turns
            return 0

    def _count(self, now: float) -> None:
        """How many calls succeed in a second."""
        if now - self._second >= 1:
            self._second, self._last_second, self._this_second = now, self._this_second, 0
        self._this_second += 1

    def _quota_opens(self) -> float:
        if not (self._kept and self._quota) or len(self._starts) < self._quota.calls:
            return -math.inf
        seconds = self._quota.seconds
        return self._starts[0] + seconds + max(_MARGIN_SECONDS, _MARGIN * seconds)

    def succeeded(self) -> None:
        """A call was not refused; go a little faster."""
        with self._lock:
            self._in_a_row, self._refused_since = 0, None
            self._left = max(0, self._left - 1)
            self._answers += 1
            self._count(self._clock.now())
            if self._rate:
                self._rate = min(self._rate * _GROWTH, _FASTEST_RATE)

    def refused(self, turn: Turn, retry_after: float | None = None) -> str | None:
        """Slow down: a call came too fast. A sentence when patience has ended, else None: repeat the call."""
        with self._lock:
            now = self._clock.now()
            self._refused_since = now if self._refused_since is None else self._refused_since
            turn.refusals += 1
            self._answers += 1
            self._refusals += 1
            turn.refused_at = now if turn.refused_at is None else turn.refused_at
            waited = now - min(self._refused_since, turn.refused_at)
            if waited + (retry_after or 0.0) >= self._patience:
                return self._given_up(waited, retry_after)
            self._pause(turn, now, retry_after)
            self._slow_down(turn)
        return None

    def _pause(self, turn: Turn, now: float, retry_after: float | None) -> None:
        if retry_after is not None:
            self._paused_until = max(self._paused_until, now + jittered(retry_after))
        elif turn.number > self._paused_after:  # else it was under way when the pause began
            self._in_a_row += 1
            in_a_row = max(self._in_a_row, turn.refusals - _UNLUCKY)
            if in_a_row > 1:
                self._paused_until = max(self._paused_until, now + backoff(in_a_row - 1))
            self._paused_after = self._turns

    def _slow_down(self, turn: Turn) -> None:
        """Keep the quota that was not kept yet, or lower the rate."""
        if turn.number <= self._cut_after:
            return
        if self._quota and not self._kept:
            self._kept, self._cut_after = True, self._turns
            self._announce()
            return
        share, before = self._refusals / self._answers, self._before
        self._answers = self._refusals = 0
        self._cut_after, self._before = self._turns + _CALLS_A_CUT, None
        if before and min(share, before[0]) >= _TELLING and share >= _AS_FREQUENT * before[0]:
            self._tolerated, self._rate = share * _MORE, before[1]
        elif share > self._tolerated:
            self._before = (share, self._rate) if self._rate else None
            self._tolerated, self._rate = 0.0, self._lower_rate()

    def _lower_rate(self) -> float:
        documented = self._quota.calls / self._quota.seconds if self._quota else math.inf
        seen = max(self._this_second, self._last_second)
        rate = _CUT * min(documented, min(self._rate, _SEEN * seen) if self._rate else seen)
        return max(rate, min(_SLOWEST_RATE, documented / 2))

    def _given_up(self, waited: float, retry_after: float | None) -> str:
        asked = f" and asks for {duration(retry_after)} more" if retry_after else ""
        return (
            f"{self.name} has refused calls as too fast for {duration(waited)}{asked}; run again later, or "
            f"set {PATIENCE_VARIABLE} to more than {self._patience:.0f} seconds"
        )

    def expect(self, calls: int) -> None:
        """So many calls are about to come: a quota that makes them take minutes is announced."""
        with self._lock:
            self._left += calls
            if self._kept:
                self._announce()

    def _announce(self) -> None:
        if self._quota is None:
            return
        periods = max(0, math.ceil(self._left / self._quota.calls) - 1)
        seconds = periods * self._quota.seconds
        if seconds >= _MINUTE:
            text = "%s: %d calls to go, at most %s: about %s"
            log.warning(text, self.name, self._left, self._quota, duration(seconds))

    def _tell_wait(self, delay: float) -> None:
        with self._lock:
            now = self._clock.now()
            tell = delay >= _LONG and now - self._told >= _TOLD_EVERY
            self._told = now if tell else self._told
        if tell:
            log.info("waiting %s: %s lets no call through before", duration(delay), self.name)


def _patience_of_environment() -> float:
    text = os.environ.get(PATIENCE_VARIABLE) or str(_PATIENCE)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise PolicyExecutionError(f"{PATIENCE_VARIABLE}={text}: give a number of seconds, such as 7200")
    return seconds
