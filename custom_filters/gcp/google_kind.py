"""What Google's resource kinds share: single reads, one that is refused, the last hours, one write each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence, Unknown, Used
from custom_filters.core.lifecycle_states import Recent
from custom_filters.core.notes_writing import NotesError
from custom_filters.core.vocabulary import FILTER, GCP
from custom_filters.custodian import clock
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.selected import Fresh, NotesChange, Schema, Selected, Written, with_use
from custom_filters.gcp.client import Json, shared_login
from custom_filters.gcp.errors import GoogleError
from custom_filters.gcp.schema import TAG

UNDO = "c7n-unused restore"
#: From a resource as it is now, and as it was listed, to its identity with evidence past every cache.
Reader = Callable[[Json, Mapping[str, Any]], Identity]


class GoogleKind(Kind):
    """Who acts is the service account of the log-in; each identity is read and written by itself."""

    provider = GCP
    errors = (GoogleError, NotesError)
    tag_schema: ClassVar[Schema] = TAG
    options: ClassVar[Mapping[str, Mapping[str, Schema]]] = {FILTER: {"exempt-tag": TAG}}
    #: Made by `prepare`, in the main thread.
    read_again: Reader

    @classmethod
    def note_problem(cls, text: str) -> str | None:
        """Notes in a description stand in brackets."""
        return "mark-for-op: `msg:` takes no brackets" if set(text) & set("[]") else None

    @abstractmethod
    def get(self, resource: Mapping[str, Any]) -> Json | None:
        """The resource as it is now; None when it is gone, or another of that name stands in its place."""

    @abstractmethod
    def transform(
        self, resource: Mapping[str, Any], evidence: tuple[Evidence, ...], now: datetime
    ) -> Identity:
        """The identity of a resource, with what sources say of it."""

    def current(self, of: Selected) -> Fresh | None:
        """Status and notes as they are now."""
        found = self.get(of.resource)
        return Fresh(found, self.transform(found, (), clock.now()), self.notes(found)) if found else None

    def fresh(self, of: Selected, now: datetime) -> Fresh | None:
        """The resource, then the evidence; unknown where Google refuses to tell of this one."""
        try:
            found = self.current(of)
            return replace(found, identity=self.read_again(found.resource, of.resource)) if found else None
        except GoogleError as error:
            if not error.refused:
                raise
            unread = Unknown(f"it could not be read again: {error}", "fresh read")
            return Fresh(of.resource, with_evidence(of.identity, unread), of.notes)

    def recent(self, fresh: Fresh, since: datetime, now: datetime) -> tuple[Identity, Recent]:
        """See `seen_since`."""
        try:
            used = self.seen_since(fresh, since, now)
        except GoogleError as error:
            return fresh.identity, Recent("unavailable" if error.refused else "failed", str(error))
        seen = {self.item(fresh.resource): used} if used else {}
        return with_use(fresh.identity, seen), Recent("checked")

    @abstractmethod
    def seen_since(self, fresh: Fresh, since: datetime, now: datetime) -> Used | None:
        """The newest use that a source saw which knows the last hours. Raises GoogleError."""

    def write(self, changes: Sequence[NotesChange]) -> list[Written]:
        """One request each."""
        return [self._write(change) for change in changes]

    def _write(self, change: NotesChange) -> Written:
        try:
            self.write_one(change)
        except self.errors as error:
            return Written(error)
        return Written(undo=dict.fromkeys(change.items, UNDO))

    @abstractmethod
    def write_one(self, change: NotesChange) -> None:
        """Change the notes of one identity, and switch it where the change says so."""

    def caller(self) -> str:
        """The service account, and the user it acts for."""
        return str(shared_login(self.manager))


def with_evidence(identity: Identity, *more: Evidence) -> Identity:
    """The identity with this said of each of its credentials, too."""
    credentials = (replace(c, evidence=(*c.evidence, *more)) for c in identity.credentials)
    return replace(identity, credentials=tuple(credentials))
