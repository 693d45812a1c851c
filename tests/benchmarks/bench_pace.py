"""The pace table: how near to what a cloud allows calls go, on a virtual clock.

    python -m tests.benchmarks.bench_pace

Each row's limiters are the product's; token buckets and windows stand for the clouds. `ratio` is the time
that it took by calls / rate: 1 is as fast as the cloud allows.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from custom_filters.aws.client import limiter_of
from custom_filters.azure.pace import Limits
from custom_filters.custodian.pacing import Again, RateLimiter
from custom_filters.gcp.pace import shared_limiter
from tests.virtual import VirtualTime

THREADS = 10
LATENCY = 0.05


class TooFastError(Exception):
    """The server refused a call; `retry_after` in seconds or None."""

    def __init__(self, retry_after: float | None) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Server:
    """Counts what it served and refused; a refused call costs nothing."""

    def __init__(self, time: VirtualTime, *, says_when: bool = False) -> None:
        self.served = self.refused = 0
        self._time, self._says_when = time, says_when
        self._lock = threading.Lock()

    def call(self) -> None:
        """One request, answered after LATENCY."""
        self._time.sleep(LATENCY)
        with self._lock:
            wait = self.opens_in(self._time.now)
            self.served += wait <= 0
            self.refused += wait > 0
        if wait > 0:
            raise TooFastError(wait if self._says_when else None)

    def opens_in(self, now: float) -> float:
        """0 when a call is admitted now (it is counted), else the seconds until one would be."""
        raise NotImplementedError


class TokenBucket(Server):
    """`rate` calls a second, and `burst` at once."""

    def __init__(self, time: VirtualTime, rate: float, burst: float, *, says_when: bool = False) -> None:
        super().__init__(time, says_when=says_when)
        self._rate, self._burst, self._tokens, self._at = rate, burst, burst, time.now

    def opens_in(self, now: float) -> float:
        """See Server."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0.0


class Chance(Server):
    """Refuses `share` of the calls, whatever their pace."""

    def __init__(self, time: VirtualTime, share: float) -> None:
        super().__init__(time)
        self._share, self._random = share, random.Random(1)

    def opens_in(self, now: float) -> float:
        """See Server."""
        return 1.0 if self._random.random() < self._share else 0.0


class Window(Server):
    """`calls` in any `seconds`."""

    def __init__(self, time: VirtualTime, calls: int, seconds: float, *, says_when: bool = False) -> None:
        super().__init__(time, says_when=says_when)
        self._calls, self._seconds = calls, seconds
        self._admitted: deque[float] = deque()

    def opens_in(self, now: float) -> float:
        """See Server."""
        while self._admitted and self._admitted[0] <= now - self._seconds:
            self._admitted.popleft()
        if len(self._admitted) >= self._calls:
            return self._admitted[0] + self._seconds - now
        self._admitted.append(now)
        return 0.0


@dataclass(frozen=True)
class Row:
    """`calls` of one quota of `rate` (calls a second), by as many servers as there are limiters."""

    name: str
    calls: int
    rate: float
    server: Callable[[VirtualTime], Server]
    limiter: Callable[[], RateLimiter]
    parallel: int = 1


@dataclass(frozen=True)
class Measured:
    """Virtual seconds, how many refusals there were, and how the time compares with calls / rate."""

    seconds: float
    served: int
    refused: int
    ratio: float


class _Session:
    """What limiters are kept on."""


def _graph(name: str) -> Callable[[], RateLimiter]:
    return lambda: getattr(Limits(), name)  # type: ignore[no-any-return]


def _google(service: str, version: str, component: str) -> Callable[[], RateLimiter]:
    return lambda: shared_limiter(_Session(), service, version, component)


def _iam() -> RateLimiter:
    return limiter_of("iam", "us-east-1")


def _trail() -> RateLimiter:
    return limiter_of("cloudtrail", "us-east-1")


DIRECTORY = _google("admin", "directory_v1", "users")
ACTIVITIES = _google("admin", "reports_v1", "activities")
ROWS: Sequence[Row] = (
    *(
        Row(f"IAM, {rate} a second, burst 20", 5000, rate, lambda t, r=rate: TokenBucket(t, r, 20), _iam)
        for rate in (5, 10, 20)
    ),
    Row("IAM, 10 a second, 400 users", 400, 10, lambda t: TokenBucket(t, 10, 20), _iam),
    Row(
        "Graph sign-in activity, 10 a minute", 200, 10 / 60,
        lambda t: Window(t, 10, 60, says_when=True), _graph("activity"),
    ),
    Row(
        "the same without Retry-After", 200, 10 / 60, lambda t: Window(t, 10, 60), _graph("activity"),
    ),
    Row(
        "Graph sign-in log, 5 in 10 s", 500, 0.5, lambda t: Window(t, 5, 10, says_when=True), _graph("logs"),
    ),
    Row("the same without Retry-After", 500, 0.5, lambda t: Window(t, 5, 10), _graph("logs")),
    Row("Graph, others, 50 a second", 5000, 50, lambda t: TokenBucket(t, 50, 50), _graph("others")),
    Row("Google Directory, 2,400 a minute", 10_000, 40, lambda t: Window(t, 2400, 60), DIRECTORY),
    Row(
        "the same with a fractional Retry-After", 10_000, 40,
        lambda t: Window(t, 2400, 60, says_when=True), DIRECTORY,
    ),
    Row("the same, half used by others", 10_000, 20, lambda t: Window(t, 1200, 60), DIRECTORY),
    Row("the same by the second, burst 40", 10_000, 40, lambda t: TokenBucket(t, 40, 40), DIRECTORY),
    Row("Google Reports, 250 a minute", 2500, 250 / 60, lambda t: Window(t, 250, 60), ACTIVITIES),
    Row("the same by the second, burst 10", 2500, 250 / 60, lambda t: TokenBucket(t, 4.17, 10), ACTIVITIES),
    Row(
        "CloudTrail, 2 a second, 6 Regions", 1200, 2, lambda t: Window(t, 2, 1), _trail, parallel=6,
    ),
)  # fmt: skip


def measure(row: Row) -> Measured:
    """Make all calls of a row with ten threads for each limiter; every call must have been served once."""
    time = VirtualTime()
    pairs = [(_on(row.limiter(), time), row.server(time)) for _ in range(row.parallel)]
    left = {id(server): row.calls for _, server in pairs}
    lock = threading.Lock()
    waiting = iter([pair for pair in pairs for _ in range(THREADS)])

    def work() -> None:
        with lock:
            limiter, server = next(waiting)
        while True:
            with lock:
                if not left[id(server)]:
                    return
                left[id(server)] -= 1
            limiter.call(server.call, TooFastError, lambda e: Again(retry_after=e.retry_after), _given_up)

    seconds = time.run(work, THREADS * row.parallel)
    served = sum(server.served for _, server in pairs)
    refused = sum(server.refused for _, server in pairs)
    return Measured(seconds, served, refused, seconds * row.rate / row.calls)


def _on(limiter: RateLimiter, time: VirtualTime) -> RateLimiter:
    limiter.clock = time.clock
    return limiter


def _given_up(error: TooFastError, sentence: str) -> Exception:
    return AssertionError(f"{sentence} ({error})")


def main() -> None:
    """Print the table."""
    print(f"{'quota':<38}{'calls':>7}{'refused':>9}{'seconds':>9}{'ratio':>7}")
    for row in ROWS:
        found = measure(row)
        print(f"{row.name:<38}{found.served:>7}{found.refused:>9}{found.seconds:>9.0f}{found.ratio:>7.2f}")


if __name__ == "__main__":
    main()
