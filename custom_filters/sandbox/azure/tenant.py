"""What every Graph handler works with: the directory, the clock, the faults, and what the app may do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TypeVar

from custom_filters.sandbox.azure.directory import Directory
from custom_filters.sandbox.azure.login import App
from custom_filters.sandbox.azure.odata import Answer, Call, GraphError, Json, Pages, matching, not_found
from custom_filters.sandbox.azure.people import NULL_DATE, Person, object_id
from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.faults import Faults, Window

T = TypeVar("T")
Allowed = Iterable[Iterable[str]]


def one_of(*permissions: str) -> list[set[str]]:
    """Alternatives of one permission each."""
    return [{name} for name in permissions]


READ_ALL = one_of("Directory.Read.All", "Directory.ReadWrite.All")
USER_READ = [*one_of("User.Read.All", "User.ReadWrite.All"), *READ_ALL]
DENIALS: dict[str, Callable[[str], str]] = {
    "Authorization_RequestDenied": lambda names: "Insufficient privileges to complete the operation.",
    "Authentication_MSGraphPermissionMissing": lambda names: (
        f"Calling principal does not have required MSGraph permissions {names}"
    ),
    "UnknownError": lambda names: json.dumps(
        {
            "errorCode": "PermissionScopeNotGranted",
            "message": f"Authorization failed due to missing permission scope {names}.",
            "instanceAnnotations": [],
        }
    ),
}


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
    window: Window = field(default_factory=Window)
    _licensed: int = 0

    def granted(self) -> set[str]:
        return self.permissions - self.faults.names("permission")

    def person(self, key: str) -> Person:
        person = self.directory.find(key)
        if person is None:
            raise not_found(key)
        return person

    def seen(self, key: str) -> Person:
        person = self.directory.find(key, self.faults.number("graph_read_lag"))
        if person is None:
            raise not_found(key)
        return person

    def listed(self) -> list[Person]:
        return list(self.directory.people.listed(self.faults.number("graph_list_lag")))

    def answer_list(
        self, call: Call, items: Sequence[T], show: Callable[[T], Json], context: str = ""
    ) -> Answer:
        """One page of the items that $filter lets through, with the properties of $select."""
        call.allow("$select", "$filter", "$top", "$skiptoken", "$count", "$orderby")
        found = matching(call, items, show)
        return self.pages.page(call, found, lambda one: call.pick(show(one)), context or call.path[1:])

    def denied(self, names: str = "") -> GraphError:
        """403: a permission is missing, or the object is out of the app's reach."""
        code = self.faults.text("denial") or "Authorization_RequestDenied"
        return GraphError(403, code, DENIALS[code](names))

    def require(self, *alternatives: Iterable[str]) -> None:
        """Refuses unless the app has every permission of one of the alternatives."""
        granted = self.granted()
        if not any(granted.issuperset(alternative) for alternative in alternatives):
            raise self.denied(", ".join(name for alternative in alternatives for name in sorted(alternative)))

    def check_rate(self, fault: str, seconds: float) -> None:
        """429 once the quota, which the fault states, is used up."""
        limit = self.faults.number(fault)
        wait = self.window.wait(fault, limit, seconds, self.clock.now().timestamp())
        if wait:
            headers = retry_after(self.faults.text("graph_429_retry_after") or str(int(wait) + 1))
            raise GraphError(429, "TooManyRequests", "Too many requests", headers)

    def check_license(self) -> None:
        fault = self.faults.text("license")
        self._licensed += fault == "intermittent"
        if fault == "missing" or (fault == "intermittent" and self._licensed % 3):
            code = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
            raise GraphError(403, code, "Neither tenant is B2C or tenant doesn't have premium license")

    def note(self, activity: str, person: Person, by: str = "") -> None:
        """Writes an audit record (auditLogs/directoryAudits); `by` is a UPN, default: the app."""
        who: Json = {"app": {"appId": self.app.client, "servicePrincipalId": self.app.principal}}
        if by:
            who = {"user": {"id": object_id("user", by), "displayName": by, "userPrincipalName": by}}
        audits = self.directory.audits
        row: Json = {"id": f"Directory_{object_id('audit', str(len(audits)))}", "category": "UserManagement"}
        row |= {"activityDisplayName": activity, "activityDateTime": text(self.clock.now())}
        row |= {"result": "success", "operationType": "Update", "loggedByService": "Core Directory"}
        target = {"id": person.id, "type": "User", "userPrincipalName": person.upn}
        audits.append({**row, "initiatedBy": who, "targetResources": [target]})


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
        if self.allowed:
            tenant.require(*self.allowed)
        denied = tenant.faults.names("deny_user")
        person = tenant.directory.find(parts.get("user", ""))
        if person and denied & {person.id, person.upn}:
            raise tenant.denied()
        return self.handler(tenant, call, **parts)


def retry_after(how: str) -> dict[str, str]:
    """The header: seconds, `none` for no header, `date` for an HTTP date in a second."""
    if how == "none":
        return {}
    moment = datetime.now(timezone.utc) + timedelta(seconds=1)
    return {"Retry-After": format_datetime(moment, usegmt=True) if how == "date" else how}


def text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return "0001-01-01T00:00:00Z" if moment == NULL_DATE else f"{moment:%Y-%m-%dT%H:%M:%S}Z"
