"""What Google's resource kinds share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from custom_filters.core.notes_writing import NotesError
from custom_filters.core.vocabulary import GCP
from custom_filters.custodian.kind import Kind, NotesChange, Schema, Written
from custom_filters.gcp.client import shared_login
from custom_filters.gcp.errors import GoogleError
from custom_filters.gcp.schema import TAG

UNDO = "c7n-unused restore"


class GoogleKind(Kind):
    """Who acts is the service account of the log-in; each identity is written by itself."""

    provider = GCP
    errors = (GoogleError, NotesError)
    tag_schema: ClassVar[Schema] = TAG

    @classmethod
    def note_problem(cls, text: str) -> str | None:
        """Notes in a description stand in brackets."""
        return "mark-for-op: `msg:` takes no brackets" if set(text) & set("[]") else None

    def write(self, changes: Sequence[NotesChange]) -> list[Written]:
        """One request each."""
        return [self._write(change) for change in changes]

    def _write(self, change: NotesChange) -> Written:
        try:
            self.write_one(change)
        except self.errors as error:
            return Written(error)
        return Written(undo=dict.fromkeys(change.items, UNDO))

    def write_one(self, change: NotesChange) -> None:
        """Change the notes of one identity, and switch it where the change says so."""
        raise NotImplementedError

    def caller(self) -> str:
        """The service account, and for whom it acts."""
        return str(shared_login(self.manager))
