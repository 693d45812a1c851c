"""What filters and actions hand to a kind, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Used
from custom_filters.core.notes import Item

Resource = dict[str, Any]
Notes = Mapping[str, str]
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Selected:
    """A selected resource, its identity, and its notes as this run read them (None: no place for notes)."""

    resource: Resource
    identity: Identity
    notes: Notes | None

    @property
    def principal(self) -> str:
        """The id that the record names; resources of one principal share its notes."""
        return self.identity.id


@dataclass(frozen=True)
class Fresh(Selected):
    """The same as it is now, past every cache; credentials have their real ids."""


@dataclass(frozen=True)
class NotesChange:
    """Notes to set in one request, which of an `atomic` kind switches `items` too; None empties a note."""

    of: Selected
    texts: Mapping[str, str | None]
    switch: Literal["on", "off"] | None = None
    items: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Written:
    """What came of one NotesChange: an error when nothing of it was done; how each item is brought back.

    `sessions`: whether they were ended after a switch off; where that failed, `told` names the permission.
    """

    error: Exception | None = None
    undo: Mapping[Item, str] = field(default_factory=dict)
    sessions: Literal["ended", "failed"] | None = None
    told: str | None = None


def with_use(identity: Identity, seen: Mapping[Item | None, Used]) -> Identity:
    """The identity with use that a source saw added to the credentials, and (None) to the identity."""
    credentials = tuple(
        replace(c, evidence=(*c.evidence, seen[item])) if (item := Item(c.kind, c.id)) in seen else c
        for c in identity.credentials
    )
    more = (seen[None],) if None in seen else ()
    return replace(identity, credentials=credentials, evidence=(*identity.evidence, *more))
