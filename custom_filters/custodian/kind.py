"""The interface that a resource kind implements: what is listed, how it is judged, how it is changed.

One class in a file of its own (`aws/iam_user.py`); filters and actions are written once over it. Notes
are short texts by name that we keep on an identity in the cloud: the mark, what was marked, what
was switched off.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.record import Item
from custom_filters.custodian.request import Request

Resource = dict[str, Any]
Notes = Mapping[str, str]
Schema = Mapping[str, Any]


MARK_CHANGED = "its mark was changed meanwhile"


class NotesChangedError(Exception):
    """A note that `NotesChange.guard` names was changed since it was listed."""

    def __init__(self) -> None:
        super().__init__(MARK_CHANGED)


@dataclass(frozen=True)
class Selected:
    """A resource that the policy selected, its identity, and its notes as this run listed them."""

    resource: Resource
    identity: Identity
    notes: Notes


@dataclass(frozen=True)
class Fresh(Selected):
    """The same as it is now, past every cache; notes are read last: no other run's record is missed."""


@dataclass(frozen=True)
class NotesChange:
    """Notes to set and to remove (those named, of `of.notes`).

    `reserve` are notes for which there must be room later, `guard` names one that must still be as it was.
    """

    of: Selected
    put: Notes = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    reserve: Notes = field(default_factory=dict)
    guard: str | None = None


class Kind(ABC):
    """A resource kind, made once for a filter or an action of a policy, in the main thread.

    Tables by word (`unused-credentials`, `disable-unused`, ...): `options` further properties of its schema,
    `texts` the sentences of its documentation, `permissions` what the cloud must allow. `errors` fail one
    identity and not the run. A record of credentials may take `note_parts` notes. With
    `spares_privileged` the privileged are not even marked, unless `include-admins`.
    """

    resource: ClassVar[str]
    provider: ClassVar[str]
    plural: ClassVar[str]
    name_key: ClassVar[str]
    credential_kinds: ClassVar[tuple[str, ...]]
    sources: ClassVar[tuple[str, ...]]
    default_sources: ClassVar[tuple[str, ...]]
    options: ClassVar[Mapping[str, Mapping[str, Schema]]] = {}
    texts: ClassVar[Mapping[str, str]] = {}
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    errors: ClassVar[tuple[type[Exception], ...]]
    tag_schema: ClassVar[Schema] = {"type": "string", "minLength": 1, "maxLength": 128}
    message: ClassVar[str] = "Resource does not meet policy: {op}@{action_date}"
    source: ClassVar[str | None] = None
    batch_size: ClassVar[int] = 1
    note_parts: ClassVar[int] = 1
    spares_privileged: ClassVar[bool] = False

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Take what the policy asks for; a subclass makes its clients here."""
        self.manager = manager
        self.request = Request(manager, self.provider, self.default_sources, filter_data, action or {})

    @classmethod  # noqa: B027 (most need nothing)
    def adopt(cls, manager: Any) -> None:
        """Change how a policy with our words lists its resources."""

    @classmethod
    def permissions_for(cls, word: str, data: Mapping[str, Any]) -> tuple[str, ...]:
        """What the cloud must allow for a filter or action with these options."""
        return cls.permissions.get(word, ())

    @classmethod
    def problem(cls, word: str, data: Mapping[str, Any], policy: Mapping[str, Any]) -> str | None:
        """What is wrong with a filter's or action's own options, in a sentence."""
        return None

    @classmethod
    def note_problem(cls, text: str) -> str | None:
        """Why this text could not be kept as a mark."""
        return None

    def prepare(self, word: str) -> None:  # noqa: B027 (as above)
        """Read what the action needs, in the main thread; raises where it could not work."""

    @abstractmethod
    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """Every resource with what is known of it, from bulk calls; an error of the cloud is raised."""

    @abstractmethod
    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """Who a resource is, without its credentials."""

    @abstractmethod
    def notes(self, resource: Mapping[str, Any]) -> Notes:
        """Our notes, as this run listed or wrote them."""

    def name(self, resource: Mapping[str, Any]) -> str:
        """How people know the resource."""
        return str(resource[self.name_key])

    def item(self, resource: Mapping[str, Any]) -> Item | None:
        """The one credential that a resource stands for; None where it holds several."""
        return None

    def complete(self, selected: Sequence[Resource]) -> None:  # noqa: B027 (as above)
        """Add to the annotations of selected resources what is asked for them only."""

    def next_action(self, resource: Mapping[str, Any]) -> str | None:
        """What is to be done about a resource that we never touch."""
        return None

    def protected(self, resource: Mapping[str, Any]) -> str | None:
        """Why a resource is never touched (root, the caller, ...)."""
        return None

    @abstractmethod
    def current(self, selected: Selected) -> Fresh | None:
        """Status and notes as they are now, not judged; None when it is gone."""

    @abstractmethod
    def fresh(self, selected: Selected, now: datetime) -> Fresh | None:
        """Status, evidence, exemption and notes as they are now, to be judged; None when it is gone."""

    def recent(self, fresh: Fresh, credential: Credential, now: datetime) -> str | None:
        """A last objection by a source that may only veto."""
        return None

    def foreign(self, fresh: Fresh) -> str | None:
        """Why it is not ours to switch on, whatever our record says."""
        return None

    @abstractmethod
    def write_notes(self, changes: Sequence[NotesChange]) -> list[Exception | None]:
        """Change notes of at most `batch_size` identities; what failed for each (of `errors`, or guarded)."""

    def recorded_as(self, credential: Credential) -> Item:
        """What record and log call that which `switch_off` does to this credential."""
        return Item(credential.kind, credential.id)

    @abstractmethod
    def switch_off(self, fresh: Fresh, credential: Credential, now: datetime) -> str:
        """Switch one credential off; returns how to undo it. Idempotent."""

    @abstractmethod
    def switch_on(self, fresh: Fresh, item: Item) -> str | None:
        """Switch on what a record lists; returns why there was nothing to do. Idempotent."""

    @abstractmethod
    def caller(self) -> str:
        """The identity that acts, in the cloud's words."""

    @abstractmethod
    def endpoint(self) -> str:
        """The URL that changes are sent to."""

    @abstractmethod
    def forget(self) -> None:
        """Have the next policy of this run list again: identities were changed."""
