"""The resource kind azure.directory-user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from c7n.exceptions import PolicyExecutionError

from custom_filters.azure import listing, mailboxes, notes, owners, roles, users, writing
from custom_filters.azure.batch import LARGEST
from custom_filters.azure.client import shared_graph, shared_tenant
from custom_filters.azure.errors import GraphError, found_or_none
from custom_filters.azure.identities import (
    KINDS,
    NOT_ASKED,
    NOT_GRANTED,
    SIGN_IN,
    SUCCESSFUL,
    Surroundings,
    status_of,
    transform_identity,
    unreadable,
)
from custom_filters.azure.listing import drop, in_store
from custom_filters.azure.logs import SIGN_IN_LOGS, LastHours, changed_since
from custom_filters.azure.permissions import AUDIT_LOG, ENABLE, GROUPS, REVOKE, ROLES, USER_READ, USER_WRITE
from custom_filters.core import vocabulary as words
from custom_filters.core.credential import Identity
from custom_filters.core.exemption import Exemption
from custom_filters.core.lifecycle_states import Recent
from custom_filters.core.notes import Item
from custom_filters.core.notes_writing import Place
from custom_filters.core.times import read_optional
from custom_filters.custodian import clock
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.selected import Fresh, Notes, NotesChange, Resource, Schema, Selected, Written

#: What to do about users that Entra only mirrors, or that only a unit's administrators may change.
AT_THE_SOURCE = "disable at the source (on-premises)"
IN_ITS_UNIT = "have it disabled by an administrator of its restricted management unit"
_READ = (AUDIT_LOG, USER_READ)
_SURROUNDINGS = (GROUPS, ROLES)


class DirectoryUser(Kind):
    """Entra users: one credential, the sign-in; off is accountEnabled: false, in one PATCH with the notes."""

    resource = "azure.directory-user"
    provider = words.AZURE
    plural = "Entra users"
    name_key = "userPrincipalName"
    credential_kinds = KINDS
    sources = (SIGN_IN, SUCCESSFUL)
    default_sources = (SIGN_IN,)
    errors = (GraphError,)
    batch_size: int = LARGEST
    atomic = True
    tag_schema: ClassVar[Schema] = {"type": "string", "maxLength": 60, "pattern": notes.TAG_PATTERN}
    options: ClassVar[Mapping[str, Mapping[str, Schema]]] = {
        words.FILTER: {
            "owner": {
                "type": "array",
                "items": {"enum": list(owners.SOURCES)},
                "minItems": 1,
                "uniqueItems": True,
            }
        }
    }
    texts: ClassVar[Mapping[str, str]] = {
        words.FILTER: "The newest of the three dates of signInActivity decides; with `evidence: "
        "[successful]` only successful sign-ins count. Missing activity is `never-used` only where nothing "
        "says that it was left out. `exempt-tag` names a group, by object id or display name, whose "
        "members are exempt. `owner: [manager, sponsor]` asks, for the users that are selected, who is "
        "responsible for them. "
        "Sign-in activity needs Entra ID P1 or P2, and is up to a day late. Users that are synced from "
        "on-premises, and shared mailboxes, are `unknown` unless they are active.",
        words.MARK: "It is kept in directory extension properties, which `c7n-unused setup -p azure` makes.",
        words.DISABLE: "accountEnabled becomes false, and sessions end. The last hours are those of the "
        "sign-in log, and of the audit log for accounts that somebody enabled. The caller, synced users, "
        "mailboxes and users in a restricted management unit are left alone; a role counts that is active, "
        "eligible, or held by a group.",
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **dict.fromkeys(words.OUR_FILTERS, (*_READ, *_SURROUNDINGS)),
        **dict.fromkeys((words.MARK, words.UNMARK), (*_READ, *_SURROUNDINGS, USER_WRITE)),
        words.DISABLE: (*_READ, *_SURROUNDINGS, ENABLE, USER_WRITE, REVOKE),
        words.ENABLE: (*_READ, ENABLE, USER_WRITE),
        words.RETIRE: (*_READ, USER_WRITE),
    }

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Take client and tenant in this thread, whose session holds them."""
        super().__init__(manager, filter_data, action)
        self.graph, self.tenant = shared_graph(manager), shared_tenant(manager)
        self._me = self.graph.token.claims().get("oid")
        self._group: str | None = self.request.filter.get("exempt-tag")
        self._exempt_groups: frozenset[str] = frozenset()
        self._privileged: frozenset[str] | None = None
        self._last_hours: LastHours | None = None
        self._unsure: Mapping[str, str] = {}
        self._purposes: dict[str, Any] = in_store(manager, ("entra-purposes",), dict)

    @cached_property
    def properties(self) -> notes.Properties | None:
        """What notes are kept in; first asked for in the main thread."""
        return listing.shared_properties(self.manager)

    @classmethod
    def note_problem(cls, text: str) -> str | None:
        """A property holds so many characters."""
        fits = len(text) <= notes.LONGEST_TEXT
        return (
            None if fits else f"the mark would have {len(text)} characters; Entra keeps {notes.LONGEST_TEXT}"
        )

    def prepare(self, word: str) -> None:
        """Before a change roles and the exempt group are read again, whatever was read before in this run."""
        if self.properties is None and word in {words.MARK, words.DISABLE}:
            raise PolicyExecutionError(f"{notes.SET_UP}: nothing was changed")
        if word not in {words.MARK, words.DISABLE}:
            return
        drop(self.manager, "entra-privileged")
        drop(self.manager, "entra-exempt", self._group)
        if self._group:
            self._exempt_groups = roles.get_exempt_groups(self.graph, self._group)
        if word == words.DISABLE:
            self.batch_size = 1  # each is read and changed at once, however long the log takes for the others
            if self.request.action.get("recent") != "off":
                self._last_hours = LastHours(self.graph, clock.now(), self.request.evidence == (SUCCESSFUL,))

    # Reading

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """From the listing, the roles, the exempt group, and what mailboxes of candidates are for."""
        self._privileged = in_store(
            self.manager, ("entra-privileged",), lambda: roles.get_privileged(self.graph)
        )
        if self._last_hours:
            self.graph.limits.logs.expect(SIGN_IN_LOGS * len(resources))
        if self.request.action.get("type") in {words.MARK, words.DISABLE}:
            again = [r for r in resources if self._last_hours or users.ACTIVITY not in r]
            self.graph.limits.activity.expect(len(again))
        members, self._unsure = self._members(), listing.shared_listing(self.manager).unsure
        self._ask_purposes(resources, now)
        for resource in resources:
            key = resource["id"]
            around = self._around(resource, exempt=key in members, now=now, unsure=self._unsure.get(key),
                                  purpose=self._purposes.get(key, NOT_ASKED))  # fmt: skip
            yield resource, transform_identity(resource, around)

    def _around(self, user: Mapping[str, Any], *, exempt: bool, now: datetime, **more: Any) -> Surroundings:
        key = user["id"]
        return Surroundings(
            tenant=self.tenant,
            privileged=None if self._privileged is None else key in self._privileged,
            exemption=self._exemption(user["userPrincipalName"], key, member=exempt, now=now),
            successful=self.request.evidence == (SUCCESSFUL,),
            now=now,
            **more,
        )

    def _exemption(self, name: str, key: str, *, member: bool, now: datetime) -> Exemption | None:
        """By the file first; then, for a `member` of the exempt group, by that."""
        tags = {self._group: f"member of the group {self._group}"} if member and self._group else {}
        return self.request.exemption(self.tenant, name, key, tags, now)

    def _members(self) -> frozenset[str]:
        group = self._group
        if group is None:
            return frozenset()
        return in_store(
            self.manager, ("entra-exempt", group), lambda: roles.get_exempt_members(self.graph, group)
        )

    def _ask_purposes(self, resources: list[Resource], now: datetime) -> None:
        """Learn what mailboxes are for, once a run, of those who would else be never-used."""
        young = now - timedelta(days=max(self.request.rules.days, self.request.rules.grace_days))
        open_ones = (r for r in resources if r["id"] not in self._purposes and r["id"] not in self._unsure)
        asked = [r["id"] for r in open_ones if _may_be_mailbox(r, young)]
        if asked and mailboxes.may_ask(self.graph):
            self._purposes.update(mailboxes.get_purposes(self.graph, asked))
        else:
            self._purposes.update(dict.fromkeys(asked, NOT_GRANTED))

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """By name and object id."""
        return Identity(words.AZURE, self.tenant, resource["userPrincipalName"], resource["id"], ())

    def notes(self, resource: Mapping[str, Any]) -> Notes | None:
        """From the properties that were listed with the user."""
        properties = self.properties
        return properties.texts(resource, clock.now()) if properties else None

    def place(self, of: Selected) -> Place:
        """A property for each note."""
        return Place(notes.LONGEST_TEXT)

    def find(self, name: str, key: str | None) -> Resource | None:
        """By object id where it is known, else by name; the same read tells whether there are notes."""
        asked, path = listing.asked_properties(self.manager), key or name
        known = found_or_none(
            lambda: in_store(
                self.manager,
                ("entra-properties", asked),
                lambda: notes.there(self.graph, asked, users.user_path(path)),
            )
        )
        return users.get_status(self.graph, path, known)

    def current(self, of: Selected) -> Fresh | None:
        """One read without activity."""
        user = users.get_status(self.graph, of.identity.id, self.properties)
        if user is None:
            return None
        found = self.identity(user)
        return Fresh(user, Identity(**{**vars(found), "credentials": (status_of(user),)}), self.notes(user))

    def fresh(self, of: Selected, now: datetime) -> Fresh | None:
        """The user with activity and notes in one read; unknown where Graph refuses it."""
        key = of.identity.id
        try:
            user = users.get_user(self.graph, key, self.properties)
            exempt = bool(self._exempt_groups) and not self._exempt_groups.isdisjoint(
                roles.get_groups_of(self.graph, key)
            )
        except GraphError as error:
            if not error.denied:
                raise
            return Fresh(of.resource, unreadable(of.identity, str(error)), of.notes)
        if user is None:
            return None
        listed, read = of.resource.get(users.ACTIVITY, {}), user.get(users.ACTIVITY, {})
        unsure = self._unsure.get(key)
        if listed and not read:
            unsure = "the listing had this user's sign-in activity, and the single read leaves it out"
        around = self._around(user, exempt=exempt, now=now, unsure=unsure,
                              omitted=frozenset(listed).difference(read) if read else frozenset(),
                              purpose=self._purposes.get(key, NOT_ASKED))  # fmt: skip
        return Fresh(user, transform_identity(user, around), self.notes(user))

    def noted(self, of: Selected, now: datetime) -> Selected | None:
        """As listed; read again where the listing has no activity, which it also leaves out in error."""
        return of if users.ACTIVITY in of.resource else self.fresh(of, now)

    def recent(self, fresh: Fresh, since: datetime, now: datetime) -> tuple[Identity, Recent]:
        """The sign-in log since the mark, and who enabled the account in the last days."""
        if self._last_hours is None:
            return super().recent(fresh, since, now)
        return self._last_hours.look(fresh.identity, since)

    def changed_by(self, fresh: Fresh, since: Mapping[Item, datetime], now: datetime) -> Mapping[Item, str]:
        """From the audit log, where it may be read."""
        return changed_since(self.graph, fresh.identity.id, since)

    def untouchable(self, of: Selected) -> str | None:
        """The caller, users that Entra only mirrors or does not let us change, mailboxes, unread roles."""
        if of.identity.id == self._me:
            return "it is the identity that runs this policy"
        if of.resource.get("onPremisesSyncEnabled"):
            return f"{AT_THE_SOURCE}: Entra only mirrors this user"
        if of.resource.get("isManagementRestricted"):
            return f"{IN_ITS_UNIT}: nobody else may change it"
        if of.identity.user_type == "mailbox":
            what = mailboxes.MAILBOXES[self._purposes[of.identity.id]]
            return f"it is {what}: people open it with their own sign-in"
        return f"its roles could not be read ({ROLES})" if of.identity.privileged is None else None

    def locked(self, of: Selected) -> bool:
        """In a restricted management unit."""
        return bool(of.resource.get("isManagementRestricted"))

    def protected(self, of: Selected) -> str | None:
        """Who holds a directory role in any way."""
        return "it holds a directory role, or may activate one" if of.identity.privileged else None

    def item(self, resource: Mapping[str, Any]) -> Item:
        """The sign-in."""
        return Item(SIGN_IN, SIGN_IN)

    def complete(self, selected: Sequence[Resource]) -> None:
        """Owners are read for the selected users only."""
        sources = self.request.filter.get("owner", ())
        if not sources or not selected:
            return
        found = owners.get_owners(self.graph, [r["id"] for r in selected], sources)
        for resource in selected:
            owner, source = found[resource["id"]]
            resource[words.ANNOTATION].update(owner=owner, owner_source=source)

    def next_action(self, resource: Mapping[str, Any]) -> str | None:
        """Of users that we never change."""
        if resource.get("onPremisesSyncEnabled"):
            return AT_THE_SOURCE
        return IN_ITS_UNIT if resource.get("isManagementRestricted") else None

    # Writing

    def write(self, changes: Sequence[NotesChange]) -> list[Written]:
        """One PATCH each, with notes and accountEnabled; several in one request."""
        return writing.write(self.graph, self.properties, changes)

    def unfinished(self, of: Selected) -> bool:
        """Whether sessions still run of somebody whom we disabled."""
        return writing.has_old_sessions(of.resource, self.properties, clock.now())

    def finish(self) -> list[str]:
        """End those sessions, once a run."""
        tried: set[str] = in_store(self.manager, ("entra-sessions",), set)
        left = [user for user in listing.shared_listing(self.manager).users if user["id"] not in tried]
        tried.update(user["id"] for user in left)
        return writing.end_old_sessions(self.graph, left, self.properties, clock.now())

    # About the run

    def account(self) -> str:
        """The tenant."""
        return self.tenant

    def caller(self) -> str:
        """Who acts: a user's name, or the app and its service principal."""
        claims = self.graph.token.claims()
        return str(claims.get("upn") or f"app {claims.get('appid')} (principal {claims.get('oid')})")

    def endpoint(self) -> str:
        """Graph's URL."""
        return self.graph.endpoint

    def forget(self) -> None:
        """List the tenant again."""
        listing.forget_listing(self.manager)


def _may_be_mailbox(user: Mapping[str, Any], young: datetime) -> bool:
    """Whether a member is on, without licence, never signed in, and too old to be new."""
    if user.get("accountEnabled") is False or users.ACTIVITY in user or user.get(users.LICENSES):
        return False
    created, _ = read_optional(user, "createdDateTime")
    ours = user.get("userType") != "Guest" and not user.get("onPremisesSyncEnabled")
    return ours and (created is None or created <= young)
