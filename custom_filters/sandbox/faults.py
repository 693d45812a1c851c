"""What a fault of an embedded cloud is: a name, the values that it takes, what it does; read at each request.

`takes` lists alternatives with `|` between them: words of KINDS, or a word as it is.
"""

from __future__ import annotations

import random
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence
from dataclasses import dataclass


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return -1


def text_of(value: object) -> str:
    """A fault's value as text, "" for None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # the command line makes every number a float; Retry-After: 1 is not 1.0
    return "" if value is None else str(value)


def _named(value: object) -> bool:
    return isinstance(value, str)


KINDS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "SHARE": (lambda value: 0 <= _number(value) <= 1, "the share of calls, from 0 to 1"),
    "NUMBER": (lambda value: _number(value) >= 0, "a number, 0 or more"),
    "NAMES": (_named, "names with + between them"),
    "HOSTS": (lambda value: str(value).endswith(".googleapis.com"), "hosts, such as admin.googleapis.com"),
    # A number of 1 is more likely meant as "on".
    "WHERE": (
        lambda value: _named(value) or 0 <= _number(value) < 1,
        "actions, such as ListUsers+TagUser@sam, or a share of calls below 1",
    ),
    "WRITE": (
        lambda value: bool(re.fullmatch(r"(before|after):[1-9]\d*", str(value))),
        "before:N or after:N, such as after:3",
    ),
}


@dataclass(frozen=True)
class Fault:
    """One row of a cloud's table of faults."""

    name: str
    takes: str
    does: str

    def check(self, value: object) -> None:
        """ValueError, naming the fault and what it takes, for a value that it does not take."""
        kinds = self.takes.split("|")
        if not any(KINDS[kind][0](value) if kind in KINDS else text_of(value) == kind for kind in kinds):
            give = " or ".join(KINDS[kind][1] if kind in KINDS else kind for kind in kinds)
            raise ValueError(f"fault {self.name}={value}: give {give}")


def rude(prefix: str) -> tuple[Fault, ...]:
    """The faults that `rude.Rude` shows on the way between a client and a cloud."""
    return (
        Fault(f"{prefix}_slow", "NUMBER", "every answer takes so many seconds"),
        Fault(f"{prefix}_drop", "SHARE", "the connection breaks: reads half-way, writes before they act"),
        Fault(f"{prefix}_drop_after", "SHARE", "a write acts, then the connection breaks without an answer"),
        Fault(f"{prefix}_truncated", "SHARE", "an answer's body ends half-way, framed as if it were whole"),
        Fault(f"{prefix}_garbled", "SHARE", "200 with a web page, as from a captive portal"),
        Fault(f"{prefix}_read_lag", "NUMBER", "a single read shows a write so many seconds later"),
        Fault(f"{prefix}_list_lag", "NUMBER", "a list shows a write so many seconds later"),
    )


def check(tables: Iterable[Iterable[Fault]], faults: Mapping[str, object]) -> None:
    """ValueError for a value that a fault does not take, or a name that is in none of the tables.

    What no cloud knows would test nothing, in silence. One name may be in several tables.
    """
    rows = [fault for table in tables for fault in table]
    if unknown := faults.keys() - {fault.name for fault in rows}:
        names, known = ", ".join(sorted(unknown)), ", ".join(sorted({fault.name for fault in rows}))
        raise ValueError(f"no cloud here has the fault {names}; there are {known}")
    for fault in rows:
        if fault.name in faults:
            fault.check(faults[fault.name])


def described(tables: Mapping[str, Iterable[Fault]]) -> Iterator[str]:
    """Lines of text about every fault of these clouds, for `--faults help`."""
    yield from (f"{kind}: {meaning}" for kind, (_, meaning) in KINDS.items())
    for cloud, table in tables.items():
        yield ""
        yield from (f"{cloud} {fault.name}={fault.takes}: {fault.does}" for fault in table)


class Faults:
    """Reads the mapping at each request; draws from a seeded generator so that a run can be repeated."""

    def __init__(self, values: Mapping[str, object], seed: int) -> None:
        self._values = values
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def text(self, name: str) -> str:
        """The fault's value, "" when it is off."""
        return text_of(self._values.get(name))

    def number(self, name: str, default: float = 0.0) -> float:
        text = self.text(name)
        return float(text) if text else default

    def names(self, name: str) -> frozenset[str]:
        return frozenset(part for part in self.text(name).split("+") if part)

    def strikes(self, name: str) -> bool:
        """Whether a fault that is a share of the requests hits this one."""
        share = self.number(name)
        with self._lock:
            return bool(share) and self._random.random() < share

    def shuffle(self, items: MutableSequence[dict[str, object]]) -> None:
        """For what the service promises no order of."""
        with self._lock:
            self._random.shuffle(items)


class Window:
    """A quota: so many calls in so many seconds, by key (a user, an app)."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def wait(self, key: str, limit: float, seconds: float, now: float) -> float:
        """Takes one call if the quota has one left, and returns 0; else the seconds until it has."""
        with self._lock:
            calls = self._calls.setdefault(key, deque())
            while calls and not now - seconds < calls[0] <= now:  # over, or the clock was moved back
                calls.popleft()
            if limit and len(calls) >= limit:
                return calls[0] + seconds - now
            calls.append(now)
            return 0
