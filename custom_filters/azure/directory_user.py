"""The resource kind azure.directory-user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from c7n.utils import local_session

from custom_filters.azure.batch import LARGEST, Step, batch
from custom_filters.azure.client import shared_graph, shared_tenant
from custom_filters.azure.errors import GraphError, explained
from custom_filters.azure.exempt import get_exempt_groups, get_exempt_members, get_groups_of
from custom_filters.azure.identities import KINDS, SIGN_IN, SUCCESSFUL, Surroundings, transform_identity
from custom_filters.azure.notes import PARTS, change_notes_of, changed
from custom_filters.azure.owners import SOURCES, get_owners
from custom_filters.azure.roles import get_privileged
from custom_filters.azure.users import forget_listing, get_notes, get_user, shared_listing
from custom_filters.core.credential import Credential, Identity
from custom_filters.core.exemption import Exemption
from custom_filters.core.record import Item, RecordError
from custom_filters.core.vocabulary import (
    ANNOTATION,
    AZURE,
    DISABLE,
    ENABLE,
    FILTER,
    MARK,
    MARK_FILTER,
    UNMARK,
)
from custom_filters.custodian.kind import (
    Fresh,
    Kind,
    Notes,
    NotesChange,
    NotesChangedError,
    Resource,
    Schema,
    Selected,
)
from custom_filters.custodian.store import forget, shared

#: What becomes of users whom Entra only mirrors.
AT_THE_SOURCE = "disable at the source (on-premises)"
_READ = ("AuditLog.Read.All", "User.Read.All")
_SURROUNDINGS = ("GroupMember.Read.All", "RoleManagement.Read.Directory")
_WRITE = "User.ReadWrite.All"
_ENABLE = "User.EnableDisableAccount.All"


class DirectoryUser(Kind):
    """Entra users: one credential, the sign-in; notes are an open extension, off is accountEnabled: false."""

    resource = "azure.directory-user"
    provider = AZURE
    plural = "Entra users"
    name_key = "userPrincipalName"
    credential_kinds = KINDS
    sources = (SIGN_IN, SUCCESSFUL)
    default_sources = (SIGN_IN,)
    errors = (GraphError, RecordError)
    batch_size = LARGEST
    note_parts = PARTS
    #: The name of a note stands before the first `=` in our extension.
    tag_schema: ClassVar[Schema] = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[^=]+$"}
    options: ClassVar[Mapping[str, Mapping[str, Schema]]] = {
        FILTER: {
            "owner": {"type": "array", "items": {"enum": list(SOURCES)}, "minItems": 1, "uniqueItems": True}
        }
    }
    texts: ClassVar[Mapping[str, str]] = {
        FILTER: "The newest of the three dates of signInActivity decides; with `evidence: [successful]` only "
        "successful sign-ins count. `exempt-tag` names a group, by object id or display name, whose members "
        "are exempt. `owner: [manager, sponsor]` asks, for the users that are selected, who is responsible "
        "for them. Sign-in activity needs Entra ID P1 or P2, and is up to a day late.",
        MARK: "It is kept in an open extension on the user, which needs no set-up.",
        DISABLE: "accountEnabled becomes false, and sessions end. The caller and users that are mastered "
        "on-premises are left alone; a role counts that is active, eligible, or held by a group.",
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        FILTER: (*_READ, *_SURROUNDINGS),
        MARK_FILTER: _READ,
        MARK: (*_READ, *_SURROUNDINGS, _WRITE),
        UNMARK: (*_READ, _WRITE),
        DISABLE: (*_READ, *_SURROUNDINGS, _ENABLE, _WRITE, "User.RevokeSessions.All"),
        ENABLE: (*_READ, _ENABLE, _WRITE),
    }

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Take client and tenant in this thread, whose session holds them."""
        super().__init__(manager, filter_data, action)
        self.graph, self.tenant = shared_graph(manager), shared_tenant(manager)
        self._group: str | None = self.request.filter.get("exempt-tag")
        self._exempt_groups: frozenset[str] = frozenset()
        self._me: str | None = None

    def prepare(self, word: str) -> None:
        """Before a change roles and the exempt group are read again, whatever was read before in this run."""
        if word not in {MARK, DISABLE}:
            return
        for key in (self._roles_key(), self._members_key()):
            forget(local_session(self.manager.session_factory), key)
        self._me = self.graph.token.claims().get("oid")
        if self._group:
            self._exempt_groups = get_exempt_groups(self.graph, self._group)

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """From the listing, the roles and the exempt group."""
        self._privileged = self._shared(self._roles_key(), lambda: get_privileged(self.graph))
        members = self._members()
        for resource in resources:
            exempt = resource["id"] in members
            yield resource, self._judged(resource, self.notes(resource), exempt=exempt, now=now)

    def _judged(self, user: Mapping[str, Any], notes: Notes, *, exempt: bool, now: datetime) -> Identity:
        key, name = user["id"], user["userPrincipalName"]
        surroundings = Surroundings(
            tenant=self.tenant,
            notes=notes,
            privileged=None if self._privileged is None else key in self._privileged,
            exemption=self._exemption(name, key, member=exempt, now=now),
            successful=self.request.evidence == (SUCCESSFUL,),
            now=now,
        )
        return transform_identity(user, surroundings)

    def _exemption(self, name: str, key: str, *, member: bool, now: datetime) -> Exemption | None:
        """By the file first; then, for a `member` of the exempt group, by that."""
        tags = {self._group: f"member of the group {self._group}"} if member and self._group else {}
        return self.request.exemption(self.tenant, name, key, tags, now)

    def _members(self) -> frozenset[str]:
        group = self._group
        if group is None:
            return frozenset()
        found: frozenset[str] = self._shared(
            self._members_key(), lambda: get_exempt_members(self.graph, group)
        )
        return found

    def _shared(self, key: tuple[str | None, ...], load: Any) -> Any:
        return shared(local_session(self.manager.session_factory), key, load)

    def _roles_key(self) -> tuple[str | None, ...]:
        return ("entra-privileged", self.tenant)

    def _members_key(self) -> tuple[str | None, ...]:
        return ("entra-exempt", self.tenant, self._group)

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """By name and object id."""
        return Identity(AZURE, self.tenant, resource["userPrincipalName"], resource["id"], ())

    def notes(self, resource: Mapping[str, Any]) -> Notes:
        """From our extension, as this run listed it."""
        return shared_listing(self.manager).notes.get(resource["id"], {})

    def item(self, resource: Mapping[str, Any]) -> Item:
        """The sign-in."""
        return Item(SIGN_IN, SIGN_IN)

    def complete(self, selected: Sequence[Resource]) -> None:
        """Owners are read for the selected users only."""
        sources = self.request.filter.get("owner", ())
        if not sources or not selected:
            return
        owners = get_owners(self.graph, [r["id"] for r in selected], sources)
        for resource in selected:
            owner, source = owners[resource["id"]]
            resource[ANNOTATION].update(owner=owner, owner_source=source)

    def next_action(self, resource: Mapping[str, Any]) -> str | None:
        """Entra only mirrors synced users."""
        return AT_THE_SOURCE if resource.get("onPremisesSyncEnabled") else None

    def protected(self, resource: Mapping[str, Any]) -> str | None:
        """Who acts, and synced users."""
        if resource["id"] == self._me:
            return "it is the identity that runs this policy"
        if resource.get("onPremisesSyncEnabled"):
            return f"{AT_THE_SOURCE}: Entra only mirrors this user"
        return None

    def current(self, selected: Selected) -> Fresh | None:
        """Our notes; accountEnabled is set whatever it is."""
        notes = get_notes(self.graph, selected.identity.id)
        return None if notes is None else Fresh(selected.resource, selected.identity, notes)

    def fresh(self, selected: Selected, now: datetime) -> Fresh | None:
        """The user with its activity first and our notes after it."""
        key = selected.identity.id
        found = get_user(self.graph, key)
        if found is None:
            return None
        user, notes = found
        exempt = bool(self._exempt_groups) and not self._exempt_groups.isdisjoint(
            get_groups_of(self.graph, key)
        )
        return Fresh(user, self._judged(user, notes, exempt=exempt, now=now), notes)

    def write_notes(self, changes: Sequence[NotesChange]) -> list[Exception | None]:
        """Several users by one request that reads and one that writes."""
        wanted = [(change.of.identity.id, _checked(change)) for change in changes]
        return change_notes_of(self.graph, wanted, (*self.errors, NotesChangedError))

    def switch_off(self, fresh: Fresh, credential: Credential, now: datetime) -> str:
        """Disable the account, then end its sessions: the second only if the first succeeds."""
        user = f"/users/{fresh.identity.id}"
        self._send(
            Step("PATCH", user, {"accountEnabled": False}),
            Step("POST", f"{user}/revokeSignInSessions", {}, after=0),
        )
        return f"c7n-unused restore: set accountEnabled of {fresh.identity.name} to true"

    def switch_on(self, fresh: Fresh, item: Item) -> None:
        """Enable the account."""
        self._send(Step("PATCH", f"/users/{fresh.identity.id}", {"accountEnabled": True}))

    def _send(self, *steps: Step) -> None:
        for result in batch(self.graph, steps):
            if isinstance(result, GraphError):
                raise explained(result)

    def caller(self) -> str:
        """Who acts: a user's name, or the app and its service principal."""
        claims = self.graph.token.claims()
        return str(claims.get("upn") or f"app {claims.get('appid')} (principal {claims.get('oid')})")

    def endpoint(self) -> str:
        """Graph's URL."""
        return self.graph.endpoint

    def forget(self) -> None:
        """List the tenant again."""
        forget_listing(self.manager)


def _checked(change: NotesChange) -> Any:
    def after(now: Notes) -> Notes:
        if change.guard and now.get(change.guard) != change.of.notes.get(change.guard):
            raise NotesChangedError
        return changed(now, change.put, change.drop)

    return after
