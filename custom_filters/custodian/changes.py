"""Carrying out what core.lifecycle decides: intent, write, switch, outcome; notes travel in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from custom_filters.core.journal import Outcome, contents
from custom_filters.core.lifecycle import WRITE_FIRST, begin, settle
from custom_filters.core.lifecycle_states import Decision
from custom_filters.core.notes import Entry, Item, Notes
from custom_filters.core.notes_writing import NotesChangedError, NotesError, render
from custom_filters.custodian.journal import Journal
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.notes import UNCERTAIN
from custom_filters.custodian.selected import Fresh, NotesChange, Selected, Written

_SWITCHING = frozenset({"disable", "enable"})


@dataclass(frozen=True)
class Plan:
    """A decision about an identity as it was read; `others`: entries of the principal's other resources."""

    decision: Decision
    read: Selected
    others: tuple[Entry, ...] = ()

    @property
    def wanted(self) -> Notes | None:
        """All notes of the principal, as they are to be."""
        notes = self.decision.notes
        return notes and notes.changed([*notes.record.entries, *self.others])


@dataclass
class _Progress:
    """What came of one plan so far; `notes` is the state of the notes after the last write."""

    plan: Plan
    texts: Mapping[str, str | None] = field(default_factory=dict)
    notes: Notes | None = None
    failed: dict[Item, str] = field(default_factory=dict)
    undo: dict[Item, str] = field(default_factory=dict)
    written: Written = field(default_factory=Written)
    #: What failed after something was switched.
    trouble: Exception | None = None

    @property
    def decision(self) -> Decision:
        return self.plan.decision

    @property
    def outcome(self) -> Outcome:
        error = self.written.error
        return Outcome(self.failed, {**self.written.undo, **self.undo}, self.written.sessions,
                       str(error) if error else None)  # fmt: skip


@dataclass(frozen=True)
class Changes:
    """Carries out plans, each identity in the order that `core.lifecycle.WRITE_FIRST` names."""

    kind: Kind
    journal: Journal
    now: datetime
    #: Principals whose notes were not what they were when it was decided: nothing of them was written.
    outdated: set[str] = field(default_factory=set)

    def carry_out(self, plans: Sequence[Plan], *, anew: bool = False) -> list[str]:
        """A sentence for each failure. PolicyExecutionError when the journal cannot be written.

        `anew`: it is decided again about those whose notes turn out to be `outdated`, so that they are not
        journalled as failed.
        """
        idle = [plan for plan in plans if plan.decision.result != "do"]
        doing = [self._begin(plan) for plan in plans if plan.decision.result == "do"]
        ready = [one for one in doing if one.written.error is None]
        self.journal.write(line for plan in idle for line in contents(plan.decision, Outcome()))
        self.journal.write(line for one in ready for line in contents(one.decision))
        first = [one for one in ready if self._writes_first(one.decision)]
        self._write(first)
        for one in first:
            if one.decision.operation == "disable" and not self.kind.atomic and one.written.error is None:
                self._switch(one)
        for one in ready:
            if not self._writes_first(one.decision):
                self._switch(one)
        self.journal.write(line for one in doing for line in contents(*_ended(one, anew=anew)))
        failures = [text for one in doing for text in _failures(one)]
        return failures + [text for plan in idle for text in _told(plan.decision, {})]

    def _begin(self, plan: Plan) -> _Progress:
        one = _Progress(plan, notes=plan.wanted)
        if not self.kind.atomic and (notes := begin(plan.decision)):
            one.notes = notes.changed([*notes.record.entries, *plan.others])
        try:
            one.texts = self._render(plan, one.notes)
        except NotesError as error:
            one.written = Written(error)
        return one

    def _render(self, plan: Plan, notes: Notes | None) -> Mapping[str, str | None]:
        marking = plan.decision.operation == "mark"
        return render(notes, self.kind.place(plan.read), marking=marking) if notes else {}

    def _writes_first(self, decision: Decision) -> bool:
        return self.kind.atomic or WRITE_FIRST.get(decision.operation, True)

    def _write(self, some: Sequence[_Progress]) -> None:
        """One request each, all at once where the cloud takes several; what was written is remembered."""
        results = self.kind.write([self._change(one) for one in some]) if some else []
        memory = self.kind.written
        for one, written in zip(some, results, strict=True):
            one.written = written
            key = (self.kind.provider, one.plan.read.principal)
            if isinstance(written.error, NotesChangedError):
                self.outdated.add(key[1])
            elif written.error:
                memory[key] = UNCERTAIN
            elif one.notes is not None:
                one.notes = one.notes.written(one.texts)
                memory[key] = one.notes.texts

    def _change(self, one: _Progress) -> NotesChange:
        operation = one.decision.operation
        if not self.kind.atomic or operation not in _SWITCHING:
            return NotesChange(one.plan.read, one.texts)
        switch = "off" if operation == "disable" else "on"
        return NotesChange(one.plan.read, one.texts, switch, one.decision.items)  # type: ignore[arg-type]

    def _switch(self, one: _Progress) -> None:
        """Switch one by one, then write what is known of each: what was refused keeps the entry that it had.

        What was switched stays switched, and is journalled as done, whatever comes of that write.
        """
        read = Fresh(**vars(one.plan.read))
        for item in one.decision.items:
            try:
                if one.decision.operation == "disable":
                    one.undo[item] = self.kind.switch_off(read, item, self.now)
                else:
                    self.kind.switch_on(read, item)
            except self.kind.errors as error:
                one.failed[item] = str(error)
        if one.notes is None:
            return
        written = one.written
        one.notes = settle(one.decision, one.notes, one.failed)
        try:
            one.texts = self._render(one.plan, one.notes)
            self._write([one])
            one.trouble = one.written.error
        except NotesError as error:
            one.trouble = error
        one.written = written


def _ended(one: _Progress, *, anew: bool) -> tuple[Decision, Outcome]:
    error = one.written.error
    if not anew or not isinstance(error, NotesChangedError):
        return one.decision, one.outcome
    reason = f"{error}: it is decided anew"
    return replace(one.decision, result="skipped", reason=reason, reasons={}, left={}, settled=()), Outcome()


def _failures(one: _Progress) -> list[str]:
    name, operation = one.decision.facts.identity.name, one.decision.operation
    found = _told(one.decision, one.failed)
    error = one.written.error or one.trouble
    if error:
        found.append(f"{operation} {name}: {error}")
    if one.written.sessions == "failed":
        found.append(f"{name} is switched off, but its sessions were not ended: {one.written.told}")
    return found


def _told(decision: Decision, failed: Mapping[Item, str]) -> list[str]:
    name = decision.facts.identity.name
    found = [f"{decision.operation} {name} {i.kind} {i.id}: {why}" for i, why in failed.items()]
    if decision.result == "failed":
        found.append(f"{decision.operation} {name}: {decision.reason}")
    return found + [f"{name}: {problem}" for problem in decision.problems]
