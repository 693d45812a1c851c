"""A clock that only moves when every thread sleeps: hours of waiting are counted and not spent."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable

from custom_filters.custodian.pacing import Clock


class VirtualTime:
    """`clock` tells `now` (seconds); a sleep outside of `run` moves it at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.clock = Clock(lambda: self.now, self.sleep)
        self._moved = threading.Condition()
        self._wakes: list[float] = []
        self._awake = 0

    def run(self, work: Callable[[], None], threads: int) -> float:
        """Call `work` in so many threads at once; the seconds that passed until all were done."""
        begun, self._awake = self.now, threads
        workers = [threading.Thread(target=self._working, args=(work,), daemon=True) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return self.now - begun

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        with self._moved:
            if not self._awake:
                self.now += max(0.0, seconds)
                return
            wake = self.now + seconds
            heapq.heappush(self._wakes, wake)
            self._rest()
            self._moved.wait_for(lambda: self.now >= wake)

    def _working(self, work: Callable[[], None]) -> None:
        work()
        with self._moved:
            self._rest()

    def _rest(self) -> None:
        """One thread less is awake; the last one moves the clock to where the next wakes."""
        self._awake -= 1
        if self._awake or not self._wakes:
            return
        self.now = max(self.now, self._wakes[0])
        while self._wakes and self._wakes[0] <= self.now:
            heapq.heappop(self._wakes)
            self._awake += 1
        self._moved.notify_all()
