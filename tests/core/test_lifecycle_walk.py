"""A long walk of random events: no promise may break, and with a planted bug one must."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from custom_filters.core.notes import Item, mark_text, read_notes
from tests.core.toy import ME, TAG, Killed, Toy

EVENTS = int(os.environ.get("C7N_UNUSED_WALK", "10000"))
SECONDS, HOURS, DAYS = timedelta(seconds=5), timedelta(hours=26), timedelta(days=6)
BUGS = [
    "record after switch",
    "retire from a listing",
    "restore without looking at other hands",
    "a mark without a record counts",
]


class Walk:
    """A toy principal and the dice."""

    def __init__(self, seed: int, bug: str = "") -> None:
        self.dice = random.Random(seed)
        self.toy = Toy(
            bug=bug,
            one_write=not bug and seed % 2 == 1,
            terms={"match": self.dice.choice(("credential", "user"))},
        )

    def item(self) -> Item:
        return self.dice.choice(sorted(self.toy.state.held))

    def act(self, operation: str) -> None:
        """One run, sometimes killed, sometimes refused, sometimes on reads that lag, sometimes twice."""
        toy, dice = self.toy, self.dice
        toy.die = dice.choice((*[None] * 8, 0, 1, 2, 3, 4))
        toy.refused = frozenset(i for i in toy.state.held if dice.random() < 0.1)
        for _ in range(dice.choice((1, 1, 2))):
            with suppress(Killed):
                toy.run(operation)
            toy.lag = timedelta(seconds=dice.choice((0, 2)))
        toy.die, toy.refused, toy.lag = None, frozenset(), timedelta(0)
        toy.wait(SECONDS)

    def day(self) -> None:
        """The shipped policies, in their order."""
        for operation in ("mark", "unmark", "retire", "disable"):
            self.act(operation)
        if self.dice.random() < 0.5:
            self.toy.listing = self.toy.past[-1][1]

    def scribble(self) -> None:
        """What somebody may write who may set tags, short of forging a whole record."""
        toy, at = self.toy, self.toy.now + timedelta(days=self.dice.choice((-20, -5, 0, 10, 200)))
        record = toy.state.texts.get("c7n-unused-record", "")
        toy.scribble(
            self.dice.choice((
                {TAG: mark_text("mine", at)},
                {TAG: mark_text("mine", at), "c7n-unused-record": ""},
                {TAG: ""},
                {TAG: "never", "c7n-unused-record": ""},
                {"c7n-unused-record": f"{ME} {TAG} nonsense"},
                {"c7n-unused-record": record.replace(ME, "AIDA2")},
                {"c7n-unused-record-2": "2/2 password=password"},
                {"c7n-unused-zzz": "keep"},
            ))
        )  # fmt: skip

    def step(self) -> None:
        """One event."""
        toy, dice = self.toy, self.dice
        events: list[tuple[float, Callable[[], object]]] = [
            (10, self.day),
            (4, lambda: toy.wait(DAYS)),
            (3, lambda: toy.wait(HOURS)),
            (0.15, lambda: setattr(toy.state.held[self.item()], "used", toy.now)),
            (0.8, lambda: toy.touch(self.item(), on=dice.random() < 0.6)),
            (0.8, self.scribble),
            (1, lambda: setattr(toy, "unknown", dice.random() < 0.2)),
            (1, lambda: setattr(toy, "exempt", dice.random() < 0.1)),
            (1.5, lambda: self.act("restore")),
        ]
        weights, acts = zip(*events, strict=True)
        dice.choices(acts, weights)[0]()
        toy.wait(SECONDS)
        toy.check()

    def quiet(self) -> None:
        """Thirty days on which nothing else happens: whoever is unused is off by then, or it was told."""
        toy = self.toy
        toy.unknown = toy.exempt = False
        for _ in range(50):
            for operation in ("mark", "unmark", "retire", "disable"):
                toy.run(operation)
            toy.wait(timedelta(days=1))
            toy.listing = toy.state
            toy.check()
        idle = [h for h in toy.state.held.values() if toy.now - max(h.used, h.made) > timedelta(days=140)]
        if toy.terms["match"] == "credential" or len(idle) == len(toy.state.held):
            toy.broken += [f"nobody disabled {h} in 50 quiet days" for h in idle if h.on]
        if read_notes(toy.state.texts, ME, toy.now).problems:
            toy.broken.append("a note that cannot be right was not replaced")


def walk(seed: int, events: int, bug: str = "") -> list[str]:
    """The promises that were broken, at most those of one event."""
    walk = Walk(seed, bug)
    for number in range(events):
        walk.step()
        if number % 250 == 249:
            walk.quiet()
        if walk.toy.broken:
            return [f"seed {seed}, event {number}", *walk.toy.broken]
    assert bug or min(walk.toy.switched.values()) * 200 > events, "too little happened"
    return []


@pytest.mark.parametrize("seed", range(4))
def test_no_promise_breaks(seed: int) -> None:
    assert walk(seed, EVENTS // 4) == []


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_breaks_one(bug: str) -> None:
    assert any(walk(seed, 2000, bug) for seed in range(6))
