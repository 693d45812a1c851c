"""A clock that stands still unless it is moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class StillClock:
    at: datetime

    def now(self) -> datetime:
        return self.at

    reference = now

    def advance(self, **span: float) -> None:
        self.at += timedelta(**span)
