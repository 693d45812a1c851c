"""Values that remember what they were, for reads that lag writes and evidence that lags use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

T = TypeVar("T")


class Versions(dict[str, T]):
    """A dict whose changes are dated by the sandbox's clock. A key that is new is seen at once."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.now = now
        self._before: dict[str, list[tuple[datetime, T | None]]] = {}

    def __setitem__(self, key: str, value: T) -> None:
        if key in self or key in self._before:
            self._remember(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self._remember(key)
        super().__delitem__(key)

    def seen(self, key: str, seconds: float) -> T | None:
        """The value as it was so many seconds ago; None when there was none."""
        if seconds:
            then = self.now() - timedelta(seconds=seconds)
            for changed, before in self._before.get(key, ()):
                if changed > then:
                    return before
        return self.get(key)

    def listed(self, seconds: float) -> Iterator[T]:
        """All values as they were so many seconds ago."""
        gone = [key for key in self._before if key not in self] if seconds else []
        for key in [*self, *gone]:
            value = self.seen(key, seconds)
            if value is not None:
                yield value

    def _remember(self, key: str) -> None:
        self._before.setdefault(key, []).append((self.now(), self.get(key)))
