"""Undoing `disable-unused` on one Google resource: exactly what its record says, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from custom_filters.core.actionlog import Action, Result
from custom_filters.core.credential import Identity
from custom_filters.core.record import Item, Record, difference, record_in_tags
from custom_filters.custodian.markers import RECORD_TAG, RESTORED_TAG, marked_tag
from custom_filters.gcp.hands import ERRORS, GoogleHands, packed


@dataclass(frozen=True)
class Restore:
    """One resource to be restored; `expected` is what the run's log says, None where that is not asked."""

    identity: Identity
    item: Item
    hands: GoogleHands
    expected: Sequence[str] | None

    def steps(self, now: datetime) -> Iterator[Action]:
        """Note the time (which gives grace), switch on, then remove the record.

        In this order a kill at any point leaves a record that says what is still to be done.
        """
        try:
            yield from self._steps(now)
        except ERRORS as error:
            yield self._action("failed", str(error))

    def _steps(self, now: datetime) -> Iterator[Action]:
        found = self.hands.get()
        record = record_in_tags(self.hands.tags(found), RECORD_TAG) if found else None
        differing = difference(record, self._expected())
        if found is None or record is None or differing:
            yield self._action(
                "failed" if differing else "skipped", differing or "there is no restore record"
            )
            return
        problem = self._foreign(record) or self.hands.problem_with_restoring(found)
        if problem:
            yield self._action("failed", problem)
            return
        self.hands.write({RESTORED_TAG: packed(Record(now, record.items))})
        self.hands.switch(on=True)
        done = {"before": "off", "after": "on", "undo": "disable-unused"}
        yield self._action("done", "restored from its record", **done)
        self.hands.write(dict.fromkeys(self._notes_to_remove(found)))

    def _notes_to_remove(self, found: Mapping[str, Any]) -> list[str]:
        """Those of ours that are there; a user's schema need not know other names."""
        ours = (self.hands.tag, marked_tag(self.hands.tag), RECORD_TAG)
        return [name for name in ours if name in self.hands.tags(found)]

    def _expected(self) -> list[str] | None:
        """Of a run's record, which names all keys of an account, what is about this one."""
        mine = f"{self.item.kind}={self.item.id}"
        return None if self.expected is None else [text for text in self.expected if text == mine]

    def _foreign(self, record: Record) -> str | None:
        if record.items == {self.item}:
            return None
        return f"the record in the cloud is not about {self.item.kind} {self.item.id}; correct or remove it"

    def _action(self, result: Result, reason: str, **details: Any) -> Action:
        who = (self.identity.provider, self.identity.account, self.identity.name, self.identity.id)
        return Action("enable", result, *who, reason, kind=self.item.kind, credential=self.item.id, **details)
