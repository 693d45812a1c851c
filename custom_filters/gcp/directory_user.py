"""The resource kind gcp.directory-user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from c7n.exceptions import PolicyExecutionError

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence
from custom_filters.core.judge import judge_identity
from custom_filters.core.record import Item
from custom_filters.core.vocabulary import DISABLE, ENABLE, FILTER, GCP, MARK
from custom_filters.custodian.kind import Fresh, Notes, NotesChange, Resource, Selected
from custom_filters.custodian.parallel import for_each
from custom_filters.custodian.store import shared
from custom_filters.gcp import schema, sso, usage_reports
from custom_filters.gcp.client import Json, session_of, shared_client, shared_login
from custom_filters.gcp.directory import (
    USERS_READ,
    USERS_WRITE,
    forget_listing,
    get_user,
    shared_listing,
    shared_projection,
)
from custom_filters.gcp.google_kind import GoogleKind
from custom_filters.gcp.people import KINDS, LAST_LOGIN, SIGN_IN, transform_user, with_second_look
from custom_filters.gcp.roles import shared_role_holders

_ADMIN = "ADMIN"
#: From a user as it is now, and as it was listed, to its identity.
Reader = Callable[[Json, Mapping[str, Any]], Identity]


class DirectoryUser(GoogleKind):
    """Google users: one credential, the sign-in; notes are fields of our custom schema, off is suspended."""

    resource = "gcp.directory-user"
    plural = "Google users"
    name_key = "primaryEmail"
    credential_kinds = KINDS
    sources = (LAST_LOGIN, usage_reports.SOURCE)
    default_sources = (LAST_LOGIN,)
    texts: ClassVar[Mapping[str, str]] = {
        FILTER: "`last-login` is users.list's lastLoginTime; whoever looks unused by it is read again with "
        "users.get, and where the two differ nobody is unused. `reports` adds the Reports API: sign-in by "
        "single sign-on, and mail by IMAP, POP and the web; it is two to seven days late. An organisation "
        "with single sign-on needs it. Suspended and archived users have the verdict no-credentials. "
        "`exempt-tag` names a field of the custom schema c7n_unused, whose text is the reason.",
        MARK: "It is a field of the custom schema c7n_unused, which `c7n-unused setup -p gcp` makes.",
        DISABLE: "Users are suspended. Our own subject, guests, archived and suspended users are left alone; "
        "super and delegated administrators are privileged, also by group.",
        ENABLE: "Whom Google itself suspended meanwhile stays suspended.",
    }

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Make what asks Google in this thread."""
        super().__init__(manager, filter_data, action)
        self._users = shared_client(manager, USERS_READ)
        self._projection = shared_projection(manager)
        self._subject: str | None = None
        self._again = False

    def prepare(self, word: str) -> None:
        """Marks need the custom schema; the user for whom we ask is never touched."""
        subject = shared_login(self.manager).subject
        found = get_user(self._users, subject, {"projection": "basic"}) if subject else None
        self._subject = found["id"] if found else None
        self._writer = shared_client(self.manager, USERS_WRITE)
        self._again = word in {MARK, DISABLE}
        if self._again:
            self._need_schema()

    def _need_schema(self) -> None:
        login, tag = shared_login(self.manager), self.request.tag
        found = schema.get_schema(shared_client(self.manager, schema.SCHEMAS_READ), login.customer)
        missing = schema.missing_fields(found, tag)
        if missing or self._projection["projection"] == "basic":
            raise PolicyExecutionError(
                f"customer {login.customer} has no place for marks (custom schema field {missing[0]}); run "
                f"`c7n-unused setup -p gcp --tag {tag}` once: nothing was changed"
            )

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """From the listing; a second look only at those who look unused."""
        known = {r["id"]: self._judged(r, self._more_evidence(r, now), now) for r in resources}
        self._look_again(known, now)
        if self._again:
            self._read = self._reader(now)
        for resource in resources:
            yield resource, known[resource["id"]]

    def _judged(self, user: Mapping[str, Any], more: tuple[Evidence, ...], now: datetime) -> Identity:
        identity = transform_user(user, more, now)
        notes = schema.notes_of(user)
        exemption = self.request.exemption(identity.account, identity.name, identity.id, notes, now)
        return replace(identity, exemption=exemption)

    def _more_evidence(self, user: Mapping[str, Any], now: datetime) -> tuple[Evidence, ...]:
        """What the Reports API says, or what its absence means where single sign-on is in use."""
        if usage_reports.SOURCE in self.request.evidence:
            usage = usage_reports.shared_usage(self.manager, now)
            return usage.evidence(user, now, self.request.rules.days)
        problem = sso.shared_sso_problem(self.manager)
        return (problem,) if problem else ()

    def _reader(self, now: datetime) -> Reader:
        """Reads one user's evidence again, past every cache. To be made in the main thread, used in any."""
        asked = usage_reports.SOURCE in self.request.evidence
        usage = shared_client(self.manager, usage_reports.USAGE) if asked else None
        problem = None if usage else sso.shared_sso_problem(self.manager)
        customer, holders = shared_login(self.manager).customer, shared_role_holders(self.manager)

        def read(user: Json, listed: Mapping[str, Any]) -> Identity:
            more: tuple[Evidence, ...] = (problem,) if problem else ()
            if usage:
                newest = usage_reports.get_usage(usage, customer, now, user["id"])
                more = newest.evidence(user, now, self.request.rules.days)
            identity = with_second_look(self._judged(user, more, now), listed, user, now)
            return replace(identity, privileged=True) if user["id"] in holders else identity

        return read

    def _look_again(self, known: dict[str, Identity], now: datetime) -> None:
        rules = self.request.rules
        bare = {key: replace(identity, exemption=None) for key, identity in known.items()}
        verdicts = {key: judge_identity(identity, rules, now).verdict for key, identity in bare.items()}
        unsettled = [key for key, v in verdicts.items() if v in {"stale", "never-used", "unknown"}]
        again = self._read_again(unsettled)
        listed = shared_listing(self.manager).by_id
        for key in unsettled:
            known[key] = with_second_look(known[key], listed[key], again[key] or {}, now)

    def _read_again(self, keys: list[str]) -> Mapping[str, Json | None]:
        """users.get of these users; what another policy of this run has read is not read again."""
        store: dict[str, Json | None] = shared(
            session_of(self.manager), ("gcp-users-again", shared_login(self.manager)), dict
        )
        wanted = [key for key in keys if key not in store]
        found = for_each(lambda key: get_user(self._users, key, self._projection), wanted)
        store.update(zip(wanted, found, strict=True))
        return store

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """By address and id."""
        return Identity(GCP, resource["customerId"], resource["primaryEmail"], resource["id"], ())

    def notes(self, resource: Mapping[str, Any]) -> Notes:
        """From our custom schema."""
        return schema.notes_of(resource)

    def item(self, resource: Mapping[str, Any]) -> Item:
        """The sign-in."""
        return Item(SIGN_IN, SIGN_IN)

    def protected(self, resource: Mapping[str, Any]) -> str | None:
        """Our own subject, and guests."""
        if resource["id"] == self._subject:
            return "it is the user on whose behalf this policy runs"
        if resource.get("isGuestUser"):
            return "guests are retired where they belong"
        return None

    def current(self, selected: Selected) -> Fresh | None:
        """Status and notes in one users.get."""
        found = get_user(self._users, selected.resource["id"], self._projection)
        return Fresh(found, selected.identity, schema.notes_of(found)) if found else None

    def fresh(self, selected: Selected, now: datetime) -> Fresh | None:
        """users.get, then the evidence."""
        found = self.current(selected)
        if found is None:
            return None
        return replace(found, identity=self._read(found.resource, selected.resource))

    def foreign(self, fresh: Fresh) -> str | None:
        """Whom Google suspended meanwhile, for abuse or the like, we do not bring back."""
        reason = fresh.resource.get("suspensionReason", _ADMIN)
        if fresh.resource.get("suspended") and reason != _ADMIN:
            return f"Google itself suspended the user ({reason}); clear that in the Admin console first"
        return None

    def write(self, change: NotesChange) -> None:
        """users.patch of the named fields only."""
        self._patch(change.of, schema.body_of({**change.put, **dict.fromkeys(change.drop)}))

    def switch(self, fresh: Fresh, *, on: bool) -> None:
        """users.patch; Google ends a suspended user's sessions itself."""
        self._patch(fresh, {"suspended": not on})

    def _patch(self, of: Selected, body: Json) -> None:
        self._writer.call("patch", userKey=of.resource["id"], body=body)

    def endpoint(self) -> str:
        """Where changes are sent."""
        return "https://admin.googleapis.com"

    def forget(self) -> None:
        """List the customer again."""
        forget_listing(self.manager)
