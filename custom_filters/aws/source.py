"""`source: unused-bulk`: the account's users and roles without one GetUser or GetRole each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from c7n.cache import NullCache
from c7n.query import DescribeSource

from custom_filters.aws.client import aws_client
from custom_filters.aws.roles import get_role, shared_roles
from custom_filters.aws.users import get_user, shared_listing

NAME = "unused-bulk"


class _Bulk(NamedTuple):
    """How resources of one type are listed, and read one by one by name."""

    listed: Callable[[Any], Iterable[dict[str, Any]]]
    single: Callable[[Any, str], dict[str, Any] | None]
    permissions: tuple[str, ...]


_DETAILS = "iam:GetAccountAuthorizationDetails"
_BY_TYPE = {
    "iam-user": _Bulk(
        lambda manager: shared_listing(manager).users, get_user, ("iam:ListUsers", _DETAILS, "iam:GetUser")
    ),
    "iam-role": _Bulk(lambda manager: shared_roles(manager).roles, get_role, (_DETAILS, "iam:GetRole")),
}


class UnusedBulkSource(DescribeSource):
    """List users in bulk, with tags, groups and attached policies; or roles, with tags, trust and last use.

    Custodian's resource cache is left out: it would hide a tag that was set minutes ago. The policies of one
    run share the listing all the same.
    """

    def __init__(self, manager: Any) -> None:
        """Take the manager's cache away."""
        super().__init__(manager)
        manager._cache = NullCache(manager.config)

    def resources(self, query: Any) -> list[dict[str, Any]]:
        """All of them; each policy gets dicts of its own, so that annotations stay apart."""
        return [dict(one) for one in self._bulk.listed(self.manager)]

    def get_resources(self, ids: list[str], cache: bool = True) -> list[dict[str, Any]]:
        """Single ones, as event-driven policies ask for them."""
        iam = aws_client(self.manager)
        return [one for one in (self._bulk.single(iam, name) for name in ids) if one]

    def augment(self, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Nothing is left to add."""
        return resources

    def get_permissions(self) -> list[str]:
        """The calls behind the listing."""
        return list(self._bulk.permissions)

    @property
    def _bulk(self) -> _Bulk:
        return _BY_TYPE[self.manager.type]
