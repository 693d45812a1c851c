"""The crowd that every embedded directory has around its named cases, in words that each cloud translates."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

GIVEN = (
    *("Ada", "Ben", "Chen", "Dana", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jamal", "Kira", "Liam"),
    *("Mona", "Nils", "Olga", "Priya", "Quinn", "Rosa", "Sven", "Tariq"),
)
FAMILY = (
    *("Abe", "Bauer", "Costa", "Diaz", "Evans", "Fischer", "Garcia", "Haddad", "Ito", "Jensen", "Khan"),
    *("Lopez", "Meyer", "Novak", "Okafor", "Patel"),
)
DEPARTMENTS = ("Engineering", "Finance", "Legal", "Operations", "Sales", "Support")


@dataclass(frozen=True)
class Someone:
    """A member of staff. `last` is the last sign-in, None: never; `state` is on, off or archived."""

    number: int
    given: str
    family: str
    department: str
    created: datetime
    last: datetime | None
    state: str

    @property
    def handle(self) -> str:
        """The part of the address before the @."""
        return f"{self.given}.{self.family}.{self.number}".lower()


def crowd(numbers: range, seed: int, now: datetime) -> Iterator[Someone]:
    """The same people for the same arguments: mostly active, 7 % stale, 4 % never seen, 5 % switched off."""
    dice = random.Random(seed)
    for number in numbers:
        given, family, department = dice.choice(GIVEN), dice.choice(FAMILY), dice.choice(DEPARTMENTS)
        fate, off = dice.random(), dice.random()
        age = dice.uniform(0, 10) if fate < 0.02 else dice.uniform(100, 2500)
        idle = dice.uniform(95, max(95, min(age, 900))) if fate > 0.93 else dice.uniform(0.1, 60)
        yield Someone(
            number,
            given,
            family,
            department,
            now - timedelta(seconds=int(age * 86400)),
            None if fate < 0.04 else now - timedelta(seconds=int(min(idle, age) * 86400)),
            "archived" if off < 0.01 else "off" if off < 0.05 else "on",
        )
