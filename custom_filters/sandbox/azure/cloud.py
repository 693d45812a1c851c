"""The Microsoft cloud of the sandbox: three national clouds' hosts over one tenant."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from custom_filters.sandbox.azure import hands
from custom_filters.sandbox.azure.company import company
from custom_filters.sandbox.azure.directory import Directory, Registration
from custom_filters.sandbox.azure.faults import FAULTS, check
from custom_filters.sandbox.azure.graph import Graph
from custom_filters.sandbox.azure.login import CLOUDS, App, Login, Tokens
from custom_filters.sandbox.azure.people import Activity, Company, Group, Person, object_id
from custom_filters.sandbox.azure.tenant import Tenant
from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.faults import Faults
from custom_filters.sandbox.rude import Rude

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# What the app is granted unless a test takes some away: the reads, and the writes for disabling and marking.
PERMISSIONS = frozenset(
    {
        "Application.Read.All",
        "Application.ReadWrite.OwnedBy",
        "AuditLog.Read.All",
        "GroupMember.Read.All",
        "MailboxSettings.Read",
        "Organization.Read.All",
        "RoleManagement.Read.Directory",
        "User.EnableDisableAccount.All",
        "User.Read.All",
        "User.ReadWrite.All",
        "User.RevokeSessions.All",
    }
)


class Settings(Protocol):
    """What the sandbox tells its clouds."""

    @property
    def users(self) -> int:
        """How many people the tenant has."""

    @property
    def seed(self) -> int:
        """Makes the tenant and the faults repeatable."""

    @property
    def latency_ms(self) -> float:
        """How long each Graph request takes at least."""


class AzureCloud:
    """One Entra tenant and one app registration, whose secret is made at start.

    settings: users, seed, latency_ms; clock: now() in aware UTC; calls: counts `azure:GET /users` and so on
    (`azure:batch:PATCH /users/{id}` inside a batch); faults: see `faults`, read at every request.
    on_request(cloud, action, phase, is_write): called with phase before and after each call; it may raise
    ConnectionDroppedError, in the before phase the write then never happens.
    """

    FAULTS = FAULTS
    check_faults = staticmethod(check)

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        calls: Counter[str],
        faults: MutableMapping[str, object],
        people: Company | None = None,
    ) -> None:
        self.calls, self.faults = calls, faults
        self.on_request: Callable[[str, str, str, bool], None] | None = None
        self._lock = threading.Lock()
        name = f"{settings.seed}"
        self.app = App(object_id("tenant", name), object_id("app", name), object_id("principal", name))
        strikes = Faults(faults, settings.seed)
        directory = Directory(people or company(settings.users, settings.seed, clock.now()), clock.now)
        own = Registration(object_id("registration", name), self.app.client, "c7n-unused", self.app.principal)
        directory.apps[own.id] = own
        self.tenant = Tenant(self.app, directory, clock, strikes, set(PERMISSIONS), set())
        tokens = Tokens(strikes)
        login = Login(self.app, tokens, strikes, self.tenant.granted, self._count)
        polite = Graph(self.tenant, tokens, self._count, self._told, settings.latency_ms)
        graph = Rude(polite, strikes, "graph")
        self.hosts: dict[str, WSGIApplication] = dict.fromkeys(CLOUDS, login)
        self.hosts |= {graph_host: graph for graph_host, _ in CLOUDS.values()}

    @property
    def environment(self) -> dict[str, str]:
        """A client secret's three variables; there is no subscription, so none is named."""
        return {
            "AZURE_TENANT_ID": self.app.tenant,
            "AZURE_CLIENT_ID": self.app.client,
            "AZURE_CLIENT_SECRET": self.app.secret,
        }

    @property
    def permissions(self) -> set[str]:
        """The app's Graph permissions; may be changed."""
        return self.tenant.permissions

    @property
    def app_roles(self) -> set[str]:
        """Directory roles that the app itself holds (it may then act on admins); may be changed."""
        return self.tenant.app_roles

    @property
    def people(self) -> list[Person]:
        """Everyone, in listing order."""
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
        """By id or UPN; raises KeyError."""
        with self.tenant.lock:
            found = self.tenant.directory.find(key)
        if found is None:
            raise KeyError(key)
        return found

    def change(self, key: str, **changes: object) -> Person:
        """Changes fields of a person, as an admin would in the portal; returns the new state."""
        with self.tenant.lock:
            return self.tenant.directory.change(self.person(key), **changes)

    def sign_in(self, key: str, at: datetime | None = None) -> None:
        """The person signs in, successfully and interactively, now by the sandbox's clock or at `at`."""
        moment = at or self.tenant.clock.now()
        before = self.person(key).activity or Activity()
        self.change(key, activity=Activity(moment, before.non_interactive, moment))

    def extensions(self, key: str) -> dict[str, dict[str, object]]:
        """The open extensions of a person, by name; may be edited, as somebody with the portal could."""
        return self.person(key).extensions

    def hand(self, hand: str, who: str, **more: object) -> None:
        """Somebody else acts: see `hands.HANDS`."""
        hands.act(self.tenant, hand, who, **more)

    def _count(self, key: str) -> None:
        with self._lock:
            self.calls[key] += 1

    def _told(self, action: str, phase: str, is_write: bool) -> None:
        if self.on_request:
            self.on_request("azure", action, phase, is_write)
