"""Actions on azure.directory-user: disable and enable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from c7n.utils import local_session, type_schema

from custom_filters.azure.client import Graph, shared_graph, shared_tenant
from custom_filters.azure.exempt import get_exempt_groups, get_groups_of
from custom_filters.azure.filters import AT_THE_SOURCE, DirectoryUserUnusedCredentials, forget_facts
from custom_filters.azure.hands import AzureHands
from custom_filters.azure.identities import SUCCESSFUL
from custom_filters.azure.restoring import restore
from custom_filters.azure.users import forget_listing, shared_listing
from custom_filters.core.actionlog import Action
from custom_filters.core.credential import Identity
from custom_filters.core.exemption import Exemption
from custom_filters.core.retire import Target, retire
from custom_filters.custodian import clock
from custom_filters.custodian.actions import UnusedAction
from custom_filters.custodian.store import forget
from custom_filters.custodian.validation import has_unused_filter, unused_filter

#: The name of a mark stands before the first `=` in our extension.
TAG: Mapping[str, Any] = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[^=]+$"}


class DirectoryUserAction(UnusedAction):
    """What our actions on Entra users share: the client, the caller, the users as this run listed them."""

    graph: Graph
    now: datetime
    tags: Mapping[str, Mapping[str, str]]

    def endpoint(self) -> str:
        """Graph's URL."""
        return shared_graph(self.manager).endpoint

    def caller(self) -> str:
        """Who acts: a user's name, or the app and its service principal."""
        claims = shared_graph(self.manager).token.claims()
        return str(claims.get("upn") or f"app {claims.get('appid')} (principal {claims.get('oid')})")

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """Take the client and the listing in this thread, whose session holds them."""
        self.now = clock.now()
        self.graph = shared_graph(self.manager)
        self.tenant = shared_tenant(self.manager)
        self.tags = shared_listing(self.manager).tags

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """The user as the action log names it."""
        return Identity("azure", self.tenant, resource["userPrincipalName"], resource["id"], ())

    def finish(self) -> None:
        """The next policy of this run must see what was changed."""
        forget_listing(self.manager)


class DisableUnused(DirectoryUserAction):
    """Disable Entra users that nobody uses, each after a fresh look, and end their sessions.

    accountEnabled becomes false; that it was true is recorded in our extension on the user first. Users are
    left alone who are the caller, exempt, privileged (unless `include-admins`: active, eligible, or by a
    group), mastered on-premises, or not marked as due (unless `require-mark: false`).

    :example:

    .. code-block:: yaml

        policies:
          - name: azure-directory-user-unused-disable
            resource: azure.directory-user
            max-resources: 100
            filters:
              - type: unused-mark
                state: due
                op: disable-unused
                tag: c7n-unused
              - type: unused-credentials
                days: 90
                exemptions: exemptions.yml
            actions:
              - type: disable-unused
                tag: c7n-unused
    """

    schema = type_schema(
        "disable-unused",
        **{"tag": TAG, "include-admins": {"type": "boolean"}, "require-mark": {"type": "boolean"}},
    )
    permissions = (
        "AuditLog.Read.All",
        "GroupMember.Read.All",
        "RoleManagement.Read.Directory",
        "User.EnableDisableAccount.All",
        "User.Read.All",
        "User.ReadWrite.All",
        "User.RevokeSessions.All",
    )

    def option_problem(self) -> str | None:
        """Without the filter there are no terms on which to act."""
        if not has_unused_filter(self.manager.data):
            return "disable-unused needs an 'unused-credentials' filter in its policy"
        return None

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """Read roles, exempt groups and exemptions again, whatever was read before in this run."""
        super().prepare(resources)
        data = unused_filter(self.manager.data)
        session = local_session(self.manager.session_factory)
        forget(session, ("exemptions", data.get("exemptions")))
        forget_facts(self.manager, data.get("exempt-tag"))
        self._filter = DirectoryUserUnusedCredentials(dict(data), self.manager)
        found = self._filter.identities(resources, self.now)
        self._known = {identity.id: identity for _, identity in found}
        self._me = self.graph.token.claims().get("oid")
        group = data.get("exempt-tag")
        self._exempt_groups = get_exempt_groups(self.graph, group) if group else frozenset()
        self._hands = AzureHands(
            graph=self.graph,
            tag=self.tag,
            now=self.now,
            privileged=self._filter.privileged(),
            exemption=self._exemption,
            successful=self._filter.evidence == (SUCCESSFUL,),
        )

    def _exemption(self, known: Identity) -> Exemption | None:
        member = self._exempt_groups and not self._exempt_groups.isdisjoint(
            get_groups_of(self.graph, known.id)
        )
        return self._filter.exemption_of(known.account, known.name, known.id, bool(member), self.now)

    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """One user, by the order of checks that all clouds share."""
        mark = self.tags.get(resource["id"], {}).get(self.tag)
        target = Target(self._known[resource["id"]], mark, self._protected(resource))
        return retire(target, self.terms(), self._hands, self.now)

    def _protected(self, resource: Mapping[str, Any]) -> str | None:
        if resource["id"] == self._me:
            return "it is the identity that runs this policy"
        if resource.get("onPremisesSyncEnabled"):
            return f"{AT_THE_SOURCE}: Entra only mirrors this user"
        return None


class EnableUnused(DirectoryUserAction):
    """Enable again the users whose restore record says that we disabled them.

    With `record` (a list of kind=id, as a run's action log has it) nothing is done where the record in the
    cloud says otherwise.

    :example:

    .. code-block:: yaml

        policies:
          - name: azure-directory-user-restore
            resource: azure.directory-user
            filters:
              - userPrincipalName: jane.doe@example.com
            actions:
              - type: enable-unused
    """

    schema = type_schema(
        "enable-unused",
        tag=TAG,
        record={"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    )
    permissions = (
        "AuditLog.Read.All",
        "User.EnableDisableAccount.All",
        "User.Read.All",
        "User.ReadWrite.All",
    )

    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """One user, from a fresh read of its record."""
        return restore(self.graph, self.identity(resource), self.tag, self.data.get("record"), self.now)
