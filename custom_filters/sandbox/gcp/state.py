"""What the cloud holds, changed by the API's writes and by `add`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from custom_filters.sandbox.gcp.people import (
    Customer,
    Group,
    Key,
    Person,
    Project,
    Role,
    RoleAssignment,
    ServiceAccount,
    SsoAssignment,
    Thing,
)


class State:
    """One customer with its users, roles, projects, service accounts and keys; `lock` guards a write."""

    customer: Customer

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.roles: dict[str, Role] = {}
        self.assignments: dict[str, RoleAssignment] = {}
        self.sso: dict[str, SsoAssignment] = {}
        self.projects: dict[str, Project] = {}
        self.accounts: dict[str, ServiceAccount] = {}
        self.keys: dict[str, dict[str, Key]] = {}
        self.schemas: dict[str, Mapping[str, Any]] = {}
        self.schema_times: dict[str, datetime] = {}
        self.signed_out: list[str] = []
        self._emails: dict[str, str] = {}
        self._unique_ids: dict[str, str] = {}
        self._ordered: list[str] | None = None

    def add(self, *things: Thing) -> None:
        """Puts things in, or replaces those with the same id."""
        with self.lock:
            for thing in things:
                self._add(thing)

    def _add(self, thing: Thing) -> None:
        if isinstance(thing, Person):
            self._add_person(thing)
        elif isinstance(thing, ServiceAccount):
            self.accounts[thing.email] = thing
            self._unique_ids[thing.unique_id] = thing.email
        elif isinstance(thing, Key):
            self.keys.setdefault(thing.account, {})[thing.id] = thing
        elif isinstance(thing, Customer):
            self.customer = thing
        elif isinstance(thing, Group):
            self.groups[thing.id] = thing
        elif isinstance(thing, Role):
            self.roles[thing.id] = thing
        elif isinstance(thing, RoleAssignment):
            self.assignments[thing.id] = thing
        elif isinstance(thing, SsoAssignment):
            self.sso[thing.id] = thing
        else:
            self.projects[thing.id] = thing

    def _add_person(self, person: Person) -> None:
        known = self.people.get(person.id)
        self.people[person.id] = person
        if known is None or (known.email, known.aliases) != (person.email, person.aliases):
            self._emails.update(dict.fromkeys((person.email, *person.aliases), person.id))
            self._ordered = None

    def person(self, key: str) -> Person | None:
        """By id, primary address or alias."""
        return self.people.get(key) or self.people.get(self._emails.get(key.lower(), ""))

    def ordered(self) -> list[str]:
        """The ids of all users, by primary address."""
        with self.lock:
            if self._ordered is None:
                self._ordered = [p.id for p in sorted(self.people.values(), key=lambda p: p.email)]
            return self._ordered

    def group(self, key: str) -> Group | None:
        """By id or address."""
        return self.groups.get(key) or next((g for g in self.groups.values() if g.email == key), None)

    def project(self, key: str) -> Project | None:
        """By id or number."""
        return self.projects.get(key) or next((p for p in self.projects.values() if p.number == key), None)

    def account(self, key: str) -> ServiceAccount | None:
        """By address or unique id."""
        return self.accounts.get(key) or self.accounts.get(self._unique_ids.get(key, ""))
