"""The state of one tenant: people, groups, applications, and the audit log."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from custom_filters.sandbox.azure.odata import Json
from custom_filters.sandbox.azure.people import Company, Group, Person
from custom_filters.sandbox.versions import Versions


@dataclass
class Registration:
    """An app registration. properties: its directory extensions by whole name; deleted: nobody finds them."""

    id: str
    client: str
    name: str
    principal: str = ""
    deleted: bool = False
    properties: dict[str, Json] = field(default_factory=dict)


class Directory:
    """People in a stable order, groups by id, app registrations by object id, audit records, oldest first."""

    def __init__(self, company: Company, now: Callable[[], datetime]) -> None:
        self.people: Versions[Person] = Versions(now)
        self.groups: dict[str, Group] = {group.id: group for group in company.groups}
        self.apps: dict[str, Registration] = {}
        self.audits: list[Json] = []
        self._by_upn: dict[str, str] = {}
        for person in company.people:
            self.put(person)

    def put(self, person: Person) -> None:
        before = self.people.get(person.id)
        if before is not None and self._by_upn.get(before.upn.lower()) == person.id:
            del self._by_upn[before.upn.lower()]
        self.people[person.id] = person
        self._by_upn[person.upn.lower()] = person.id

    def change(self, person: Person, **changes: object) -> Person:
        """Puts the person with these fields changed; returns the new state."""
        changed = replace(person, **changes)  # type: ignore[arg-type]  # the field's own type, by name
        self.put(changed)
        return changed

    def find(self, key: str, lag: float = 0) -> Person | None:
        """By object id or user principal name, as it was `lag` seconds ago."""
        return self.people.seen(key, lag) or self.people.seen(self._by_upn.get(key.lower(), ""), lag)

    def registrations(self) -> list[Registration]:
        return [app for app in self.apps.values() if not app.deleted]

    def properties(self) -> dict[str, Json]:
        """The directory extensions that there are, by whole name."""
        return {name: shown for app in self.registrations() for name, shown in app.properties.items()}

    def transitive_members(self, group: Group) -> list[Person | Group]:
        """Members of every depth, each once; cycles are fine."""
        everyone: list[Person | Group] = [*self.people.values(), *self.groups.values()]
        return [one for one in everyone if group in self.groups_of(one.groups)]

    def groups_of(self, names: Collection[str]) -> list[Group]:
        """These groups and those they are in, each once."""
        by_name = {group.name: group for group in self.groups.values()} if names else {}
        waiting, found = list(names), dict[str, Group]()
        for name in waiting:
            if name not in found and name in by_name:
                found[name] = by_name[name]
                waiting.extend(by_name[name].groups)
        return list(found.values())

    def holders(self) -> list[Person | Group]:
        """Everyone with a role assignment or eligibility of its own."""
        everyone: list[Person | Group] = [*self.people.values(), *self.groups.values()]
        return [holder for holder in everyone if holder.roles or holder.eligible]

    def protected(self, person: Person) -> bool:
        """Whether only an app with a directory role may act: active roles, role-assignable groups.

        Eligible (PIM) assignments protect nobody until they are activated.
        """
        return bool(person.roles) or any(group.assignable for group in self.groups_of(person.groups))
