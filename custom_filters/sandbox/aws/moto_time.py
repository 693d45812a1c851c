"""Makes moto follow the sandbox's clock: every created, uploaded and last-used date it writes."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from contextvars import ContextVar
from types import SimpleNamespace

from moto.core import utils

from custom_filters.sandbox.clock import Clock

_CLOCK: ContextVar[Clock | None] = ContextVar("c7n_unused_sandbox_clock", default=None)


@contextlib.contextmanager
def following(clock: Clock | None) -> Iterator[None]:
    """In this thread moto's time is the clock's; without one, and elsewhere, it is the real one."""
    token = _CLOCK.set(clock)
    try:
        yield
    finally:
        _CLOCK.reset(token)


class _Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        """Whole seconds, as AWS stores them."""
        clock = _CLOCK.get()
        at = clock.now() if clock else datetime.datetime.now(datetime.timezone.utc)
        return at.astimezone(tz).replace(microsecond=0)

    @classmethod
    def utcnow(cls) -> datetime.datetime:  # type: ignore[override]
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)


def install() -> None:
    """Replaces `datetime` inside moto.core.utils, where `utcnow` looks it up.

    157 of moto's modules hold `utcnow` itself by name, so replacing the function would miss most of them.
    """
    utils.datetime = SimpleNamespace(**{**vars(datetime), "datetime": _Datetime})
