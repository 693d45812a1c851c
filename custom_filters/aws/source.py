"""`source: unused-bulk` on aws.iam-user: the account's users without one GetUser a user."""

from __future__ import annotations

from typing import Any

from c7n.cache import NullCache
from c7n.query import DescribeSource

from custom_filters.aws.client import aws_client
from custom_filters.aws.users import get_user, shared_listing

NAME = "unused-bulk"


class UnusedBulkSource(DescribeSource):
    """List users in bulk, with tags, groups and attached policies.

    Custodian's resource cache is left out: it would hide a tag that was set minutes ago. The policies of one
    run share the listing all the same.
    """

    def __init__(self, manager: Any) -> None:
        """Take the manager's cache away."""
        super().__init__(manager)
        manager._cache = NullCache(manager.config)

    def resources(self, query: Any) -> list[dict[str, Any]]:
        """Every user; each policy gets dicts of its own, so that annotations stay apart."""
        return [dict(user) for user in shared_listing(self.manager).users]

    def get_resources(self, ids: list[str], cache: bool = True) -> list[dict[str, Any]]:
        """Single users, as event-driven policies ask for them."""
        iam = aws_client(self.manager)
        return [user for user in (get_user(iam, name) for name in ids) if user]

    def augment(self, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Nothing is left to add."""
        return resources

    def get_permissions(self) -> list[str]:
        """The calls behind the listing."""
        return ["iam:ListUsers", "iam:GetAccountAuthorizationDetails", "iam:GetUser"]
