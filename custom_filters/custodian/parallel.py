"""Calls for many identities at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TypeVar

from custom_filters.custodian.progress import Progress

T = TypeVar("T")
R = TypeVar("R")

#: Calls under way at once; a cloud throttles who asks for much more.
CONCURRENCY = 10


def for_each(function: Callable[[T], R], items: Iterable[T], what: str = "asked about") -> list[R]:
    """Call `function` for every item, CONCURRENCY at once; results in order, the first error is raised.

    `what` names the items and what happens to them, for who watches: `users' SSH keys read`.
    """
    todo = list(items)
    progress = Progress(what, len(todo))
    failed: list[int] = []

    def counted(index: int) -> R:
        if failed and index > min(failed):
            raise CancelledError
        try:
            result = function(todo[index])
        except BaseException:
            failed.append(index)
            raise
        progress.add()
        return result

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        futures = [pool.submit(counted, index) for index in range(len(todo))]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
