"""The actions `mark-for-op` and `unmark-unused`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from c7n.tags import TagDelayedAction
from c7n.utils import type_schema

from custom_filters.core.actionlog import Action, action_on
from custom_filters.core.credential import Identity
from custom_filters.core.judge import Judgement, is_unused, judge_identity, select
from custom_filters.core.mark import MalformedMarkError, parse_mark, stamp
from custom_filters.core.policy_data import has_unused_filter, marks_for_us
from custom_filters.core.record import Item, Record, record_notes
from custom_filters.core.retire import Candidate, objection, release
from custom_filters.core.verdict import UNUSED
from custom_filters.core.vocabulary import DISABLE, MARK, RECORD_TAG, UNMARK, marked_tag
from custom_filters.custodian import clock
from custom_filters.custodian.actions import KindAction
from custom_filters.custodian.changes import mark_notes
from custom_filters.custodian.kind import (
    MARK_CHANGED,
    Kind,
    NotesChange,
    NotesChangedError,
    Resource,
    Selected,
)
from custom_filters.custodian.validation import mark_problem


@dataclass(frozen=True)
class Planned:
    """A mark that is to be set: on whom, on which credentials and why."""

    change: NotesChange
    items: tuple[Item, ...]
    reason: str

    @property
    def identity(self) -> Identity:
        """Who is marked."""
        return self.change.of.identity


class MarkForOp(KindAction):
    """Mark {plural} for `disable-unused`, with notice, and record which credentials were marked.

    Everybody is judged again first: who is back in use, exempt or never touched is not marked. The mark
    carries its hour in UTC (`hours:` above 0). {text}
    """

    word = MARK
    judges = True

    @staticmethod
    def schema_of(kind: type[Kind]) -> dict[str, Any]:
        """The action's schema for a kind."""
        schema: dict[str, Any] = type_schema(
            MARK,
            required=["op"],
            **{
                "op": {"enum": [DISABLE]},
                "tag": kind.tag_schema,
                "hours": {"type": "number"},
                "days": {"type": "number"},
                "tz": {"type": "string"},
                "msg": {"type": "string"},
                **kind.options.get(MARK, {}),
            },
        )
        return schema

    def option_problem(self) -> str | None:
        """The mark must carry its hour in UTC, be readable by `unused-mark`, and fit."""
        if problem := mark_problem(self.data):
            return problem
        text = self._text(clock.now())
        if problem := self.of_kind.note_problem(text):
            return problem
        try:
            parse_mark(text)
        except MalformedMarkError as error:
            return f"mark-for-op: `msg:` must end in ': {{op}}@{{action_date}}' ({error})"
        return None

    def _text(self, now: datetime) -> str:
        due = now + timedelta(hours=self.data["hours"])
        message = str(self.data.get("msg", self.of_kind.message))
        return message.format(op=self.data["op"], action_date=stamp(due))

    def prepare(self, resources: list[Resource]) -> list[Selected]:
        """All resources of a run are marked for the same minute."""
        selected = super().prepare(resources)
        self._mark = self._text(self.now)
        self._due = parse_mark(self._mark).at
        return selected

    def act_on(self, some: list[Selected]) -> Iterator[Action]:
        """Mark and list are set in one write, so that neither is there without the other."""
        planned: list[Planned] = []
        for selected in some:
            plan = self._plan(selected)
            if isinstance(plan, Action):
                yield plan
            else:
                planned.append(plan)
        results = self.kind.write_notes([plan.change for plan in planned]) if planned else []
        for plan, error in zip(planned, results, strict=True):
            yield self._told(plan, error)

    def _plan(self, selected: Selected) -> Planned | Action:
        options = replace(self.options(), require_mark=False)
        if not self.kind.spares_privileged:
            options = replace(options, include_admins=True)
        try:
            reason = objection(self.changes(selected).candidate(), options, self.now)
            now = selected if reason else self._again(selected)
            if reason or now is None:
                return action_on(selected.identity, "mark", "skipped", reason or "it is gone")
            judged = judge_identity(now.identity, options.rules, self.now)
            chosen = select(judged, options.match, UNUSED, options.rules) or ()
            unused = [judgement for judgement in chosen if is_unused(judgement)]
            reason = objection(Candidate(now.identity, None), options, self.now)
            if now.notes.get(self.tag) != selected.notes.get(self.tag):
                reason = reason or MARK_CHANGED
            if reason or not unused:
                reason = reason or f"{judged.verdict}: {judged.reason}"
                return action_on(now.identity, "mark", "skipped", reason)
            return self._planned(now, unused)
        except self.kind.errors as error:
            return action_on(selected.identity, "mark", "failed", str(error))

    def _again(self, selected: Selected) -> Selected | None:
        """The identity read again; where many are written at once, only their notes are, by the write."""
        return selected if self.kind.batch_size > 1 else self.kind.fresh(selected, self.now)

    def _planned(self, now: Selected, unused: list[Judgement]) -> Planned:
        items = tuple(Item(j.credential.kind, j.credential.id) for j in unused)
        parts = self.kind.note_parts
        marked = record_notes(marked_tag(self.tag), Record(self.now, frozenset(items), self._due), parts)
        reserve = record_notes(RECORD_TAG, Record(self.now, frozenset(items)), parts)
        change = NotesChange(now, {self.tag: self._mark, **marked}, reserve=reserve, guard=self.tag)
        named = ", ".join(_name(item) for item in items)
        return Planned(change, items, f"{named}: {unused[0].reason}" if len(unused) == 1 else named)

    def _told(self, plan: Planned, error: Exception | None) -> Action:
        item = plan.items[0] if len(plan.items) == 1 else None
        if error:
            moved = isinstance(error, NotesChangedError)
            return action_on(plan.identity, "mark", "skipped" if moved else "failed", str(error))
        before = plan.change.of.notes.get(self.tag)
        details = {"before": before, "after": self._mark, "undo": UNMARK}
        return action_on(plan.identity, "mark", "done", plan.reason, item, **details)


def _name(item: Item) -> str:
    return item.kind if item.kind == item.id else f"{item.kind} {item.id}"


class UnmarkUnused(KindAction):
    """Take the mark off {plural} that came back; under `match: credential`, off the credentials that did.

    {text}
    """

    word = UNMARK

    @staticmethod
    def schema_of(kind: type[Kind]) -> dict[str, Any]:
        """The action's schema for a kind."""
        schema: dict[str, Any] = type_schema(UNMARK, tag=kind.tag_schema)
        return schema

    def act_on(self, some: list[Selected]) -> Iterator[Action]:
        """Nothing is done where there is no mark."""
        marked = [selected for selected in some if mark_notes(selected.notes, self.tag)]
        whole: list[Selected] = []
        for selected in marked:
            if self._by_credential():
                yield from self._release(selected, whole)
            else:
                whole.append(selected)
        yield from self._unmark(whole)

    def _by_credential(self) -> bool:
        return len(self.of_kind.credential_kinds) > 1 and self.kind.request.match == "credential"

    def _release(self, selected: Selected, whole: list[Selected]) -> Iterator[Action]:
        """Release what came back, credential by credential; whose mark has no list goes to `whole`."""
        try:
            changes = self.changes(selected)
            fresh = changes.fresh(changes.candidate())
            if fresh is None or fresh.marked is None:
                whole.append(selected)
                return
            judged = judge_identity(fresh.identity, self.options().rules, self.now)
            yield from release(fresh, judged, "credential", changes)
        except self.kind.errors as error:
            yield action_on(selected.identity, "unmark", "failed", str(error))

    def _unmark(self, some: list[Selected]) -> Iterator[Action]:
        changes = [NotesChange(selected, drop=mark_notes(selected.notes, self.tag)) for selected in some]
        results = self.kind.write_notes(changes) if changes else []
        for selected, error in zip(some, results, strict=True):
            before = selected.notes.get(self.tag)
            if error:
                yield action_on(selected.identity, "unmark", "failed", str(error))
            else:
                reason, undo = "no longer unused", "mark again"
                yield action_on(selected.identity, "unmark", "done", reason, before=before, undo=undo)


class StockMarkForOp(TagDelayedAction):
    """Mark {plural} for a later operation; see the stock action.

    In a policy that selects by `unused-credentials`, or marks for `disable-unused`, the mark always carries
    its hour in UTC (`hours:` above 0), the note TAG-marked (`c7n-unused-marked`) lists the credentials that
    were marked, and who is exempt or never touched is not marked.
    Everywhere else this is the stock action. {text}
    """

    word = MARK
    ours: ClassVar[type[MarkForOp]]

    @staticmethod
    def schema_of(kind: type[Kind]) -> dict[str, Any]:
        """The stock action's own."""
        schema: dict[str, Any] = TagDelayedAction.schema
        return schema

    def _ours(self) -> MarkForOp | None:
        if has_unused_filter(self.manager.data) or marks_for_us(self.data):
            return self.ours(self.data, self.manager)
        return None

    def get_permissions(self) -> tuple[str, ...]:
        """Those of the stock action, or of ours."""
        ours = self._ours()
        return tuple(ours.get_permissions() if ours else super().get_permissions())

    def validate(self) -> StockMarkForOp:
        """The stock checks, then ours."""
        super().validate()
        ours = self._ours()
        if ours:
            ours.validate()
        return self

    def process(self, resources: list[Resource]) -> None:
        """Mark; see the class."""
        ours = self._ours()
        if ours:
            ours.process(resources)
        else:
            super().process(resources)
