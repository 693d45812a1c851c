from __future__ import annotations

import threading

import pytest

from custom_filters.custodian.parallel import CONCURRENCY, for_each


def test_results_come_in_order() -> None:
    assert for_each(lambda n: n * n, range(50)) == [n * n for n in range(50)]
    assert for_each(lambda n: n, []) == []


def test_calls_run_side_by_side() -> None:
    barrier = threading.Barrier(CONCURRENCY, timeout=20)
    assert len(for_each(lambda _: barrier.wait(), range(CONCURRENCY))) == CONCURRENCY


def test_the_first_error_is_raised_and_the_rest_is_not_begun() -> None:
    begun: list[int] = []

    def work(n: int) -> None:
        begun.append(n)
        raise ValueError(str(n))

    with pytest.raises(ValueError, match=r"^0$"):
        for_each(work, range(10_000))
    assert len(begun) <= CONCURRENCY
