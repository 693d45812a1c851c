"""What Google's resource kinds share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from custom_filters.core.credential import Credential
from custom_filters.core.record import Item, RecordError
from custom_filters.core.vocabulary import FILTER, GCP, MARK
from custom_filters.custodian.kind import Fresh, Kind, NotesChange, Schema
from custom_filters.gcp.client import shared_login
from custom_filters.gcp.errors import GoogleError
from custom_filters.gcp.schema import TAG

_MARK_LIMIT = 150


class GoogleKind(Kind):
    """One credential each; who acts is the service account of the log-in."""

    provider = GCP
    errors = (GoogleError, RecordError)
    tag_schema: ClassVar[Schema] = TAG
    message = "Unused: {op}@{action_date}"
    spares_privileged = True
    options: ClassVar[Mapping[str, Mapping[str, Schema]]] = {
        FILTER: {"exempt-tag": TAG},
        MARK: {"include-admins": {"type": "boolean"}},
    }

    @classmethod
    def permissions_for(cls, word: str, data: Mapping[str, object]) -> tuple[str, ...]:
        """IAM permissions; what IAM does not know, such as OAuth scopes, is not among them."""
        return cls.permissions.get(word, ())

    @classmethod
    def note_problem(cls, text: str) -> str | None:
        """Notes in a description stand in brackets, and share 256 bytes."""
        if len(text) > _MARK_LIMIT or set(text) & set("[]"):
            return f"mark-for-op: `msg:` takes no brackets and the mark at most {_MARK_LIMIT} characters"
        return None

    def write_notes(self, changes: Sequence[NotesChange]) -> list[Exception | None]:
        """One write each."""
        return [self._write(change) for change in changes]

    def _write(self, change: NotesChange) -> Exception | None:
        try:
            self.write(change)
        except self.errors as error:
            return error
        return None

    @abstractmethod
    def write(self, change: NotesChange) -> None:
        """Change the notes on one resource."""

    def switch_off(self, fresh: Fresh, credential: Credential, now: object) -> str:
        """Switch the one credential off."""
        self.switch(fresh, on=False)
        return f"c7n-unused restore: enable-unused switches {credential.kind} on again"

    def switch_on(self, fresh: Fresh, item: Item) -> None:
        """Switch the one credential on."""
        self.switch(fresh, on=True)

    @abstractmethod
    def switch(self, fresh: Fresh, *, on: bool) -> None:
        """Switch it on or off; idempotent."""

    def caller(self) -> str:
        """The service account, and for whom it acts."""
        return str(shared_login(self.manager))
