"""One API request on its way to what answers it, and pages with opaque tokens that belong to one query."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from custom_filters.sandbox.faults import Faults
from custom_filters.sandbox.gcp.documents import Method
from custom_filters.sandbox.gcp.errors import ApiError, not_authorized, not_emulated, permission_denied
from custom_filters.sandbox.gcp.people import Person, Project
from custom_filters.sandbox.gcp.state import State
from custom_filters.sandbox.gcp.tokens import Token

Item = TypeVar("Item")
KEPT = 2_000  # tokens; the oldest go first
SIZES = frozenset({"maxResults", "pageSize", "pageToken", "fields", "prettyPrint", "alt", "quotaUser"})
#: Token -> its query, the list that was made when the first page was asked, where it goes on.
Pages = dict[str, tuple[str, Sequence[Any], int]]


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
        return self.state.person(self.token.subject) if self.token.subject else None

    def refuse(self, *names: str) -> None:
        """501 for parameters that are not emulated."""
        if given := [name for name in names if self.params.get(name)]:
            raise not_emulated(f"{given[0]} of {self.method.id}")

    def rows(
        self, name: str, items: Sequence[Item], show: Callable[[Item], dict[str, Any]], size: int
    ) -> dict[str, Any]:
        """A list's answer: the asked page of the items, each as `show` has it."""
        part, more = self.page(items, size)
        return listed(name, [show(item) for item in part], more)

    def page(self, items: Sequence[Item], size: int) -> tuple[Sequence[Item], dict[str, str]]:
        """The asked page of the first page's items, and `{"nextPageToken": ...}` unless it is the last."""
        kept = sorted((name, value) for name, value in self.params.items() if name not in SIZES)
        query, token = repr((self.method.id, kept)), self.params.get("pageToken")
        start = 0
        if token is not None:
            of, items, start = self.pages.get(token, ("", (), 0))
            if of != query:
                raise ApiError(400, "Invalid Input: pageToken")
        if start + size >= len(items):
            return items[start:], {}
        following = secrets.token_urlsafe(24)
        self.pages[following] = (query, items, start + size)
        if len(self.pages) > KEPT:
            self.pages.pop(next(iter(self.pages)), None)
        return items[start : start + size], {"nextPageToken": following}

    def lag(self, name: str, seconds: float = 1) -> float:
        """A fault that is a delay (in units of `seconds`), in seconds."""
        return self.faults.number(name) * seconds

    def may(self, privilege: str) -> bool:
        """Whether the subject is an administrator with this privilege."""
        caller = self.caller
        if caller is None or self.faults.text("subject") == "notadmin" or caller.suspended:
            return False
        if privilege in self.faults.names("deny"):
            return False
        return caller.admin or (caller.delegated_admin and privilege in caller.privileges)

    def require_privilege(self, privilege: str) -> None:
        """Raises the Directory API's 403 unless the subject has the privilege."""
        if not self.may(privilege):
            raise not_authorized()

    def check_customer(self, customer: str | None) -> None:
        """Raises unless `customer` is the subject's own (`my_customer` or the id)."""
        if customer == "my_customer" and self.caller is None:
            raise ApiError(400, "Invalid Input")  # a service account alone belongs to no customer
        if customer not in ("my_customer", self.state.customer.id):
            raise not_authorized()

    def granted(self, permission: str) -> bool:
        """Whether the caller has this IAM permission (in every project alike)."""
        return permission in self.permissions and permission not in self.faults.names("deny")

    def require_permission(self, permission: str, resource: str) -> None:
        """Raises Cloud IAM's 403 unless the caller has the permission."""
        if self.token.subject or not self.granted(permission):
            raise permission_denied(permission, resource)

    def project(self, key: str, permission: str) -> Project:
        """The project by id or number; one that is not there and one that is not allowed: the same 403."""
        project = self.state.project(key)
        self.require_permission(permission, f"projects/{key}")
        if project is None:
            raise permission_denied(permission, f"projects/{key}")
        return project


Handler = Callable[[Call], dict[str, Any]]


def listed(name: str, rows: Sequence[Any], more: Mapping[str, Any], **head: Any) -> dict[str, Any]:
    """A list's answer: an empty collection is left out, as everywhere in Google's APIs."""
    return {**head, **({name: list(rows)} if rows else {}), **more}


def moment(text: str) -> datetime:
    """The moment that a parameter names. Raises ApiError 400."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        raise ApiError(400, f"Invalid value: {text} is not an RFC 3339 time.") from None


def rfc3339(moment: datetime, *, millis: bool = False) -> str:
    """`2026-01-31T12:00:00Z`, or with `.000` as the Admin SDK writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (".000Z" if millis else "Z")
