"""What every Graph handler works with: the directory, the clock, the faults, and what the app may do."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from custom_filters.sandbox.azure.directory import Directory
from custom_filters.sandbox.azure.faults import Faults
from custom_filters.sandbox.azure.login import App
from custom_filters.sandbox.azure.odata import Answer, Call, GraphError, Pages, denied, not_found
from custom_filters.sandbox.azure.people import NULL_DATE, Person

Allowed = Iterable[Iterable[str]]
USER_READ = [
    {name}
    for name in ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
]


class Clock(Protocol):
    """The sandbox's clock."""

    def now(self) -> datetime:
        """The time in the sandbox, aware UTC."""


@dataclass
class Tenant:
    """permissions: Graph application permissions; app_roles: directory roles of the app itself."""

    app: App
    directory: Directory
    clock: Clock
    faults: Faults
    permissions: set[str]
    app_roles: set[str]
    pages: Pages = field(default_factory=Pages)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _reads: deque[float] = field(default_factory=deque)
    _licensed: int = 0

    def granted(self) -> set[str]:
        """What the app may do now."""
        return self.permissions - self.faults.names("permission")

    def person(self, key: str) -> Person:
        """The user with this id or UPN; raises 404."""
        person = self.directory.find(key)
        if person is None:
            raise not_found(key)
        return person

    def require(self, *alternatives: Iterable[str]) -> None:
        """Refuses unless the app has every permission of one of the alternatives."""
        granted = self.granted()
        if not any(granted.issuperset(alternative) for alternative in alternatives):
            raise denied()

    def check_activity(self) -> None:
        """What signInActivity needs besides: rate, AuditLog.Read.All, a licence."""
        self._check_rate()
        self.require({"AuditLog.Read.All"})
        fault = self.faults.text("license")
        self._licensed += fault == "intermittent"
        if fault == "missing" or (fault == "intermittent" and self._licensed % 3):
            raise GraphError(
                403,
                "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
                "Neither tenant is B2C or tenant doesn't have premium license",
            )

    def _check_rate(self) -> None:
        limit = self.faults.number("rate_limit")
        now = time.monotonic()
        while self._reads and self._reads[0] <= now - 60:
            self._reads.popleft()
        if limit and len(self._reads) >= limit:
            wait = int(self._reads[0] + 60 - now) + 1
            raise GraphError(429, "TooManyRequests", "Too many requests", {"Retry-After": str(wait)})
        self._reads.append(now)


@dataclass(frozen=True)
class Route:
    """One resource: the path's template, its handler, and the permissions, any set of which is enough.

    `allowed` empty: the handler checks them itself.
    """

    method: str
    path: str
    handler: Callable[..., Answer]
    allowed: Allowed = ()

    def run(self, tenant: Tenant, call: Call, parts: dict[str, str]) -> Answer:
        """Checks the permissions and calls the handler."""
        if self.allowed:
            tenant.require(*self.allowed)
        return self.handler(tenant, call, **parts)


def text(moment: datetime | None) -> str | None:
    """A date as Graph sends it."""
    if moment is None:
        return None
    return "0001-01-01T00:00:00Z" if moment == NULL_DATE else f"{moment:%Y-%m-%dT%H:%M:%S}Z"
