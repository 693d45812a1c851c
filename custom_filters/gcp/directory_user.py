"""The resource kind gcp.directory-user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from c7n.exceptions import PolicyExecutionError

from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence, Unknown, Used
from custom_filters.core.judge import judge_identity
from custom_filters.core.notes import Item
from custom_filters.core.notes_writing import Place
from custom_filters.core.times import format_time, parse_time
from custom_filters.core.vocabulary import DISABLE, ENABLE, FILTER, GCP, MARK, RETIRE
from custom_filters.custodian import clock
from custom_filters.custodian.parallel import for_each
from custom_filters.custodian.selected import Fresh, Notes, NotesChange, Resource, Selected
from custom_filters.gcp import directory, recent_use, schema, usage_reports
from custom_filters.gcp.client import Json, once, shared_client, shared_login, tell_once
from custom_filters.gcp.errors import GoogleError
from custom_filters.gcp.google_kind import GoogleKind, Reader, with_evidence
from custom_filters.gcp.people import ITEM, KINDS, LAST_LOGIN, is_admin, second_look, transform_user
from custom_filters.gcp.roles import Holders, shared_holders

_ADMIN = "ADMIN"
#: We suspend up to so long after the time that the record states.
_OUR_OWN = timedelta(hours=1)


class DirectoryUser(GoogleKind):
    """Google users: one credential, the sign-in; notes are fields of our custom schema, off is suspended."""

    resource = "gcp.directory-user"
    plural = "Google users"
    name_key = "primaryEmail"
    credential_kinds = KINDS
    sources = (LAST_LOGIN, usage_reports.SOURCE)
    default_sources = sources
    atomic = True
    sees_more = True
    texts: ClassVar[Mapping[str, str]] = {
        FILTER: "`last-login` is users.list's lastLoginTime; users that look unused are read again with "
        "users.get, and where the two differ that counts as use. `reports` are the Reports API's usage "
        "reports: sign-in, also by single sign-on, mail by IMAP, POP and the web, mail sent, and Drive; the "
        "newest is two to seven days old, and one for every 30 days is read, back to the threshold. An "
        "organisation with single sign-on needs them. Suspended and archived users have the verdict "
        "no-credentials. `exempt-tag` names a field of the custom schema c7n_unused, whose text "
        "is the reason.",
        MARK: "It is a field of the custom schema c7n_unused, which `c7n-unused setup -p gcp` makes.",
        DISABLE: "Users are suspended, in one request with the record. Log-ins and tokens since the mark are "
        "asked of the Reports API. Our own subject, guests, archived and suspended users are left alone; "
        "administrators are protected, delegated ones and those by a group too.",
        ENABLE: "Users that Google itself suspended stay suspended.",
    }

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Create the clients in this thread."""
        super().__init__(manager, filter_data, action)
        self._users = shared_client(manager, directory.USERS_READ)
        self._projection = directory.projection(directory.shared_schema(manager))
        self._holders: Holders | Unknown = Holders()
        self._subject: Json | None = None

    def prepare(self, word: str) -> None:
        """Marks need the custom schema; our own subject is never touched."""
        self._customer = shared_login(self.manager).customer
        self._writer = shared_client(self.manager, directory.USERS_WRITE)
        self._activities = shared_client(self.manager, recent_use.ACTIVITIES)
        if word in {MARK, DISABLE}:
            self._need_schema()
        if word not in {ENABLE, RETIRE}:
            self._learn()
            self.read_again = self._reader(clock.now())

    def _need_schema(self) -> None:
        found = directory.shared_schema(self.manager)
        if isinstance(found, Unknown):
            raise PolicyExecutionError(f"{found.reason}: nothing was changed")
        missing = schema.missing_fields(found, self.request.tag)
        if missing:
            raise PolicyExecutionError(
                f"customer {self._customer} has no place for marks (custom schema field {missing[0]}); run "
                f"`c7n-unused setup -p gcp --tag {self.request.tag}` once: nothing was changed"
            )

    def _learn(self) -> None:
        """The users that actions may not touch; not needed for reports."""
        if self.manager.data.get("actions"):
            self._subject = directory.shared_subject(self.manager)
            self._holders = shared_holders(self.manager)

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """From the listing; only users who look unused are read again."""
        self._learn()
        known = {r["id"]: self._judged(r, self._more_evidence(r, now), now) for r in resources}
        self._look_again(known, now)
        for resource in resources:
            yield resource, known[resource["id"]]

    def _judged(self, user: Mapping[str, Any], more: tuple[Evidence, ...], now: datetime) -> Identity:
        identity = transform_user(user, more, now)
        notes = schema.notes_of(user)
        exemption = self.request.exemption(identity.account, identity.name, identity.id, notes, now)
        privileged = True if self._holds_role(user) else identity.privileged
        return replace(identity, exemption=exemption, privileged=privileged)

    def _holds_role(self, user: Mapping[str, Any]) -> bool:
        return not isinstance(self._holders, Unknown) and user["id"] in self._holders

    def _more_evidence(self, user: Mapping[str, Any], now: datetime) -> tuple[Evidence, ...]:
        """What the Reports API says, or what its absence means where single sign-on is in use."""
        if usage_reports.SOURCE in self.request.evidence:
            usage = usage_reports.shared_usage(self.manager, now, self.request.rules)
            return usage.evidence(user, now, self.request.rules)
        problem = directory.shared_sso_problem(self.manager)
        return (problem,) if problem else ()

    def _reader(self, now: datetime) -> Reader:
        """Reads one user's evidence again, past every cache. Made in the main thread, called in any."""
        rules, customer = self.request.rules, self._customer
        asked = usage_reports.SOURCE in self.request.evidence
        client = shared_client(self.manager, usage_reports.USAGE) if asked else None
        usage = usage_reports.shared_usage(self.manager, now, rules) if asked else None
        problem = None if usage else directory.shared_sso_problem(self.manager)

        def read(user: Json, listed: Mapping[str, Any]) -> Identity:
            more: tuple[Evidence, ...] = (problem,) if problem else ()
            if client and usage:
                newest = usage_reports.get_newest(client, customer, now, user["id"])
                more = usage.again(newest).evidence(user, now, rules)
            return with_evidence(self._judged(user, more, now), *second_look(listed, user, now))

        return read

    def _look_again(self, known: dict[str, Identity], now: datetime) -> None:
        rules = self.request.rules
        bare = {key: replace(identity, exemption=None) for key, identity in known.items()}
        verdicts = {key: judge_identity(identity, rules, now).verdict for key, identity in bare.items()}
        unsettled = [key for key, v in verdicts.items() if v in {"stale", "never-used", "unknown"}]
        again = self._read_again(unsettled)
        listed = directory.shared_listing(self.manager).by_id
        for key in unsettled:
            known[key] = with_evidence(known[key], *second_look(listed[key], again[key], now))

    def _read_again(self, keys: list[str]) -> Mapping[str, Json | Unknown]:
        """users.get of these users, except those that another policy of this run has read."""
        store: dict[str, Json | Unknown] = once(self.manager, ("gcp-users-again",), dict)
        wanted = [key for key in keys if key not in store]
        found = for_each(self._second_read, wanted)
        store.update(zip(wanted, found, strict=True))
        refused = [user.reason for user in found if isinstance(user, Unknown)]
        if refused:
            tell_once(self.manager, f"users that are unknown: {len(refused)}", refused[0])
        return store

    def _second_read(self, key: str) -> Json | Unknown:
        try:
            return directory.get_user(self._users, key, self._projection) or {}
        except GoogleError as error:
            if not error.refused:
                raise
            return Unknown(f"the user could not be read: {error}", LAST_LOGIN)

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """By address and id."""
        return Identity(GCP, resource["customerId"], resource["primaryEmail"], resource["id"], ())

    def notes(self, resource: Mapping[str, Any]) -> Notes | None:
        """From our custom schema; None without it."""
        return None if self._projection["projection"] == "basic" else schema.notes_of(resource)

    def place(self, of: Selected) -> Place:
        """A field takes 500 characters."""
        return schema.PLACE

    def item(self, resource: Mapping[str, Any]) -> Item:
        """The sign-in."""
        return ITEM

    def untouchable(self, of: Selected) -> str | None:
        """Our own subject, guests, and everybody while roles are not known."""
        if self._subject and of.resource["id"] == self._subject["id"]:
            return "it is the user on whose behalf this policy runs"
        if of.resource.get("isGuestUser"):
            return "guests are retired where they belong"
        if isinstance(self._holders, Unknown):
            return f"its roles are not known: {self._holders.reason}"
        return None

    def protected(self, of: Selected) -> str | None:
        """Administrators, directly or through a group."""
        if is_admin(of.resource):
            return "protected: an administrator"
        if self._holds_role(of.resource):
            return "protected: holds an administrator role, by itself or by a group"
        return (
            "protected: Google does not say whether it is an administrator"
            if is_admin(of.resource) is None
            else None
        )

    def find(self, name: str, key: str | None) -> Json | None:
        """By id, or address."""
        return directory.get_user(self._users, key or name, self._projection)

    def get(self, resource: Mapping[str, Any]) -> Json | None:
        """One users.get."""
        return directory.get_user(self._users, resource["id"], self._projection)

    def transform(
        self, resource: Mapping[str, Any], evidence: tuple[Evidence, ...], now: datetime
    ) -> Identity:
        """See transform_user."""
        return transform_user(resource, evidence, now)

    def seen_since(self, fresh: Fresh, since: datetime, now: datetime) -> Used | None:
        """Log-ins and tokens since the mark."""
        return recent_use.get_recent_use(self._activities, self._customer, fresh.resource["id"], since, now)

    def changed_by(self, fresh: Fresh, since: Mapping[Item, datetime], now: datetime) -> Mapping[Item, str]:
        """Who suspended the user last, and when."""
        user = fresh.resource
        if problem := _suspended_by_google(user):
            return {ITEM: problem}
        if user.get("suspended") and user.get("suspensionTime") and ITEM in since:
            at = parse_time(user["suspensionTime"])
            if at > since[ITEM] + _OUR_OWN:
                return {ITEM: f"suspended again by an administrator at {format_time(at)}"}
        return {}

    def write_one(self, change: NotesChange) -> None:
        """One users.patch of the named fields, with the switch; not where Google itself suspended."""
        if change.switch == "on" and (problem := _suspended_by_google(change.of.resource)):
            raise GoogleError("users.patch", None, "refused by us", problem)
        body = schema.body_of(change.texts) if change.texts else {}
        if change.switch:
            body["suspended"] = change.switch == "off"
        if body:
            self._writer.call("patch", userKey=change.of.resource["id"], body=body)

    def account(self) -> str:
        """The customer's own id."""
        subject = directory.shared_subject(self.manager)
        return str(subject["customerId"]) if subject else shared_login(self.manager).customer

    def endpoint(self) -> str:
        """Where changes are sent."""
        return "https://admin.googleapis.com"

    def forget(self) -> None:
        """List the customer again."""
        directory.forget_listing(self.manager)


def _suspended_by_google(user: Mapping[str, Any]) -> str | None:
    reason = user.get("suspensionReason", _ADMIN)
    if user.get("suspended") and reason != _ADMIN:
        return f"Google itself suspended the user ({reason}); clear that in the Admin console first"
    return None
