"""The notes on identities as a run knows them: what it wrote itself wins over what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from custom_filters.core.finding import LifecycleState
from custom_filters.core.lifecycle_states import Facts, record_states
from custom_filters.core.notes import EXEMPT, Entry, Notes, read_notes
from custom_filters.core.times import format_time
from custom_filters.core.vocabulary import DISABLE, TAG
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.selected import Selected

#: What is remembered of an identity whose last write failed: nobody knows what the cloud holds.
UNCERTAIN: Mapping[str, str] = {}


def is_uncertain(kind: Kind, of: Selected) -> bool:
    """Whether a write of this run failed, so that the identity is left alone until the next run."""
    return kind.written.get((kind.provider, of.principal)) is UNCERTAIN


def own_notes(kind: Kind, of: Selected, now: datetime, tag: str) -> tuple[Notes | None, tuple[Entry, ...]]:
    """The notes that are about this resource, read strictly, and entries about the principal's others.

    The two differ where a resource stands for one credential of several that share a record. None where there
    is no place for notes. `tag` is the one that the policy marks under.
    """
    texts = kind.written.get((kind.provider, of.principal), of.notes)
    if texts is None:
        return None, ()
    ids = {*kind.place(of).ids, *(c.id for c in of.identity.credentials)}
    exempt = kind.request.filter.get("exempt-tag", EXEMPT)
    notes = read_notes(texts, of.principal, now, ids=sorted(ids), tags=[tag], ignore=[EXEMPT, exempt])
    item = kind.item(of.resource)
    if item is None:
        return notes, ()
    others = tuple(e for e in notes.record.entries if e.item != item)
    return notes.changed(e for e in notes.record.entries if e.item == item), others


def lifecycle_state(kind: Kind, of: Selected, now: datetime) -> LifecycleState:
    """Where an identity stands, from its notes, under whatever tag it was marked."""
    notes, _ = own_notes(kind, of, now, TAG)
    if notes is None:
        return LifecycleState()
    live, off = notes.live(), notes.off()
    until = min((e.until for e in live), default=None)
    since = min((e.disabled_at or e.until for e in off), default=None)
    said = f"off by us since {format_time(since)}" if since else ""
    if any(e.begun for e in off):
        said = f"switched off by us at {format_time(off[0].disabled_at or now)}, outcome not recorded"
    if "off" in record_states(Facts(of.identity, notes), now, slots=kind.slots):
        undo = f"{said}; undo: c7n-unused restore --user {of.identity.name}"
        return LifecycleState("disabled", undo, None, live, since)
    if live:
        return LifecycleState("marked", DISABLE, until, live)
    if off:
        return LifecycleState(next_action=f"{said}, yet it is on: an enforcing run ends it or takes it back")
    return LifecycleState()
