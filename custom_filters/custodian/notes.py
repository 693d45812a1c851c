"""The notes that we keep on an identity, by name, and what they say of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.finding import LifecycleState
from custom_filters.core.mark import MalformedMarkError, Mark, parse_mark
from custom_filters.core.record import Record, RecordError, record_in_tags
from custom_filters.core.vocabulary import DISABLE, RECORD_TAG, RESTORED_TAG, marked_tag


def lifecycle_state(notes: Mapping[str, str], identity: Identity) -> LifecycleState:
    """Where an identity stands, from its notes. Which of them holds the mark does not matter."""
    if RECORD_TAG in notes and not _is_past(notes, identity):
        return LifecycleState("disabled")
    found = _our_mark(notes)
    if found:
        tag, mark = found
        return LifecycleState("marked", mark.op, mark.at, _readable(notes, marked_tag(tag)))
    return LifecycleState("restored" if RESTORED_TAG in notes else "detected")


def _is_past(notes: Mapping[str, str], identity: Identity) -> bool:
    """Whether others switched on again what the record lists: all of its kinds are there and on."""
    record = _readable(notes, RECORD_TAG)
    kinds = {item.kind for item in record.items} if record else set()
    present = {kind: [c.status for c in identity.credentials if c.kind == kind] for kind in kinds}
    return bool(present) and all(found and "off" not in found for found in present.values())


def _our_mark(notes: Mapping[str, str]) -> tuple[str, Mark] | None:
    """The mark that is due first, and the name of its note."""
    found = []
    for tag, value in notes.items():
        try:
            found.append((tag, parse_mark(value)))
        except MalformedMarkError:
            continue
    return min((item for item in found if item[1].op == DISABLE), key=lambda i: i[1].at, default=None)


def _readable(notes: Mapping[str, str], name: str) -> Record | None:
    """A record; a damaged one counts as none here, and stops the change itself."""
    try:
        return record_in_tags(notes, name)
    except RecordError:
        return None


def with_restored(
    credentials: Iterable[Credential],
    notes: Mapping[str, str],
    where: str,
    unnamed: Collection[str] = (),
) -> tuple[Credential, ...]:
    """The credentials with the time at which we switched them on again; `where` the notes are, for people.

    Kinds in `unnamed` come under other ids than the record has: all of a recorded kind are meant.
    """
    try:
        record = record_in_tags(notes, RESTORED_TAG)
    except RecordError as error:
        problem = f"{RESTORED_TAG} in {where} was damaged ({error}); remove it"
        return tuple(replace(c, age_problem=c.age_problem or problem) for c in credentials)
    if record is None:
        return tuple(credentials)
    return tuple(replace(c, restored=_restored(c, record, unnamed)) for c in credentials)


def _restored(credential: Credential, record: Record, unnamed: Collection[str]) -> datetime | None:
    ids = record.ids(credential.kind)
    named = bool(ids) if credential.kind in unnamed else credential.id in ids
    return record.at if named else None
