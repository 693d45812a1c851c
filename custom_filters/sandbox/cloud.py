"""What the settings of a sandbox are, and what every embedded cloud does with them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.faults import Fault, Faults

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from typing_extensions import Self

Hook = Callable[[str, str, str, bool], None]


@dataclass(frozen=True)
class Settings:
    """users: in each cloud, 0: none, tests add them; seed: fixes names, ids, faults; now: aware or None."""

    users: int = 200
    seed: int = 7
    latency_ms: float = 0
    faults: Mapping[str, str | float] = field(default_factory=dict)
    now: datetime | None = None
    clouds: tuple[str, ...] = ("aws",)

    @staticmethod
    def parse_faults(text: str) -> dict[str, str | float]:
        """`throttle=0.1,report=slow,limit-report`: name -> number, word, or `on`; ValueError if malformed."""
        faults: dict[str, str | float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not name or (equals and not value):
                raise ValueError(f"--faults {part!r}: write name=value, or a name alone, with commas between")
            if name in faults:
                raise ValueError(f"--faults: {name} is given twice; give it once")
            faults[name] = value or "on"
            with suppress(ValueError):  # a word
                faults[name] = float(value)
        return faults


class Cloud:
    """calls: counts `NAME:` + action, refused ones too; faults: read at each request; hosts: by name.

    on_request(cloud, action, phase, is_write): called with phase `before` (not yet applied) and `after`
    (applied, the answer not yet sent); it may raise ConnectionDroppedError.
    """

    name = ""
    FAULTS: Iterable[Fault] = ()

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        calls: Counter[str],
        faults: MutableMapping[str, str | float],
    ) -> None:
        self.settings, self.clock, self.calls, self.faults = settings, clock, calls, faults
        self.strikes = Faults(faults, settings.seed)
        self.on_request: Hook | None = None
        self.hosts: dict[str, WSGIApplication] = {}
        self._counting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what was started."""

    def count(self, action: str) -> None:
        with self._counting:
            self.calls[f"{self.name}:{action}"] += 1

    def tell(self, action: str, phase: str, is_write: bool) -> None:
        if self.on_request:
            self.on_request(self.name, action, phase, is_write)
