"""The resource gcp.directory-user: the people of a Google Workspace or Cloud Identity customer."""

from __future__ import annotations

from typing import Any

from c7n.cache import NullCache
from c7n.exceptions import PolicyExecutionError
from c7n_gcp.provider import resources
from c7n_gcp.query import QueryResourceManager, TypeInfo

from custom_filters.custodian.calls import record_account
from custom_filters.gcp.client import shared_login
from custom_filters.gcp.directory import USERS_READ, shared_listing


@resources.register("directory-user")
class DirectoryUser(QueryResourceManager):
    """Users of a Google Workspace or Cloud Identity customer, with the time of their last sign-in.

    The account is the customer, whatever project the policy runs for: GOOGLE_WORKSPACE_CUSTOMER, read on
    behalf of GOOGLE_WORKSPACE_SUBJECT by domain-wide delegation. Organisations with single sign-on are
    listed too.

    :example:

    .. code-block:: yaml

        policies:
          - name: gcp-directory-user-suspended
            resource: gcp.directory-user
            filters:
              - type: value
                key: suspended
                value: true
    """

    class resource_type(TypeInfo):  # noqa: N801 (the name that c7n looks for)
        """What c7n wants to know of a user."""

        service, version, component = USERS_READ.service, USERS_READ.version, USERS_READ.component
        scopes = USERS_READ.scopes
        enum_spec = ("list", "users[]", None)
        scope = None
        id = "id"
        name = "primaryEmail"
        default_report_fields = ("primaryEmail", "id", "lastLoginTime", "suspended", "isAdmin", "orgUnitPath")
        urn_component = "directory-user"
        urn_has_project = False
        allow_metrics_filters = False

    def __init__(self, ctx: Any, data: Any) -> None:
        """Without Custodian's cache, whose key does not know customers apart."""
        super().__init__(ctx, data)
        self._cache = NullCache(self.config)

    def get_permissions(self) -> tuple[str, ...]:
        """None that IAM could grant: scopes and our subject's privileges decide."""
        return ()

    def _fetch_resources(self, query: Any) -> list[dict[str, Any]]:
        """Every user, or an error; each policy gets dicts of its own, so that annotations stay apart."""
        if query:
            raise PolicyExecutionError("gcp.directory-user takes no `query:`; use filters")
        record_account(self, shared_login(self).customer)
        users = shared_listing(self).users
        record_account(self, users[0]["customerId"])  # which may have been asked for as `my_customer`
        return [dict(user) for user in users]
