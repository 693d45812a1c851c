"""What the cloud holds, changed by the API's writes, by `add` and by foreign hands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from custom_filters.sandbox.gcp import people as kinds
from custom_filters.sandbox.gcp.people import Group, Key, Person, Project, ServiceAccount, Thing
from custom_filters.sandbox.versions import Versions

T = TypeVar("T", bound=Person | ServiceAccount | Key)


class State:
    """One customer with its users, roles, projects, service accounts and keys; `lock` guards a write."""

    customer: kinds.Customer

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.lock = threading.RLock()
        self.people: Versions[Person] = Versions(now)
        self.accounts: Versions[ServiceAccount] = Versions(now)
        self.keys: dict[str, Versions[Key]] = {}
        self.schemas: dict[str, Mapping[str, Any]] = {}
        self.schema_times: dict[str, datetime] = {}
        self._now = now
        self.sso: dict[str, kinds.SsoAssignment] = {}
        self._others: dict[type, dict[str, Any]] = {kinds.SsoAssignment: self.sso}
        self._emails: dict[str, str] = {}
        self._unique_ids: dict[str, str] = {}

    def add(self, *things: Thing) -> None:
        """Puts things in, or replaces those with the same id."""
        with self.lock:
            for thing in things:
                self._add(thing)

    def _add(self, thing: Thing) -> None:
        if isinstance(thing, Person):
            self.people[thing.id] = thing
            self._emails.update(dict.fromkeys((thing.email, *thing.aliases), thing.id))
        elif isinstance(thing, ServiceAccount):
            self.accounts[thing.email] = thing
            self._unique_ids[thing.unique_id] = thing.email
        elif isinstance(thing, Key):
            self.keys.setdefault(thing.account, Versions(self._now))[thing.id] = thing
        elif isinstance(thing, kinds.Customer):
            self.customer = thing
        else:
            self._others.setdefault(type(thing), {})[thing.id] = thing

    def change(self, thing: T, **changes: Any) -> T:
        """Puts the thing with these fields changed; returns the new state."""
        changed: T = replace(thing, **changes)
        self.add(changed)
        return changed

    def groups(self) -> list[Group]:
        return list(self._others.get(Group, {}).values())

    def assignments(self) -> list[kinds.RoleAssignment]:
        return list(self._others.get(kinds.RoleAssignment, {}).values())

    def bound_keys(self, kind: str, project: Project) -> list[kinds.BoundKey]:
        found = self._others.get(kinds.BoundKey, {}).values()
        return [key for key in found if (key.kind, key.project) == (kind, project.id)]

    def person(self, key: str, lag: float = 0) -> Person | None:
        return self.people.seen(key, lag) or self.people.seen(self._emails.get(key.lower(), ""), lag)

    def group(self, key: str) -> Group | None:
        return next((group for group in self.groups() if key in (group.id, group.email)), None)

    def project(self, key: str) -> Project | None:
        projects: list[Project] = list(self._others.get(Project, {}).values())
        return next((project for project in projects if key in (project.id, project.number)), None)

    def account(self, key: str, lag: float = 0) -> ServiceAccount | None:
        return self.accounts.seen(key, lag) or self.accounts.seen(self._unique_ids.get(key, ""), lag)

    def keys_of(self, account: ServiceAccount, lag: float = 0) -> list[Key]:
        keys = self.keys.get(account.email)
        return list(keys.listed(lag)) if keys is not None else []
