"""One principal in memory with a cloud's bad habits, and the actions' order of steps around core.lifecycle.

Reads lag writes, switches are refused, runs are killed between steps; the truth is kept beside it, so that
`broken` can say which promise no longer holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from custom_filters.core import lifecycle, notes
from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, Used
from custom_filters.core.exemption import Exemption
from custom_filters.core.journal import Line, Origin, Outcome, contents, last_hash, line, switched_off, verify
from custom_filters.core.judge import Rules
from custom_filters.core.lifecycle_states import Decision, Facts, Recent, Terms, mark_states, record_states
from custom_filters.core.notes import Item, Notes
from custom_filters.core.notes_writing import Place, render
from tests.core.people import NOW

ME, TAG = "AIDA1", "c7n-unused"
PLACE = Place(256, parts=9)
NOTICE = timedelta(days=14)
TERMS = Terms(Rules(90, 0), TAG, "credential", NOTICE)
MARKING = replace(TERMS, rules=Rules(76, 0))
EXEMPT = Exemption("aws", "*", "amelia", "break-glass", "ciso@example.com", None)
SELECTS = {"mark": {"absent", "void", "malformed"}, "disable": {"due"}, "retire": {"reopened"}}


def _all(steps: Sequence[Callable[[], None]]) -> None:
    for step in steps:
        step()


class Killed(BaseException):
    """The run was stopped here."""


@dataclass
class Held:
    """A credential as it is: on, last used, made anew, and who touched its status last."""

    used: datetime
    on: bool = True
    made: datetime = NOW - timedelta(days=400)
    by: str = ""
    marked: datetime | None = None
    tampered: bool = False


@dataclass
class State:
    """What the cloud holds; earlier states are kept, for reads that lag."""

    held: dict[Item, Held]
    texts: dict[str, str] = field(default_factory=dict)


@dataclass
class Toy:
    """See the module. `bug` plants one of BUGS; `die` is the step before which the next run is killed.

    `kept` are the notes, which a kind of ours may write and read; `place` is what it has room for.
    """

    now: datetime = NOW
    lag: timedelta = timedelta(0)
    bug: str = ""
    terms: dict[str, Any] = field(default_factory=dict)
    one_write: bool = False
    die: int | None = None
    refused: frozenset[Item] = frozenset()
    facts: dict[str, Any] = field(default_factory=dict)
    unknown: bool = False
    even: bool = False
    switched: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    exempt: bool = False
    items: Sequence[Item] = (Item("access-key", "AKIA1"), Item("password", "password"))
    me: str = ME
    kept: dict[str, str] = field(default_factory=dict)
    place: Callable[[], Place] = lambda: PLACE
    journal: list[str] = field(default_factory=list)
    old: list[Line] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """All credentials were used last 200 days ago."""
        used = self.now - timedelta(days=200)
        self.state = State({item: Held(used) for item in self.items}, self.kept)
        self.past: list[tuple[datetime, State]] = [(self.now, self.copied())]
        self.listing = self.past[0][1]

    # The world

    def wait(self, span: timedelta) -> None:
        """Time passes, and reads catch up."""
        self.past = [(self.now, self.copied())]
        self.now += span

    def changed(self) -> None:
        """Remember a state that a read may still show."""
        self.past.append((self.now, self.copied()))
        self.now += timedelta(milliseconds=50)

    def copied(self) -> State:
        """The state as it is now."""
        return State({item: replace(held) for item, held in self.state.held.items()}, dict(self.state.texts))

    def seen(self) -> State:
        """The newest state that is old enough for reads to show."""
        old = [state for at, state in self.past if at <= self.now - self.lag]
        return old[-1] if old and self.lag else self.past[0][1] if self.lag else self.state

    def touch(self, item: Item, *, on: bool) -> None:
        """Other hands switch it."""
        if self.state.held[item].on != on:
            self.state.held[item].on = on
            self.state.held[item].by = "others"
        self.changed()

    def scribble(self, texts: dict[str, str]) -> None:
        """Somebody writes notes, or (with an empty text) takes them away."""
        self.state.texts.update(texts)
        for held in self.state.held.values():
            held.tampered = True
        self.changed()

    # Reading

    def read(self, state: State, *, fresh: bool) -> Facts:
        """The facts as this state has them."""
        credentials = tuple(
            Credential(i.kind, i.id, "on" if h.on else "off", h.made, (self._use(h),))
            for i, h in state.held.items()
        )
        identity = Identity(
            "aws", "1", "amelia", self.me, credentials, exemption=EXEMPT if self.exempt else None
        )
        others = {i: "others switched it" for i, h in self.state.held.items() if h.by == "others"}
        if self.bug == "restore without looking at other hands":
            others = {}
        more: dict[str, Any] = {"recent": Recent("checked"), "other_hands": others, **self.facts}
        return Facts(identity, **{"notes": self.read_notes(state), "fresh": fresh, **more})

    def read_notes(self, state: State) -> Notes:
        """Without entries of other resources. With the bug, a mark stands for the record that is missing."""
        found = self._all_notes(state.texts)
        found = found.changed(e for e in found.record.entries if e.item in state.held)
        mark = notes.parse_mark(state.texts.get(TAG, ""))
        if self.bug != "a mark without a record counts" or not mark or found.record.entries:
            return found
        made = [notes.Entry(TAG, mark[2] - NOTICE, mark[2], i.kind, i.id) for i in state.held]
        return replace(found.changed(made), problems=())

    def _all_notes(self, texts: Mapping[str, str]) -> Notes:
        ids = sorted({*self.place().ids, *(item.id for item in self.items)})
        return notes.read_notes(texts, self.me, self.now, ids=ids, tags=[self._terms("mark").tag])

    def others(self) -> list[notes.Entry]:
        """Entries of the principal's other resources."""
        found = self._all_notes(self.state.texts).record.entries
        return [e for e in found if e.item not in self.state.held]

    def _use(self, held: Held) -> Evidence:
        if self.unknown:
            return Unknown("the source failed", "last-used")
        return Used(held.used, "last-used") if held.used > held.made else NeverUsed(None, "last-used")

    # Running

    def run(self, operation: str, **more: Any) -> Decision | None:
        """Select by a listing, as the shipped policies do; read again; decide; act. None: not selected."""
        stale = self.bug == "retire from a listing" and operation == "retire"
        here = State(self.listing.held, self.seen().texts) if stale else self.seen()
        listed = self.read(here, fresh=False)
        states: frozenset[str] = (
            record_states(listed, self.now)
            if operation == "retire"
            else mark_states(listed, self._terms(operation), self.now)
        )
        if operation in SELECTS and not SELECTS[operation] & states:
            return None
        facts = self.read(here, fresh=True)
        decision = self.decide(operation, facts, more)
        steps = self.steps(decision)
        for number, step in enumerate(steps):
            if number == self.die:
                self.die = None
                raise Killed
            step()
        self.die = None
        return decision

    def decide(self, operation: str, facts: Facts, more: dict[str, Any]) -> Decision:
        """Ask the lifecycle."""
        if operation == "retire":
            return lifecycle.decide_retire(facts, self.now)
        if operation == "restore":
            self.even = more.get("even_if_changed", False)
            wanted = [off.item for off in switched_off(self.lines())] if more.pop("journal", False) else None
            return lifecycle.decide_restore(facts, wanted, self.now, **more)
        decide: Callable[..., Decision] = getattr(lifecycle, f"decide_{operation}")
        return decide(facts, self._terms(operation), self.now)

    def _terms(self, operation: str) -> Terms:
        return replace(TERMS if operation == "disable" else MARKING, **self.terms)

    def steps(self, decision: Decision) -> Sequence[Callable[[], None]]:
        """Intent; notes before or after the switches; the outcome; notes again when a switch was refused."""
        if decision.result != "do":
            return [lambda: self.log(decision, Outcome())]
        failed = {i: "refused" for i in decision.items if i in self.refused}
        on = decision.operation == "enable"
        switching = decision.operation in {"disable", "enable"}
        items = [i for i in decision.items if switching and i not in failed]
        switches = [partial(self.switch, item, on=on) for item in items]
        first = lifecycle.WRITE_FIRST.get(decision.operation, True) is not (self.bug == "record after switch")
        plain = partial(self.write, decision, lifecycle.begin(decision))
        settled = partial(self.write, decision, decision.notes, failed)
        body = [plain, *switches, *[settled] * switching] if first else [*switches, settled]
        if self.one_write:
            body = [partial(_all, [*switches, settled])]
        told = partial(self.log, decision, Outcome(failed=failed))
        return [partial(self.log, decision, None), *body, told]

    def write(self, decision: Decision, wanted: Notes | None, failed: Iterable[Item] = ()) -> None:
        """One write of all notes; a credential that got notice is remembered."""
        if wanted is None:
            return
        if failed:
            wanted = lifecycle.settle(decision, replace(wanted, texts=self.state.texts), failed)
        wanted = wanted.changed([*wanted.record.entries, *self.others()])
        changes = render(wanted, self.place(), marking=decision.operation == "mark")
        self.state.texts.update({name: text or "" for name, text in changes.items()})
        for item in decision.items if decision.operation == "mark" else ():
            self.state.held[item].marked = self.now
        self.changed()

    def switch(self, item: Item, *, on: bool) -> None:
        """Switch a credential, and say whether that was right."""
        held = self.state.held[item]
        if on and held.by == "others" and not self.even:
            self.broken.append(f"{item.id} was restored although others had changed it")
        if not on:
            self._may_be_off(item, held)
        if held.on != on:
            held.by = "" if on else "us"
            held.marked = None
            held.tampered = False
        held.on = on
        self.switched[on] += 1
        self.changed()

    def _may_be_off(self, item: Item, held: Held) -> None:
        if self.unknown or self.exempt or self.now - max(held.used, held.made) < timedelta(days=90):
            self.broken.append(f"{item.id} was switched off although it is not known to be unused")
        if held.on and (held.marked is None or self.now - held.marked < NOTICE):
            self.broken.append(f"{item.id} was switched off with less notice than was given")

    def log(self, decision: Decision, outcome: Outcome | None) -> None:
        """Append to the journal."""
        for content in contents(decision, outcome):
            origin = Origin("run", "caller", "policy")
            entry = line(content, origin, self.now, last_hash(self.journal[-1:]))
            self.journal.append(json.dumps(entry))

    def lines(self) -> list[Line]:
        """The journal, read."""
        return [*self.old, *(json.loads(text) for text in self.journal)]

    # What must hold

    def check(self) -> None:
        """Whatever is off by us is in the journal, and in the record unless somebody wrote over that."""
        lines = self.lines()
        off = switched_off(lines)
        journalled = {one.item for one in off}
        if len(self.journal) > 20:  # the next file begins; of the older ones we keep what still matters
            assert verify(self.journal) == []
            self.old = [one for one in lines if one["credential"] in [vars(o.item) for o in off]]
            self.journal = []
        recorded = {e.item for e in self.read_notes(self.state).off()}
        for item, held in self.state.held.items():
            if not held.on and held.by == "us":
                if item not in journalled:
                    self.broken.append(f"{item.id} is off and in no journal")
                if item not in recorded and not held.tampered:
                    self.broken.append(f"{item.id} is off and not in the record")
