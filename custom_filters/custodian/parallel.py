"""Calls for many identities at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Calls under way at once; a cloud throttles who asks for much more.
CONCURRENCY = 10


def for_each(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Call `function` for every item, CONCURRENCY at once; results in order, the first error is raised."""
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        futures = [pool.submit(function, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
