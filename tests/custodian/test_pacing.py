from __future__ import annotations

import logging
import threading
from datetime import datetime, timezone

import pytest
from c7n.exceptions import PolicyExecutionError

from custom_filters.aws.client import limiter_of
from custom_filters.custodian.pacing import PATIENCE_VARIABLE, Again, Quota, RateLimiter
from custom_filters.custodian.waits import parse_retry_after
from tests.benchmarks.bench_pace import ROWS, Chance, Measured, Row, TooFastError, measure
from tests.virtual import VirtualTime


def typical(row: Row) -> Measured:
    """Threads race, so that one try in a hundred is slow or refused more often: it is measured again."""
    found = measure(row)
    return found if found.ratio <= 1.3 and found.refused <= found.served * 0.2 else measure(row)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_call_is_served_in_little_more_than_the_cloud_needs(row: Row) -> None:
    found = typical(row)
    assert found.served == row.calls * row.parallel
    assert found.ratio <= 1.3
    assert found.refused <= found.served * 0.2


@pytest.mark.parametrize("share", [0.1, 0.4, 0.6])
def test_refusals_that_do_not_come_of_speed_cost_little(share: float) -> None:
    """Slowing down does not make them fewer, so the rate does not stay down."""
    rate = 15 * (1 - share)
    found = typical(Row("", 2000, rate, lambda t: Chance(t, share), lambda: limiter_of("iam", "us-east-1")))
    assert found.served == 2000
    assert found.ratio <= 1.3


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("Fri, 01 May 2026 00:00:30 GMT", 30.0),
        ("Thu, 30 Apr 2026 23:59:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, datetime(2026, 5, 1, tzinfo=timezone.utc)) == seconds


class Refusing:
    """Refuses so many calls, each with the same word on when to come back; notes when it was called."""

    def __init__(
        self, time: VirtualTime, times: int, retry_after: float | None = None, latency: float = 0.0
    ) -> None:
        self.called: list[float] = []
        self._latency = latency
        self._time, self._left, self._retry_after = time, times, retry_after
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.called.append(self._time.now)
        if self._latency:
            self._time.sleep(self._latency)
        with self._lock:
            self._left -= 1
            if self._left >= 0:
                raise TooFastError(self._retry_after)
        return "served"


def limiter(time: VirtualTime, *, patience: float = 7200, quota: Quota | None = None) -> RateLimiter:
    return RateLimiter("The cloud", patience=patience, quota=quota, clock=time.clock)


def call(paced: RateLimiter, server: Refusing, tries: int | None = None) -> str:
    return paced.call(
        server, TooFastError, lambda e: Again(tries, e.retry_after), lambda e, text: TimeoutError(text)
    )


@pytest.mark.parametrize(
    ("retry_after", "least", "most"), [(7.0, 7.0, 7.7), (1.5, 1.5, 1.65), (0.0, 0.0, 1.0)]
)
def test_a_refused_call_waits_as_long_as_it_was_told(retry_after: float, least: float, most: float) -> None:
    time = VirtualTime()
    server = Refusing(time, 1, retry_after)
    assert call(limiter(time), server) == "served"
    assert least <= server.called[1] - server.called[0] <= most


def test_without_retry_after_the_waits_grow() -> None:
    time = VirtualTime()
    server = Refusing(time, 12)
    assert call(limiter(time), server) == "served"
    waits = [later - earlier for earlier, later in zip(server.called, server.called[1:], strict=False)]
    assert waits[0] <= 1.25
    assert 15 <= waits[-1] <= 30


def test_a_pause_holds_back_every_thread_and_lets_none_rush_in_after_it() -> None:
    time = VirtualTime()
    server, paced = Refusing(time, 10, 50.0, latency=0.1), limiter(time)
    time.run(lambda: [call(paced, server) for _ in range(3)] and None, threads=10)
    first, later = server.called[:10], server.called[10:]
    assert first == [0.0] * 10
    assert min(later) >= 50
    assert len(later) == 30
    assert len([at for at in later if at < min(later) + 1]) <= 15


def test_a_quota_that_is_not_kept_costs_nothing_until_the_first_refusal() -> None:
    time = VirtualTime()
    paced = limiter(time, quota=Quota(5, 10, kept=False))
    free = Refusing(time, 0)
    for _ in range(40):
        call(paced, free)
    assert time.now == 0
    server = Refusing(time, 1)
    for _ in range(11):
        call(paced, server)
    assert time.now == pytest.approx(30.6)


@pytest.mark.parametrize("retry_after", [None, 5.0, 3000.0], ids=str)
def test_hours_of_refusals_end_in_one_sentence(retry_after: float | None) -> None:
    time = VirtualTime()
    paced = limiter(time, patience=7200)
    for _ in range(2):  # whoever comes later is told at once
        with pytest.raises(TimeoutError, match="The cloud has refused calls as too fast for ") as caught:
            call(paced, Refusing(time, 10**6, retry_after))
    assert "set C7N_UNUSED_PATIENCE to more than 7200 seconds" in str(caught.value)
    assert 7200 - (retry_after or 30) <= time.now <= 7200 * 1.1


def test_a_cloud_that_asks_for_more_than_our_patience_is_given_up_at_once() -> None:
    time = VirtualTime()
    with pytest.raises(TimeoutError, match=r"for 0 s and asks for 24\.0 h more; run again later"):
        call(limiter(time), Refusing(time, 1, 86400.0))
    assert time.now == 0


def test_a_failure_that_may_pass_is_tried_so_often_and_no_more() -> None:
    time = VirtualTime()
    assert call(limiter(time), Refusing(time, 4), tries=5) == "served"
    with pytest.raises(TooFastError):
        call(limiter(time), Refusing(time, 5), tries=5)


def test_a_long_wait_is_told_once_in_half_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    time = VirtualTime()
    with caplog.at_level(logging.INFO, "custodian.unused.pace"):
        server, paced = Refusing(time, 10, 40.0, latency=0.1), limiter(time)
        time.run(lambda: call(paced, server) and None, threads=10)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("waiting 4")
    assert caplog.messages[0].endswith("The cloud lets no call through before")


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_patience_is_a_number_of_seconds(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, text)
    with pytest.raises(PolicyExecutionError, match=r"C7N_UNUSED_PATIENCE=.*give a number of seconds"):
        RateLimiter("The cloud")
