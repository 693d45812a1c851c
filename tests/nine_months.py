"""Nine months of daily runs of the shipped policies, with seeded events between and while they run.

`python -m tests.nine_months [--kind entra] [--days 270] [--events 6]`. The real actions, through Custodian's
own command in a fork of a warm process; each day is the sandbox's clock moved on by one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from custom_filters.core.notes import RECORD, Item
from tests.fault_table import FAULTS
from tests.faults import FULL, KILLED
from tests.scene import NOTICE, Scene, State, is_on
from tests.stages import COMPANY, DAY, NOW, STAGES, TAG

THRESHOLD = timedelta(days=90)
#: What may go wrong on the wire on a day, and how often.
WEATHER = [
    f.values for f in FAULTS if f.name in {"throttling 10 %", "503", "connection reset", "reads lag 2 s"}
]


@dataclass
class Months:
    """A company over the months, and what its people did; `events` a day, whatever they are."""

    kind: str
    scene: Scene
    dice: random.Random
    events: int
    #: Name -> credential -> its last use.
    used: dict[str, dict[Item, datetime]] = field(default_factory=dict)
    theirs: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, thing in self.scene.state.items():
            idle = COMPANY[name].idle
            self.used[name] = dict.fromkeys(thing.on, NOW - timedelta(days=500 if idle is None else idle))

    def day(self, at: datetime) -> None:
        """Events, then the policies; sometimes somebody is brought back."""
        _scene, sandbox = self.scene, self.scene.sandbox
        sandbox.faults.clear()
        sandbox.clock.set(at)
        for _ in range(self.events):
            self.event(at)
        sandbox.clock.set(at + timedelta(hours=6))
        self.run(*FULL)
        if self.dice.random() < 0.08:
            self.run("restore")

    def event(self, at: datetime) -> None:
        """One thing that somebody does."""
        state, stage, sandbox = self.scene.state, self.scene.stage, self.scene.sandbox
        name, what = self.dice.choice(sorted(state)), self.dice.choice(EVENTS)
        thing, on = state[name], any(state[name].on.values())
        self.counts[what] = self.counts.get(what, 0) + 1
        if what == "use" and on and self.dice.random() < 0.15:
            stage.hand(sandbox, "use", name)
            used = (item for item in thing.on if is_on(thing, item) and item.kind != "password")
            self.used[name].update(dict.fromkeys(used, at))
        elif what in {"enable", "disable"} and self.dice.random() < 0.3:
            stage.hand(sandbox, what, name)
            (self.theirs.add if what == "disable" else self.theirs.discard)(name)
        elif what == "scribble":
            item = next(iter(thing.on), Item("", ""))
            until = at + timedelta(days=self.dice.choice((-20, 5, 200)))
            stage.write(sandbox, name, self.dice.choice((
                {TAG: f"mine: disable-unused@{until:%Y/%m/%d %H%M} UTC"}, {TAG: ""}, {TAG: "never"},
                {RECORD: f"{thing.id} {TAG} nonsense"},
                {RECORD: f"SOMEBODY {TAG} {at:%y%m%d%H%M} {until:%y%m%d%H%M} {item.kind}={item.id}"},
            )))  # fmt: skip

    def run(self, *operations: str) -> None:
        """One run in the day's weather, perhaps killed, and what it did."""
        scene, dice, before = self.scene, self.dice, self.scene.state
        if dice.random() < 0.15:
            scene.sandbox.faults.update(dice.choice(WEATHER).get(scene.stage.cloud, {}))
        if dice.random() < 0.1:
            scene.sandbox.faults["kill"] = f"{dice.choice(('before', 'after'))}:{dice.randint(1, 4)}"
        code = scene.run(*operations)
        self.counts["run"] = self.counts.get("run", 0) + 1
        now = scene.sandbox.clock.now()
        found = list(self.wrong(operations, before, now))
        if code not in {0, 2, KILLED}:
            found.append(f"the run ended with {code}")
        self.broken += [f"{self.kind} {now:%Y-%m-%d} {operations[0]}: {why}" for why in found]

    def wrong(self, operations: tuple[str, ...], before: State, now: datetime) -> Iterator[str]:
        """What must never be."""
        for name, thing in self.scene.state.items():
            was, recorded = before[name], {e.item: e for e in thing.notes.off()}
            used = max((at for item, at in self.used[name].items() if is_on(was, item)), default=NOW)
            for item in was.on.keys() | thing.on.keys():
                if is_on(was, item) and not is_on(thing, item):
                    self.counts["off"] = self.counts.get("off", 0) + 1
                    entry = recorded.get(item)
                    if now - used < THRESHOLD or "disable" not in operations:
                        yield f"{name} was switched off"
                    if entry is None or entry.until > now or entry.until - entry.marked_at < NOTICE:
                        yield f"{name} was switched off without a record or its notice"
                elif not is_on(was, item) and is_on(thing, item):
                    self.counts["on"] = self.counts.get("on", 0) + 1
                    held = {e.item for e in was.notes.off()}
                    if "restore" not in operations or item not in held:
                        yield f"{name} was switched on"


EVENTS = ("use", "use", "enable", "disable", "scribble", "nothing")


def play(kind: str, days: int, events: int, seed: int = 7) -> Months:
    """So many days of one kind."""
    with tempfile.TemporaryDirectory() as folder, Scene(STAGES[kind], Path(folder)) as scene:
        months = Months(kind, scene, random.Random(f"{kind} {seed}"), events)
        for number in range(days):
            months.day(NOW + number * DAY)
            if len(months.broken) > 20:
                break
        return months


def _told(task: tuple[str, int, int]) -> tuple[str, dict[str, int], list[str]]:
    months = play(*task)
    return months.kind, months.counts, months.broken


def main() -> int:
    """A line for each kind; 1 when something was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", default="")
    parser.add_argument("--days", type=int, default=270)
    parser.add_argument("--events", type=int, default=7, help="a day")
    asked = parser.parse_args()
    tasks = [(kind, asked.days, asked.events) for kind in STAGES if asked.kind in kind]
    bad = 0
    with multiprocessing.get_context("spawn").Pool(len(tasks)) as pool:
        for kind, counts, broken in pool.imap_unordered(_told, tasks):
            bad += len(broken)
            print(f"{kind}: {counts}, {len(broken)} broken", *broken, sep="\n    ", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
