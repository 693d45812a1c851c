"""Undoing `disable-unused` on one identity: exactly what its record says, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from custom_filters.core.actionlog import Action, Result, action_on
from custom_filters.core.record import Item, Record, difference, parts_in, record_in_tags, record_notes
from custom_filters.core.vocabulary import DISABLE, RECORD_TAG, RESTORED_TAG
from custom_filters.custodian.changes import Changes, mark_notes, written
from custom_filters.custodian.kind import Fresh, NotesChange


def restore(changes: Changes, expected: Sequence[str] | None) -> Iterator[Action]:
    """Note the time (which gives grace), switch on what the record lists, then remove the record.

    In this order a kill at any point leaves a record that says what is still to be done. With `expected`
    (items as kind=id) nothing is done where the record in the cloud differs; both are shown.
    """
    try:
        yield from _restore(changes, expected)
    except changes.errors as error:
        yield action_on(changes.selected.identity, "enable", "failed", str(error))


def _restore(changes: Changes, expected: Sequence[str] | None) -> Iterator[Action]:
    kind, identity = changes.kind, changes.selected.identity
    mine = kind.item(changes.selected.resource)
    current = kind.current(changes.selected)
    record = record_in_tags(current.notes, RECORD_TAG) if current else None
    differing = difference(record, _about(mine, expected))
    if current is None or record is None or differing:
        result: Result = "failed" if differing else "skipped"
        yield action_on(identity, "enable", result, differing or "there is no restore record", mine)
        return
    problem = _not_ours(mine, record) or kind.foreign(current)
    if problem:
        yield action_on(identity, "enable", "failed", problem, mine)
        return
    restored = Record(changes.now, record.items)
    written(kind, NotesChange(current, record_notes(RESTORED_TAG, restored, kind.note_parts)))
    failed = False
    for item in sorted(record.items):
        action = _switch_on(changes, current, item)
        failed = failed or action.result == "failed"
        yield action
    if not failed:
        ours = (*mark_notes(current.notes, changes.tag), *parts_in(current.notes, RECORD_TAG))
        written(kind, NotesChange(current, drop=ours))


def _about(mine: Item | None, expected: Sequence[str] | None) -> Sequence[str] | None:
    """Of a run's record, which names all keys of an account, what is about this resource."""
    if expected is None or mine is None:
        return expected
    return [text for text in expected if text == f"{mine.kind}={mine.id}"]


def _not_ours(mine: Item | None, record: Record) -> str | None:
    if mine is None or record.items == {mine}:
        return None
    return f"the record in the cloud is not about {mine.kind} {mine.id}; correct or remove it"


def _switch_on(changes: Changes, current: Fresh, item: Item) -> Action:
    """One credential; what failed keeps the record, and does not hold up the others."""
    identity = changes.selected.identity
    try:
        nothing = changes.kind.switch_on(current, item)
    except changes.errors as error:
        return action_on(identity, "enable", "failed", str(error), item, before="off")
    if nothing:
        return action_on(identity, "enable", "skipped", nothing, item, before="off")
    reason = "restored from its record"
    return action_on(identity, "enable", "done", reason, item, before="off", after="on", undo=DISABLE)
