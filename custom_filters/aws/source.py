"""`source: unused-bulk`: the account's users and roles without one GetUser or GetRole each."""

from __future__ import annotations

from typing import Any

from c7n.cache import NullCache
from c7n.query import DescribeSource

from custom_filters.aws.client import aws_client
from custom_filters.aws.roles import get_role, shared_roles
from custom_filters.aws.users import get_user, shared_listing

NAME = "unused-bulk"


_DETAILS = "iam:GetAccountAuthorizationDetails"


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
        roles = self.manager.type == "iam-role"
        listed = shared_roles(self.manager).roles if roles else shared_listing(self.manager).users
        return [dict(one) for one in listed]

    def get_resources(self, ids: list[str], cache: bool = True) -> list[dict[str, Any]]:
        """Single ones, as event-driven policies ask for them."""
        iam, single = aws_client(self.manager), get_role if self.manager.type == "iam-role" else get_user
        return [one for one in (single(iam, name) for name in ids) if one]

    def augment(self, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Nothing is left to add."""
        return resources

    def get_permissions(self) -> list[str]:
        """The calls behind the listing."""
        users = ["iam:ListUsers", _DETAILS, "iam:GetUser"]
        return [_DETAILS, "iam:GetRole"] if self.manager.type == "iam-role" else users
