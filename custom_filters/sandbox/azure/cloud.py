"""The Microsoft cloud of the sandbox: three national clouds' hosts over one tenant."""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping

from custom_filters.sandbox.azure import hands
from custom_filters.sandbox.azure.company import company
from custom_filters.sandbox.azure.directory import Directory, Registration
from custom_filters.sandbox.azure.faults import TABLE
from custom_filters.sandbox.azure.graph import Graph
from custom_filters.sandbox.azure.login import CLOUDS, App, Login, Tokens
from custom_filters.sandbox.azure.people import Company, Group, Person, object_id
from custom_filters.sandbox.azure.tenant import Tenant
from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.cloud import Cloud, Settings
from custom_filters.sandbox.rude import Rude

# What the app is granted unless a test takes some away: the reads, and the writes for disabling and marking.
PERMISSIONS = frozenset(
    (
        *("Application.Read.All", "Application.ReadWrite.OwnedBy", "AuditLog.Read.All"),
        *("GroupMember.Read.All", "MailboxSettings.Read", "Organization.Read.All"),
        *("RoleManagement.Read.Directory", "User.EnableDisableAccount.All", "User.Read.All"),
        *("User.ReadWrite.All", "User.RevokeSessions.All"),
    )
)


class AzureCloud(Cloud):
    """One Entra tenant and one app registration, whose secret is made at start.

    Calls are counted as `azure:GET /users`, inside a batch as `azure:batch:PATCH /users/{id}`.
    """

    name = "azure"
    FAULTS = TABLE

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        calls: Counter[str],
        faults: MutableMapping[str, str | float],
        people: Company | None = None,
    ) -> None:
        super().__init__(settings, clock, calls, faults)
        seed = f"{settings.seed}"
        self.app = App(object_id("tenant", seed), object_id("app", seed), object_id("principal", seed))
        directory = Directory(people or company(settings.users, settings.seed, clock.now()), clock.now)
        own = Registration(object_id("registration", seed), self.app.client, "c7n-unused", self.app.principal)
        directory.apps[own.id] = own
        # Both may be changed: the app's permissions; its directory roles, with which it may act on admins.
        self.permissions, self.app_roles = set(PERMISSIONS), set[str]()
        self.tenant = Tenant(self.app, directory, clock, self.strikes, self.permissions, self.app_roles)
        tokens = Tokens(self.strikes)
        login = Login(self.app, tokens, self.strikes, self.tenant.granted, self.count)
        polite = Graph(self.tenant, tokens, self.count, self.tell, settings.latency_ms)
        graph = Rude(polite, self.strikes, "graph")
        self.hosts = {**dict.fromkeys(CLOUDS, login), **{host: graph for host, _ in CLOUDS.values()}}

    @property
    def environment(self) -> dict[str, str]:
        """A client secret's three variables; there is no subscription, so none is named."""
        return {
            "AZURE_TENANT_ID": self.app.tenant,
            "AZURE_CLIENT_ID": self.app.client,
            "AZURE_CLIENT_SECRET": self.app.secret,
        }

    @property
    def people(self) -> list[Person]:
        with self.tenant.lock:
            return list(self.tenant.directory.people.values())

    def add(self, person: Person | Group) -> None:
        """A new person or group, or (same id) a new state of one."""
        with self.tenant.lock:
            if isinstance(person, Group):
                self.tenant.directory.groups[person.id] = person
            else:
                self.tenant.directory.put(person)

    def person(self, key: str) -> Person:
        with self.tenant.lock:
            found = self.tenant.directory.find(key)
        if found is None:
            raise KeyError(key)
        return found

    def change(self, key: str, **changes: object) -> Person:
        """Changes fields of a person, as an admin would in the portal; returns the new state."""
        with self.tenant.lock:
            return self.tenant.directory.change(self.person(key), **changes)

    def hand(self, hand: str, who: str, **more: object) -> None:
        hands.act(self.tenant, hand, who, **more)
