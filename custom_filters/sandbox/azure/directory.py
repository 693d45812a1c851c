"""The state of one tenant, with the indexes that keep 100,000 users cheap to page through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from custom_filters.sandbox.azure.odata import Json
from custom_filters.sandbox.azure.people import Company, Group, Person

Extension = Json


class Directory:
    """People in a stable order, groups, and the open extensions that an app put on people.

    extensions: user id -> extension name -> the app's own properties.
    """

    def __init__(self, company: Company) -> None:
        self.order: list[str] = []
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.extensions: dict[str, dict[str, Extension]] = {}
        self._by_upn: dict[str, str] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._holders: dict[str, None] = {}
        for group in company.groups:
            self.add_group(group)
        for person in company.people:
            self.put(person)

    def add_group(self, group: Group) -> None:
        """A new group, or a new state of one."""
        self.groups[group.id] = group

    def put(self, person: Person) -> None:
        """A new person, or a new state of one (same id)."""
        before = self.people.get(person.id)
        if before is None:
            self.order.append(person.id)
        else:
            self._by_upn.pop(before.upn.lower(), None)
            for name in before.groups:
                self._members.get(name, {}).pop(person.id, None)
            self._holders.pop(person.id, None)
        self.people[person.id] = person
        self._by_upn[person.upn.lower()] = person.id
        for name in person.groups:
            self._members.setdefault(name, {})[person.id] = None
        if person.roles or person.eligible:
            self._holders[person.id] = None

    def change(self, person: Person, **changes: object) -> Person:
        """Puts the person with these fields changed; returns the new state."""
        changed = replace(person, **changes)  # type: ignore[arg-type]  # the field's own type, by name
        self.put(changed)
        return changed

    def find(self, key: str) -> Person | None:
        """By object id or user principal name."""
        return self.people.get(key) or self.people.get(self._by_upn.get(key.lower(), ""))

    def members(self, group: Group) -> list[Person | Group]:
        """Direct members."""
        nested = [other for other in self.groups.values() if group.name in other.groups]
        return [*(self.people[key] for key in self._members.get(group.name, ())), *nested]

    def transitive_members(self, group: Group) -> list[Person | Group]:
        """Members of every depth, each once; cycles are fine."""
        found: dict[str, Person | Group] = {}
        waiting = [group]
        while waiting:
            for member in self.members(waiting.pop()):
                if member.id not in found:
                    found[member.id] = member
                    if isinstance(member, Group):
                        waiting.append(member)
        return list(found.values())

    def groups_of(self, names: Iterable[str]) -> Iterator[Group]:
        """These groups and those they are in, each once."""
        by_name = {group.name: group for group in self.groups.values()}
        waiting, seen = list(names), set[str]()
        while waiting:
            name = waiting.pop(0)
            if name not in seen and name in by_name:
                seen.add(name)
                yield by_name[name]
                waiting.extend(by_name[name].groups)

    def holders(self) -> list[Person | Group]:
        """Everyone with a role assignment or eligibility of its own."""
        groups = [group for group in self.groups.values() if group.roles or group.eligible]
        return [*(self.people[key] for key in self._holders), *groups]

    def protected(self, person: Person) -> bool:
        """Whether only an app with a directory role may act: active roles, role-assignable groups.

        Eligible (PIM) assignments protect nobody until they are activated.
        """
        return bool(person.roles) or any(group.assignable for group in self.groups_of(person.groups))
