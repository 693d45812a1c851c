"""What our actions do on Google to one user, service account or key: read afresh, note, switch."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from custom_filters.core.credential import Credential
from custom_filters.core.record import Item, Record, RecordError, pack, record_in_tags
from custom_filters.core.retire import Fresh, Hands, Target
from custom_filters.custodian.markers import RECORD_TAG, marked_tag
from custom_filters.gcp import schema
from custom_filters.gcp.accounts import ACCOUNTS, KEYS, PARENT, get_account
from custom_filters.gcp.client import Api, Client, Json, found_or_none, shared_client
from custom_filters.gcp.description import Description, parse_description
from custom_filters.gcp.directory import USERS_READ, get_user, shared_projection
from custom_filters.gcp.errors import GoogleError
from custom_filters.gcp.filters import Reader
from custom_filters.gcp.principals import key_id, tags_of

USERS_WRITE = Api("admin", "directory_v1", "users", "admin.directory.user")
#: What fails one resource and not the run.
ERRORS: tuple[type[Exception], ...] = (GoogleError, RecordError)
_TEXT = 256
_ATTEMPTS = 8
_ADMIN = "ADMIN"
_CONFLICT = 409


@dataclass(frozen=True)
class GoogleHands(Hands):
    """One resource, `listed` as this run listed it, lent to `core.retire`; a subclass knows its API.

    `read` judges it by fresh evidence; None where nothing is judged.
    """

    listed: Json
    tag: str
    read: Reader | None

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What Google answers, and notes that do not fit."""
        return ERRORS

    def fresh(self, target: Target) -> Fresh | None:
        """Status and notes in one read, then the evidence."""
        found = self.get()
        if found is None or self.read is None:
            return None
        tags = self.tags(found)
        return Fresh(
            identity=self.read(found, self.listed),
            mark=tags.get(self.tag),
            marked=record_in_tags(tags, marked_tag(self.tag)),
            record=record_in_tags(tags, RECORD_TAG),
        )

    def veto(self, fresh: Fresh, credential: Credential) -> str | None:
        """No source that may only veto is asked in the end: Monitoring is among the evidence."""
        return None

    def mark(self, text: str, record: Record) -> None:
        """The mark and what it is about, in one write; RecordError when a later record would not fit too."""
        changes = {self.tag: text, marked_tag(self.tag): packed(record)}
        self.check_room({**changes, RECORD_TAG: packed(Record(record.at, record.items))})
        self.write(changes)

    def write_record(self, fresh: Fresh, record: Record) -> None:
        """One write, before the change."""
        self.write({RECORD_TAG: packed(record)})

    def unmark(self, fresh: Fresh, keep: Record | None) -> None:
        """Take the mark off; there is one credential, so with `keep` it stands."""
        if keep is None:
            self.write({self.tag: None, marked_tag(self.tag): None})

    def switch_off(self, fresh: Fresh, credential: Credential) -> str:
        """Switch the one credential off."""
        self.switch(on=False)
        return f"c7n-unused restore: enable-unused switches {credential.kind} on again"

    def recorded_as(self, credential: Credential) -> Item:
        """By its own name."""
        return Item(credential.kind, credential.id)

    def problem_with_restoring(self, found: Mapping[str, Any]) -> str | None:
        """Why it is not ours to switch on, whatever our record says."""
        return None

    @abstractmethod
    def get(self) -> Json | None:
        """The resource as it is now; None when it is gone."""

    @abstractmethod
    def tags(self, found: Mapping[str, Any]) -> dict[str, str]:
        """Our notes on it."""

    @abstractmethod
    def write(self, changes: Mapping[str, str | None]) -> None:
        """Set notes; None removes one."""

    @abstractmethod
    def switch(self, *, on: bool) -> None:
        """Switch it on or off; idempotent."""

    def check_room(self, changes: Mapping[str, str | None]) -> None:
        """RecordError when these notes would not fit."""


def packed(record: Record) -> str:
    """A record of the one credential."""
    return pack(record, limit=_TEXT, parts=1)[0]


@dataclass(frozen=True)
class Users:
    """Clients for gcp.directory-user, shared by the hands of a run."""

    read: Client
    write: Client
    projection: Mapping[str, str]


def users_of(manager: Any) -> Users:
    """To be made in the main thread."""
    return Users(
        shared_client(manager, USERS_READ), shared_client(manager, USERS_WRITE), shared_projection(manager)
    )


@dataclass(frozen=True)
class UserHands(GoogleHands):
    """A user: notes are fields of our custom schema, off is suspended."""

    users: Users

    def get(self) -> Json | None:
        """users.get."""
        return get_user(self.users.read, self.listed["id"], self.users.projection)

    def tags(self, found: Mapping[str, Any]) -> dict[str, str]:
        """From the custom schema."""
        return schema.tags_of(found)

    def write(self, changes: Mapping[str, str | None]) -> None:
        """users.patch of the named fields only."""
        self.users.write.call("patch", userKey=self.listed["id"], body=schema.body_of(changes))

    def switch(self, *, on: bool) -> None:
        """users.patch; Google ends a suspended user's sessions itself."""
        self.users.write.call("patch", userKey=self.listed["id"], body={"suspended": not on})

    def problem_with_restoring(self, found: Mapping[str, Any]) -> str | None:
        """Whom Google suspended meanwhile, for abuse or the like, we do not bring back."""
        reason = found.get("suspensionReason", _ADMIN)
        if found.get("suspended") and reason != _ADMIN:
            return f"Google itself suspended the user ({reason}); clear that in the Admin console first"
        return None


@dataclass(frozen=True)
class Accounts:
    """Clients for service accounts and keys; one runner's writes to a description take turns."""

    accounts: Client
    keys: Client
    locks: defaultdict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))


def accounts_of(manager: Any) -> Accounts:
    """To be made in the main thread."""
    return Accounts(shared_client(manager, ACCOUNTS), shared_client(manager, KEYS))


@dataclass(frozen=True)
class AccountHands(GoogleHands):
    """A service account, or one of its keys: notes stand in the account's description."""

    api: Accounts
    written: dict[str, str | None] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account's resource name."""
        return str(self.listed.get(PARENT, self.listed)["name"])

    @property
    def key(self) -> str:
        """The key's id, "" for the account itself."""
        return key_id(self.listed) if PARENT in self.listed else ""

    def get(self) -> Json | None:
        """The account, or the key with its account."""
        account = get_account(self.api.accounts, self.account)
        if account is None or not self.key:
            return account
        key = found_or_none(lambda: self.api.keys.call("get", name=self.listed["name"]))
        return {**key, PARENT: account} if key else None

    def tags(self, found: Mapping[str, Any]) -> dict[str, str]:
        """From the description."""
        return tags_of(found)

    def check_room(self, changes: Mapping[str, str | None]) -> None:
        """Google allows 256 bytes, the owner's text included."""
        self._description().changed(self.key, changes).render()

    def _description(self) -> Description:
        account = get_account(self.api.accounts, self.account)
        if account is None:
            raise RecordError("the service account is gone")
        return parse_description(account.get("description", ""))

    def write(self, changes: Mapping[str, str | None]) -> None:
        """Read, change, write and read again: the API keeps nobody from overwriting another's description.

        What this run noted before is noted again, should somebody have overwritten it.
        """
        self.written.update(changes)
        with self.api.locks[self.account]:
            for _ in range(_ATTEMPTS):
                present = self._description()
                wanted = present.changed(self.key, self.written)
                if wanted.notes == present.notes:
                    return
                self._patch(wanted.render())
        raise RecordError("its description is being changed by somebody else; run again")

    def _patch(self, description: str) -> None:
        body = {"serviceAccount": {"description": description}, "updateMask": "description"}
        try:
            self.api.accounts.call("patch", name=self.account, body=body)
        except GoogleError as error:
            if error.status != _CONFLICT:  # which the next attempt sees
                raise

    def switch(self, *, on: bool) -> None:
        """Enable or disable the account or the key; nothing is ever deleted."""
        client = self.api.keys if self.key else self.api.accounts
        client.call("enable" if on else "disable", name=self.listed["name"], body={})
