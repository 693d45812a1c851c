"""One API request on its way to what answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from custom_filters.sandbox.gcp.documents import Method
from custom_filters.sandbox.gcp.errors import not_authorized, permission_denied
from custom_filters.sandbox.gcp.faults import Faults
from custom_filters.sandbox.gcp.pages import Pages
from custom_filters.sandbox.gcp.people import EVERY_PRIVILEGE, Person
from custom_filters.sandbox.gcp.state import State
from custom_filters.sandbox.gcp.tokens import Token

Item = TypeVar("Item")


@dataclass(frozen=True)
class Call:
    """A request that was routed, authenticated and checked against the discovery document."""

    method: Method
    params: Mapping[str, Any]
    body: Mapping[str, Any]
    token: Token
    state: State
    faults: Faults
    pages: Pages
    permissions: frozenset[str]
    now: datetime

    @property
    def caller(self) -> Person | None:
        """The user whom the token stands for, if any."""
        return self.state.person(self.token.subject) if self.token.subject else None

    def page(self, listing: Callable[[], Sequence[Item]], size: int) -> tuple[Sequence[Item], dict[str, str]]:
        """The asked page, and `{"nextPageToken": ...}` unless it is the last; only the first lists."""
        part, token = self.pages.cut(listing, size, (self.method.id, self.params), self.now)
        return part, {"nextPageToken": token} if token else {}

    def may(self, privilege: str) -> bool:
        """Whether the subject is an administrator with this privilege."""
        caller = self.caller
        if caller is None or self.faults.text("subject") == "notadmin" or caller.suspended:
            return False
        if privilege in self.faults.listed("deny"):
            return False
        held = caller.privileges if caller.delegated_admin else frozenset[str]()
        return caller.admin or privilege in held or EVERY_PRIVILEGE in held

    def require_privilege(self, privilege: str) -> None:
        """Raises the Directory API's 403 unless the subject has the privilege."""
        if not self.may(privilege):
            raise not_authorized()

    def granted(self, permission: str) -> bool:
        """Whether the caller has this IAM permission (in every project alike)."""
        return permission in self.permissions and permission not in self.faults.listed("deny")

    def require_permission(self, permission: str, resource: str) -> None:
        """Raises Cloud IAM's 403 unless the caller has the permission."""
        if self.token.subject or not self.granted(permission):
            raise permission_denied(permission, resource)


Handler = Callable[[Call], dict[str, Any] | None]


def rfc3339(moment: datetime, *, millis: bool = False) -> str:
    """`2026-01-31T12:00:00Z`, or with `.000` as the Admin SDK writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (".000Z" if millis else "Z")
