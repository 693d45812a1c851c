"""What all of our actions share, and the actions `disable-unused` and `enable-unused`."""

from __future__ import annotations

import os
import threading
from abc import abstractmethod
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from c7n.actions import BaseAction
from c7n.exceptions import PolicyExecutionError
from c7n.utils import chunks

from custom_filters.core.journal import Origin
from custom_filters.core.lifecycle import decide_disable, limit_problem
from custom_filters.core.lifecycle_states import Decision, Facts, Operation, Recent, Terms
from custom_filters.core.notes import Entry
from custom_filters.core.policy_data import has_unused_filter, unused_filter
from custom_filters.core.vocabulary import DISABLE, EVENT_VARIABLE, RUN_ID_VARIABLE
from custom_filters.custodian import clock, deadline
from custom_filters.custodian.changes import Changes, Plan
from custom_filters.custodian.decisions import approved, carried_over, with_kept
from custom_filters.custodian.exemptions import absent_problem
from custom_filters.custodian.journal import Journal, open_journal
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.notes import is_uncertain, own_notes
from custom_filters.custodian.options import Word
from custom_filters.custodian.parallel import CONCURRENCY
from custom_filters.custodian.selected import Fresh, Resource, Selected
from custom_filters.custodian.terms import examined, terms_of
from custom_filters.custodian.validation import (
    due_problem,
    policy_problem,
    refuse,
    refuse_invalid,
)

_TOLD_FAILURES = 5
#: How often it is decided anew about notes that change while it is decided.
_TRIES = 3
LIMIT = {"type": "number", "minimum": 0, "maximum": 100}
UNREAD = "an earlier change of this run failed, so it is left alone until the next run"


class KindAction(Word, BaseAction):
    """Decide for one resource after another, some at once, and carry it out."""

    operation: ClassVar[Operation]

    kind: Kind
    now: datetime
    terms: Terms

    def problem(self) -> str | None:
        """The first reason, in one sentence, for which this must not run."""
        policy = self.manager.data
        return (
            policy_problem(policy)
            or self.option_problem()
            or self.of_kind.problem(self.word, self.data, policy)
        )

    def option_problem(self) -> str | None:
        """What is wrong with the action's own options."""
        return None

    def validate(self) -> KindAction:
        """Refuse a policy that would change users on weaker grounds than the rules allow."""
        refuse_invalid(self.problem())
        return self

    def process(self, resources: list[Resource]) -> None:
        """Act on every resource; raises PolicyExecutionError at the end when any of it failed."""
        refuse(self.problem())
        self.kind = self.of_kind(self.manager, unused_filter(self.manager.data), self.data)
        clock.refuse_moved_clock(self.kind.endpoint())
        if not resources:
            return
        refuse(self._limit_problem(len(resources)))
        selected = self.prepare(resources)
        journal = open_journal(self.manager, self._origin())
        if journal.delivered_before():
            self.log.warning("this event was delivered before: nothing is done again")
            return
        unfinished = [] if self.operation in {"enable", "retire"} else self.kind.finish()
        failed = unfinished + self._act_on_all(selected, journal)
        self.kind.forget()
        if failed:
            told = "; ".join(failed[:_TOLD_FAILURES])
            raise PolicyExecutionError(f"{len(failed)} failures on {len(resources)} resources: {told}")

    def _limit_problem(self, chosen: int) -> str | None:
        if "limit-percent" not in self.data:
            return None
        return limit_problem(examined(self.manager) or chosen, chosen, self.data["limit-percent"])

    def prepare(self, resources: list[Resource]) -> list[Selected]:
        """Read what all resources need, in this thread, before the first is acted on."""
        kind, self.now = self.kind, clock.now()
        self.terms = terms_of(kind.request, self.manager.data, self.data)
        if self.operation in {"mark", "disable"}:
            kind.request.forget_exemptions()
        kind.prepare(self.word)
        if self.operation in {"mark", "disable"}:
            entries, account = kind.request.entries, kind.account()
            refuse(absent_problem(entries, kind.provider, account, kind.exists, self.now))
        if has_unused_filter(self.manager.data):
            found = kind.identities(resources, self.now)
            known = [(resource, with_kept(kind.request, one, self.now)) for resource, one in found]
        else:
            known = [(resource, kind.identity(resource)) for resource in resources]
        return [Selected(resource, identity, kind.notes(resource)) for resource, identity in known]

    def _origin(self) -> Origin:
        run_id = os.environ.get(RUN_ID_VARIABLE) or self.manager.ctx.execution_id
        event = os.environ.get(EVENT_VARIABLE) or None
        return Origin(run_id, self.kind.caller(), self.manager.data.get("name", ""), event)

    def _act_on_all(self, selected: list[Selected], journal: Journal) -> list[str]:
        changes = Changes(self.kind, journal, self.now)
        locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        parts = [
            [(of, locks[of.principal]) for of in part] for part in chunks(selected, self.kind.batch_size)
        ]

        def act(some: list[tuple[Selected, threading.Lock]]) -> list[str] | None:
            if deadline.is_near():
                return None
            if len(some) > 1:
                return changes.carry_out([self._plan(of) for of, _ in some])
            with some[0][1]:  # resources of one principal share its notes
                return self._act_alone(changes, some[0][0])

        with ThreadPoolExecutor(CONCURRENCY) as pool:
            found = list(pool.map(act, parts))
        left = sum(len(part) for part, failures in zip(parts, found, strict=True) if failures is None)
        late = f"the time ran out: {left} of {len(selected)} were not begun; the next run goes on"
        return [text for failures in found for text in failures or ()] + [late] * bool(left)

    def _act_alone(self, changes: Changes, of: Selected) -> list[str]:
        """Decide and carry it out; anew where the read that it was decided on lagged an earlier write."""
        for left in reversed(range(_TRIES)):
            changes.outdated.discard(of.principal)
            failures = changes.carry_out([self._plan(of)], anew=left > 0)
            if of.principal not in changes.outdated:
                break
        return failures

    def _plan(self, of: Selected) -> Plan:
        """Read, and decide."""
        if is_uncertain(self.kind, of):
            return Plan(Decision(self.operation, "skipped", Facts(of.identity, None), UNREAD), of)
        try:
            read = self.read(of)
            if read is None:
                gone = Facts(of.identity, None, gone=True, untouchable=self.kind.untouchable(of))
                return Plan(self.decide(gone), of)
            read = replace(read, identity=carried_over(of.identity, read.identity, self.kind.slots))
            facts, others = self.facts_of(read)
            if self.terms.require_decision:
                decided = approved(self.kind.request, of.identity, read.identity, self.kind.slots, self.now)
                facts = replace(facts, approved=decided)
            return Plan(self.decide(self.more_facts(facts, read)), read, others)
        except self.kind.errors as error:
            return Plan(Decision(self.operation, "failed", Facts(of.identity, None), str(error)), of)

    def read(self, of: Selected) -> Selected | None:
        """The identity, read again where the kind does so before it writes notes."""
        return self.kind.noted(of, self.now)

    def facts_of(self, read: Selected) -> tuple[Facts, tuple[Entry, ...]]:
        """What is known, and the entries of the principal's other resources."""
        kind = self.kind
        notes, others = own_notes(kind, read, self.now, self.terms.tag)
        facts = Facts(
            read.identity, notes, fresh=isinstance(read, Fresh), final=kind.final(read),
            untouchable=kind.untouchable(read), protected=kind.protected(read), locked=kind.locked(read),
        )  # fmt: skip
        return facts, others

    def more_facts(self, facts: Facts, read: Selected) -> Facts:
        """What an action needs beyond that."""
        return facts

    def with_recent(self, facts: Facts, read: Fresh, since: datetime) -> Facts:
        """With what the source says that knows the last hours."""
        try:
            identity, recent = self.kind.recent(read, since, self.now)
        except self.kind.errors as error:
            return replace(facts, recent=Recent("failed", str(error)))
        return replace(facts, identity=identity, recent=recent)

    @abstractmethod
    def decide(self, facts: Facts) -> Decision:
        """Ask core.lifecycle."""


class DisableUnused(KindAction):
    """Switch off what nobody uses of {plural}, each after a fresh look.

    What is to be switched off is recorded in the cloud first, and the journal has a line before each change
    and one after it. {text} Only credentials whose own mark is due are switched off, and only those that
    nobody used in the last hours: `recent: auto` asks a source that knows them and goes on where there is
    none, `required` leaves alone who could not be checked, `off` does not ask. Identities are left alone that
    are exempt, or protected (unless `include-admins`). With `limit-percent` nothing is changed when more than
    so many of those examined, and more than 10, would be.
    """

    word, operation = DISABLE, "disable"

    @staticmethod
    def options(kind: type[Kind]) -> dict[str, Any]:
        """See Word."""
        return {
            "tag": kind.tag_schema,
            "include-admins": {"type": "boolean"},
            "require-decision": {"type": "boolean"},
            "recent": {"enum": ["auto", "required", "off"]},
            "limit-percent": LIMIT,
        }

    def option_problem(self) -> str | None:
        """Notice must have been given, and decisions be named where they are required."""
        found = unused_filter(self.manager.data)
        if self.data.get("require-decision") and not found.get("decisions"):
            return f"{DISABLE} with require-decision needs `decisions:` on the unused-credentials filter"
        return due_problem(self.manager.data)

    def read(self, of: Selected) -> Fresh | None:
        """Past every cache."""
        return self.kind.fresh(of, self.now)

    def more_facts(self, facts: Facts, read: Selected) -> Facts:
        """What the last hours say, asked only for those whose notice ran out; who changed what we began."""
        due = [e for e in facts.notes.open(self.terms.tag) if e.until <= self.now] if facts.notes else []
        if not due or self.terms.recent == "off" or not isinstance(read, Fresh):
            return facts
        begun = {e.item: e.disabled_at for e in due if e.disabled_at}
        others = self.kind.changed_by(read, begun, self.now) if begun else {}
        facts = self.with_recent(facts, read, min(e.marked_at for e in due))
        return replace(facts, other_hands=others)

    def decide(self, facts: Facts) -> Decision:
        """See decide_disable."""
        return decide_disable(facts, self.terms, self.now)
