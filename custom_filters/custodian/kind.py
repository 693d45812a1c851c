"""The interface that a resource kind implements: what is listed, how it is judged, how it is changed.

One class in a file of its own (`aws/iam_user.py`); filters and actions are written once over it. Notes
are short texts by name that we keep on an identity in the cloud: the mark, and the record beside it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from c7n.utils import local_session

from custom_filters.core.credential import Identity
from custom_filters.core.lifecycle_states import Recent
from custom_filters.core.notes import Item
from custom_filters.core.notes_writing import Place
from custom_filters.custodian.request import Request
from custom_filters.custodian.selected import Fresh, Notes, NotesChange, Resource, Schema, Selected, Written
from custom_filters.custodian.store import written_notes


class Kind(ABC):
    """A resource kind, made once for a filter or an action of a policy, in the main thread.

    By word (`unused-credentials`, `disable-unused`, ...): `options` of its schema, `texts` of its
    documentation, `permissions` that the cloud must allow. `errors` fail one identity and not the run. Of
    credential kinds in `slots` a listing knows no ids. `atomic`: notes and switch go into one request.
    `sees_more`: `recent` knows use that no other source ever tells, so that marking asks it too, or the same
    identity would be marked again and again.
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
    source: ClassVar[str | None] = None
    batch_size: int = 1
    atomic: ClassVar[bool] = False
    sees_more: ClassVar[bool] = False
    slots: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Take what the policy asks for; a subclass makes its clients here."""
        self.manager = manager
        self.request = Request(manager, self.provider, self.default_sources, filter_data, action or {})
        #: Texts of the notes that this run wrote, by provider and principal.
        self.written = written_notes(local_session(manager.session_factory))

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
        """Read what the action needs; raises where it could not work, as without a place for notes."""

    # Reading

    @abstractmethod
    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """Every resource with what is known of it, from bulk calls; an error of the cloud is raised."""

    @abstractmethod
    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """Who a resource is, without its credentials."""

    @abstractmethod
    def notes(self, resource: Mapping[str, Any]) -> Notes | None:
        """The texts of our notes by name, as this run listed them; None where there is no place for them."""

    @abstractmethod
    def place(self, of: Selected) -> Place:
        """What there is room for in the notes of this identity."""

    @abstractmethod
    def find(self, name: str, key: str | None) -> Resource | None:
        """A resource by single reads, without a listing: by `key` (its id) where it is known; None: gone."""

    def exists(self, name: str) -> bool:
        """Whether anything of the account has this name or id, so that an exemption of it is not misspelt."""
        return self.find(name, None) is not None or self.find(name, name) is not None

    def find_all(self, name: str, key: str | None) -> list[Resource]:
        """All resources of a principal; several where each stands for one of its credentials."""
        found = self.find(name, key)
        return [] if found is None else [found]

    @abstractmethod
    def current(self, of: Selected) -> Fresh | None:
        """Credentials with their status, and notes, as they are now, not judged; None when it is gone."""

    @abstractmethod
    def fresh(self, of: Selected, now: datetime) -> Fresh | None:
        """Status, evidence, exemption and notes as they are now, to be judged; None when it is gone."""

    def noted(self, of: Selected, now: datetime) -> Selected | None:
        """The identity that a note is decided on: `fresh`, or as listed where many are written at once."""
        return of if self.batch_size > 1 else self.fresh(of, now)

    def recent(self, fresh: Fresh, since: datetime, now: datetime) -> tuple[Identity, Recent]:
        """The identity with the use since then that the source saw which knows the last hours (`with_use`).

        It only vetoes (`covers=False`). One of `errors` that is raised means that it failed this time.
        """
        return fresh.identity, Recent("unavailable", "there is no such source")

    def changed_by(self, fresh: Fresh, since: Mapping[Item, datetime], now: datetime) -> Mapping[Item, str]:
        """What shows that others changed a credential since we switched it off, a sentence each."""
        return {}

    def final(self, of: Selected) -> Mapping[Item, str]:
        """Credentials that cannot be switched on again once they are off, and what to do instead."""
        return {}

    def untouchable(self, of: Selected) -> str | None:
        """Why an identity is never touched; asked after `identities` by a filter, `prepare` by an action."""
        return None

    def locked(self, of: Selected) -> bool:
        """Whether the cloud refuses us every change to it, even that of notes."""
        return False

    def protected(self, of: Selected) -> str | None:
        """Why an identity is only touched with `include-admins`."""
        return None

    def item(self, resource: Mapping[str, Any]) -> Item | None:
        """The one credential that a resource stands for; None where it holds several."""
        return None

    def complete(self, selected: Sequence[Resource]) -> None:  # noqa: B027 (as above)
        """Add to the annotations of selected resources what is asked for them only."""

    def next_action(self, resource: Mapping[str, Any]) -> str | None:
        """What is to be done about a resource that we never touch."""
        return None

    # Writing

    @abstractmethod
    def write(self, changes: Sequence[NotesChange]) -> list[Written]:
        """Change at most `batch_size` identities, each in one request; an error is one of `errors`."""

    def switch_off(self, fresh: Fresh, item: Item, now: datetime) -> str:
        """Switch one credential off; returns how to undo it. Idempotent. Not called of an `atomic` kind."""
        raise NotImplementedError

    def switch_on(self, fresh: Fresh, item: Item) -> None:
        """Switch one credential on. Idempotent. Not called of an `atomic` kind."""
        raise NotImplementedError

    def unfinished(self, of: Selected) -> bool:
        """Whether an earlier run switched it off and could not do all that goes with it."""
        return False

    def finish(self) -> list[str]:
        """Do what earlier runs left `unfinished`, of everybody; a sentence for each failure."""
        return []

    # About the run

    @abstractmethod
    def account(self) -> str:
        """The account, tenant, customer or project, as in findings."""

    @abstractmethod
    def caller(self) -> str:
        """The identity that acts, in the cloud's words."""

    @abstractmethod
    def endpoint(self) -> str:
        """The URL that changes are sent to."""

    @abstractmethod
    def forget(self) -> None:
        """Have the next policy of this run list again: identities were changed."""
