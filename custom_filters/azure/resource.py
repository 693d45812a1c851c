"""The resource azure.directory-user: the people of a Microsoft Entra tenant."""

from __future__ import annotations

import re
from typing import Any

from c7n.cache import NullCache
from c7n.exceptions import PolicyValidationError
from c7n_azure.provider import resources
from c7n_azure.query import DescribeSource, QueryResourceManager, TypeInfo

from custom_filters.azure.client import shared_graph, shared_tenant
from custom_filters.azure.listing import NOTES_APP, shared_listing, shared_properties
from custom_filters.azure.notes import APP_PATTERN
from custom_filters.azure.users import get_user
from custom_filters.custodian.calls import record_account


class DirectorySource(DescribeSource):
    """Lists the tenant's users, once for all policies of a run."""

    def __init__(self, manager: Any) -> None:
        """No query object of c7n-azure's: Graph is none of its SDKs."""
        self.manager = manager

    def validate(self) -> None:
        """There is this one way to list users, and one thing to ask of it."""
        if "source" in self.manager.data:
            raise PolicyValidationError("azure.directory-user takes no `source:`; remove it")
        for part in self.manager.data.get("query") or ():
            if set(part) != {NOTES_APP} or not re.fullmatch(APP_PATTERN, str(part[NOTES_APP])):
                raise PolicyValidationError(
                    f"azure.directory-user: `query:` takes {NOTES_APP!r} with an application id, not {part}"
                )

    def get_resources(self, query: Any) -> list[dict[str, Any]]:
        """Every user; each policy gets dicts of its own, so that annotations stay apart."""
        record_account(self.manager, shared_tenant(self.manager))
        return [dict(user) for user in shared_listing(self.manager).users]

    def get_permissions(self) -> tuple[str, ...]:
        """The Graph permissions behind the listing."""
        return ("AuditLog.Read.All", "User.Read.All")


@resources.register("directory-user")
class DirectoryUser(QueryResourceManager):
    """Users of a Microsoft Entra tenant, with their sign-in activity.

    No subscription is needed: the account is the tenant. `query: [{notes-app: ID}]` names the application
    id that `c7n-unused setup -p azure` printed; without it that is the variable C7N_UNUSED_ENTRA_APP.

    :example:

    .. code-block:: yaml

        policies:
          - name: azure-directory-guests-pending
            resource: azure.directory-user
            filters:
              - type: value
                key: externalUserState
                value: PendingAcceptance
    """

    class resource_type(TypeInfo):  # noqa: N801 (the name that c7n looks for)
        """What c7n wants to know of a user."""

        doc_groups = ("Identity",)
        id = "id"
        name = "userPrincipalName"
        date = "createdDateTime"
        default_report_fields = ("userPrincipalName", "displayName", "userType", "accountEnabled", "id")

    def __init__(self, ctx: Any, data: Any) -> None:
        """Without Custodian's cache, which hands one dict to all policies and whose key lacks the tenant."""
        super().__init__(ctx, data)
        self._cache = NullCache(self.config)

    def get_source(self, source_type: str) -> DirectorySource:
        """The one source there is."""
        return DirectorySource(self)

    def get_resources(self, resource_ids: list[str], **params: Any) -> list[dict[str, Any]]:
        """Single users by object id; those that are gone are left out."""
        graph, properties = shared_graph(self), shared_properties(self)
        return [found for found in (get_user(graph, key, properties) for key in resource_ids) if found]

    def get_permissions(self) -> tuple[str, ...]:
        """Those of the source."""
        return self.source.get_permissions()  # type: ignore[no-any-return]
