"""What service accounts and their keys share: evidence by project, notes in the account's description."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence, Unknown, Used
from custom_filters.core.notes import Item
from custom_filters.core.notes_writing import NotesChangedError, NotesError, Place
from custom_filters.core.vocabulary import (
    DISABLE,
    ENABLE,
    FILTER,
    GCP,
    MARK,
    MARK_FILTER,
    RECORD_FILTER,
    RETIRE,
    UNMARK,
)
from custom_filters.custodian import clock
from custom_filters.custodian.selected import Fresh, Notes, NotesChange, Resource, Selected
from custom_filters.gcp import accounts as iam
from custom_filters.gcp import activity as used
from custom_filters.gcp.accounts import PARENT
from custom_filters.gcp.bound_keys import BoundKeys
from custom_filters.gcp.client import Json, project_of, shared_client, shared_login
from custom_filters.gcp.description import parse_description
from custom_filters.gcp.google_kind import UNDO, GoogleKind, Reader
from custom_filters.gcp.principals import (
    KEY,
    ProjectAccess,
    built_in_exemption,
    description_of,
    key_id,
)
from custom_filters.gcp.roles import Holders, shared_holders

_READ = (
    "iam.serviceAccounts.list",
    "resourcemanager.projects.getIamPolicy",
    "monitoring.timeSeries.list",
)
_WRITE = (
    "iam.serviceAccounts.get",
    "iam.serviceAccounts.list",
    "iam.serviceAccounts.update",
    "iam.serviceAccountKeys.list",
)
#: Where a resource that was read again holds the ids of the account's keys.
KEY_IDS = "c7n:key-ids"
_CHANGED = "its description was changed meanwhile by somebody else"
#: Rows of Policy Analyzer and dates of Monitoring, by what they name.
Seen = tuple[Mapping[used.RowKey, Json] | Unknown, Mapping[str, datetime] | Unknown]


def permissions(
    collection: str, read: tuple[str, ...], write: tuple[str, ...] = ()
) -> dict[str, tuple[str, ...]]:
    """IAM permissions by word, for accounts or keys; `read` and `write` are what these need beyond both."""
    changing = (*_WRITE, *write)
    return {
        **dict.fromkeys((FILTER, MARK_FILTER, RECORD_FILTER), (*_READ, *read)),
        **dict.fromkeys((MARK, UNMARK, RETIRE), changing),
        DISABLE: (*changing, f"iam.{collection}.disable"),
        ENABLE: (*changing, f"iam.{collection}.enable"),
    }


class AccountKind(GoogleKind):
    """A service account, or one of its keys; `activity` tells how Google names what it does."""

    name_key = "name"
    sources = (used.ANALYZER, used.MONITORING)
    default_sources = sources
    texts: ClassVar[Mapping[str, str]] = {
        DISABLE: "Nothing is ever deleted. The last three days are asked of Monitoring to the minute. "
        "Google's default service accounts and our own are left alone; accounts are protected that are "
        "owner, administer IAM or projects, hold an administrator role of Workspace (asked where "
        "GOOGLE_WORKSPACE_SUBJECT is set), or have a custom role.",
    }
    activity: ClassVar[used.Activity]

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Make the clients in this thread."""
        super().__init__(manager, filter_data, action)
        self.accounts, self.keys = shared_client(manager, iam.ACCOUNTS), shared_client(manager, iam.KEYS)
        self._access = ProjectAccess(shared_login(manager), {}, Holders(), BoundKeys({}))

    @classmethod
    def adopt(cls, manager: Any) -> None:
        """The policy's resources come from our listing, which is complete or an error."""
        iam.take_over(manager)

    def prepare(self, word: str) -> None:
        """Accounts that we mark, unmark or disable are read and judged again."""
        self._series = shared_client(self.manager, used.SERIES)
        if word not in {ENABLE, RETIRE}:
            self._access = self.access()
            self.read_again = self._reader(clock.now())

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """From calls for the whole project."""
        self._access = self.access()
        seen = self._seen(now)
        for resource in resources:
            yield resource, self._judged(resource, seen, now)

    def access(self) -> ProjectAccess:
        """Roles in the project and, before anybody is touched, in Workspace where we speak for a user."""
        login = shared_login(self.manager)
        asked = self.manager.data.get("actions") and login.subject
        holders = shared_holders(self.manager) if asked else Holders()
        return ProjectAccess(login, iam.shared_roles(self.manager), holders, BoundKeys({}))

    def _judged(self, resource: Mapping[str, Any], seen: Seen, now: datetime) -> Identity:
        """The identity of one resource, with its exemption; built-in ones come first."""
        account = resource.get(PARENT, resource)
        identity = self.transform(resource, tuple(self._evidence(resource, seen, now)), now)
        named = self.request.exemption(
            identity.account, identity.name, identity.id, description_of(account).notes, now
        )
        return replace(identity, exemption=built_in_exemption(account, self._access.login) or named)

    def _seen(self, now: datetime) -> Seen:
        """The project's activity, of the sources that are asked for, read once a run."""
        asked = self.request.evidence
        rows = used.shared_rows(self.manager, self.activity) if used.ANALYZER in asked else {}
        dates = used.shared_seen(self.manager, self.activity, now) if used.MONITORING in asked else {}
        return rows, dates

    def _evidence(self, resource: Mapping[str, Any], seen: Seen, now: datetime) -> Iterator[Evidence]:
        rows, dates = seen
        key, label, born = self.names(resource)
        if used.ANALYZER in self.request.evidence:
            row = rows if isinstance(rows, Unknown) else rows.get(key)
            yield used.analyzer_evidence(row, born, now, self.request.rules.days)
        if used.MONITORING in self.request.evidence:
            yield used.monitoring_evidence(dates, label, now)

    def _reader(self, now: datetime) -> Reader:
        """Reads one resource's evidence again, past every cache. To be made in the main thread."""
        manager, project = self.manager, project_of(self.manager)
        analyzer, monitoring = shared_client(manager, used.ACTIVITIES), shared_client(manager, used.SERIES)
        of, (known, dates) = self.activity, self._seen(now)
        asked = used.MONITORING in self.request.evidence and not isinstance(dates, Unknown)

        def read(found: Json, listed: Mapping[str, Any]) -> Identity:
            key, label, _ = self.names(found)
            rows, seen = known, dates
            if not isinstance(known, Unknown):
                named = known.get(key, {}).get("fullResourceName")
                rows = used.get_rows(analyzer, project, of, named) if named else {}
            if asked:
                seen = used.get_seen(monitoring, project, of, now, label)
            return self._judged(found, (rows, seen), now)

        return read

    @abstractmethod
    def names(self, resource: Mapping[str, Any]) -> tuple[used.RowKey, str, datetime | None]:
        """What Policy Analyzer and Monitoring call the resource, and its birth if Google tells."""

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """The account, by address and unique id."""
        account = resource.get(PARENT, resource)
        return Identity(GCP, account["projectId"], account["email"], account["uniqueId"], ())

    def notes(self, resource: Mapping[str, Any]) -> Notes:
        """From the account's description."""
        return description_of(resource).notes

    def place(self, of: Selected) -> Place:
        """256 bytes, of which the owner's text has its part; accounts and their keys share it."""
        return description_of(of.resource).place(self.key_ids(of.resource))

    def key_ids(self, resource: Mapping[str, Any]) -> frozenset[str]:
        """The ids of all keys of the account, as far as they matter for its notes."""
        return frozenset(resource.get(KEY_IDS, ()))

    def get(self, resource: Mapping[str, Any]) -> Json | None:
        """The resource as it is now; None when it is gone, or another of that name stands in its place."""
        account = resource.get(PARENT, resource)
        found = iam.get_account(self.accounts, account["name"])
        if found is None or found["uniqueId"] != account["uniqueId"]:
            return None
        if KEY not in found.get("description", ""):
            return found
        return {**found, KEY_IDS: [key_id(key) for key in iam.get_keys_of(self.keys, found)]}

    def seen_since(self, fresh: Fresh, since: datetime, now: datetime) -> Used | None:
        """What Monitoring saw in the last days."""
        _, label, _ = self.names(fresh.resource)
        project = fresh.identity.account
        seen = used.get_last_hours(self._series, project, self.activity, now, label)
        return Used(seen[label], used.MONITORING, observed_at=now, covers=False) if label in seen else None

    def account_of(self, name: str, key: str | None) -> Json | None:
        """The account with this unique id, or address; None when it is gone."""
        path = f"projects/{project_of(self.manager)}/serviceAccounts/{key or name}"
        return iam.get_account(self.accounts, path)

    def untouchable(self, of: Selected) -> str | None:
        """Nobody is touched whose roles are not known."""
        return self._access.unread()

    def protected(self, of: Selected) -> str | None:
        """Who may change what others may do."""
        privileged = self._access.privileged(of.resource.get(PARENT, of.resource))
        if privileged is None:
            return "protected: it has a custom role, which may administer IAM or projects"
        return "protected: it administers IAM, projects or Workspace" if privileged else None

    def write_one(self, change: NotesChange) -> None:
        """Into the description as it is at that moment, so that the owner's edits are kept.

        What this run wrote before wins over what is read, since reads lag. Raises NotesChangedError when the
        notes are not those that were read before: somebody changed them, or that read lagged a write.
        """
        if not change.texts:
            return
        name = change.of.resource.get(PARENT, change.of.resource)["name"]
        found = iam.get_account(self.accounts, name)
        if found is None:
            raise NotesError("the service account is gone")
        present = parse_description(found.get("description", ""))
        ours = self.written.get((self.provider, change.of.principal))
        if ours is None and _lasting(present.notes) != _lasting(change.of.notes or {}):
            raise NotesChangedError(_CHANGED)
        body = {"description": present.changed(ours or {}).changed(change.texts).render()}
        self.accounts.call("patch", name=name, body={"serviceAccount": body, "updateMask": "description"})

    def switch_off(self, fresh: Fresh, item: Item, now: datetime) -> str:
        """Disable it."""
        self._switch(fresh, "disable")
        return UNDO

    def switch_on(self, fresh: Fresh, item: Item) -> None:
        """Enable it."""
        self._switch(fresh, "enable")

    def _switch(self, fresh: Fresh, verb: str) -> None:
        client = self.keys if PARENT in fresh.resource else self.accounts
        client.call(verb, name=fresh.resource["name"], body={})

    def account(self) -> str:
        """The project."""
        return project_of(self.manager)

    def endpoint(self) -> str:
        """Where changes are sent."""
        return "https://iam.googleapis.com"

    def forget(self) -> None:
        """List the project again."""
        iam.forget_accounts(self.manager)


def _lasting(notes: Notes) -> dict[str, str]:
    return {name: text for name, text in notes.items() if text}
