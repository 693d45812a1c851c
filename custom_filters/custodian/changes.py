"""One identity's changes: what `core.retire` asks of a cloud, done by the methods of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from custom_filters.core.credential import Credential
from custom_filters.core.record import Item, Record, parts_in, record_in_tags, record_notes
from custom_filters.core.retire import Candidate, Cloud, FreshView
from custom_filters.core.vocabulary import RECORD_TAG, marked_tag
from custom_filters.custodian.kind import Fresh, Kind, NotesChange, Selected


def written(kind: Kind, change: NotesChange) -> None:
    """Change the notes of one identity; raises what failed."""
    [error] = kind.write_notes([change])
    if error:
        raise error


def mark_notes(notes: Mapping[str, str], tag: str) -> tuple[str, ...]:
    """The names of the notes that make up a mark: its text, and the list of what is marked."""
    return tuple(name for name in (tag, *parts_in(notes, marked_tag(tag))) if name in notes)


@dataclass(frozen=True)
class FreshRead(FreshView):
    """A fresh read, with what the kind made of it."""

    read: Fresh


@dataclass(frozen=True)
class Changes(Cloud):
    """The changes to one selected identity; `tag` is where its mark is kept."""

    kind: Kind
    selected: Selected
    tag: str
    now: datetime

    def candidate(self) -> Candidate:
        """The identity as it was listed."""
        of = self.selected
        return Candidate(of.identity, of.notes.get(self.tag), self.kind.protected(of.resource))

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What fails one identity and not the run."""
        return self.kind.errors

    def fresh(self, candidate: Candidate) -> FreshView | None:
        """Read everything again; None when the identity is gone."""
        found = self.kind.fresh(self.selected, self.now)
        return self.view(found) if found else None

    def view(self, found: Fresh) -> FreshRead:
        """A fresh read with its notes taken apart; raises RecordError when one is damaged."""
        return FreshRead(
            identity=found.identity,
            mark=found.notes.get(self.tag),
            marked=record_in_tags(found.notes, marked_tag(self.tag)),
            record=record_in_tags(found.notes, RECORD_TAG),
            read=found,
        )

    def veto(self, fresh: FreshView, credential: Credential) -> str | None:
        """A last objection by a source that may only veto."""
        return self.kind.recent(_read(fresh), credential, self.now)

    def recorded_as(self, credential: Credential) -> Item:
        """What record and log call it."""
        return self.kind.recorded_as(credential)

    def write_record(self, fresh: FreshView, record: Record) -> None:
        """Keep the record in the cloud; RecordError when it does not fit."""
        written(self.kind, NotesChange(_read(fresh), record_notes(RECORD_TAG, record, self.kind.note_parts)))

    def switch_off(self, fresh: FreshView, credential: Credential) -> str:
        """Switch one credential off; returns how to undo it."""
        return self.kind.switch_off(_read(fresh), credential, self.now)

    def unmark(self, fresh: FreshView, keep: Record | None) -> None:
        """Take the mark off; or, with `keep`, shorten the list of marked credentials."""
        of = _read(fresh)
        if keep:
            change = NotesChange(of, record_notes(marked_tag(self.tag), keep, self.kind.note_parts))
        else:
            change = NotesChange(of, drop=mark_notes(of.notes, self.tag))
        written(self.kind, change)


def _read(fresh: FreshView) -> Fresh:
    assert isinstance(fresh, FreshRead)  # noqa: S101 (narrows the type: we made it)
    return fresh.read
