"""Filters on azure.directory-user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from c7n.utils import local_session

from custom_filters.azure.client import shared_graph, shared_tenant
from custom_filters.azure.exempt import get_exempt_members
from custom_filters.azure.identities import KINDS, SIGN_IN, SUCCESSFUL, Facts, transform_identity
from custom_filters.azure.owners import SOURCES, get_owners
from custom_filters.azure.roles import get_privileged
from custom_filters.azure.users import shared_listing
from custom_filters.core.credential import Identity
from custom_filters.core.exemption import Exemption
from custom_filters.core.finding import ANNOTATION, Progress
from custom_filters.custodian.filters import UnusedCredentials, unused_schema
from custom_filters.custodian.mark_filter import UnusedMark
from custom_filters.custodian.markers import RECORD_TAG, progress_of
from custom_filters.custodian.store import forget, shared

#: What becomes of users whom Entra only mirrors.
AT_THE_SOURCE = "disable at the source (on-premises)"
_READ = ("AuditLog.Read.All", "User.Read.All")


class DirectoryUserUnusedCredentials(UnusedCredentials):
    """Select Entra users by whether anybody signs in as them.

    The newest of the three dates of signInActivity decides; with `evidence: [successful]` only successful
    sign-ins count. `exempt-tag` names a group, by object id or display name, whose members are exempt.
    `owner: [manager, sponsor]` asks, for the users that are selected, who is responsible for them.
    Sign-in activity needs Entra ID P1 or P2, and is up to a day late.

    :example:

    .. code-block:: yaml

        policies:
          - name: azure-directory-user-unused
            resource: azure.directory-user
            filters:
              - type: unused-credentials
                days: 90
                verdicts: [stale, never-used]
                exempt-tag: c7n-unused-exempt
                owner: [manager, sponsor]
    """

    provider = "azure"
    default_evidence = (SIGN_IN,)
    schema = unused_schema(
        KINDS,
        (SIGN_IN, SUCCESSFUL),
        more={
            "owner": {"type": "array", "items": {"enum": list(SOURCES)}, "minItems": 1, "uniqueItems": True}
        },
    )
    permissions = (*_READ, "GroupMember.Read.All", "RoleManagement.Read.Directory")

    def process(
        self, resources: list[dict[str, Any]], event: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """See the base; owners are read for the selected users only."""
        selected = super().process(resources, event)
        sources = self.data.get("owner", ())
        if sources and selected:
            owners = get_owners(shared_graph(self.manager), [r["id"] for r in selected], sources)
            for resource in selected:
                owner, source = owners[resource["id"]]
                resource[ANNOTATION].update(owner=owner, owner_source=source)
        return selected

    def progress(self, resource: Mapping[str, Any]) -> Progress:
        """From our extension on the user; who was switched on again by other hands is not disabled."""
        tags = dict(shared_listing(self.manager).tags.get(resource["id"], {}))
        if resource.get("accountEnabled") is not False:
            tags.pop(RECORD_TAG, None)
        found = progress_of(tags)
        synced = found.phase == "detected" and resource.get("onPremisesSyncEnabled")
        return replace(found, next_action=AT_THE_SOURCE) if synced else found

    def identities(
        self, resources: list[dict[str, Any]], now: datetime
    ) -> Iterator[tuple[dict[str, Any], Identity]]:
        """Every user with what is known of it."""
        if not resources:
            return
        listing = shared_listing(self.manager)
        privileged = self.privileged()
        exempt = self._exempt()
        for resource in resources:
            key, name = resource["id"], resource["userPrincipalName"]
            facts = Facts(
                tenant=listing.tenant,
                tags=listing.tags.get(key, {}),
                privileged=None if privileged is None else key in privileged,
                exemption=self.exemption_of(listing.tenant, name, key, key in exempt, now),
                successful=self.evidence == (SUCCESSFUL,),
                now=now,
            )
            yield resource, transform_identity(resource, facts)

    def privileged(self) -> frozenset[str] | None:
        """Ids of those who hold a role, read once a run; None when that may not be read."""
        graph, session = shared_graph(self.manager), local_session(self.manager.session_factory)
        return shared(session, _privileged_key(self.manager), lambda: get_privileged(graph))

    def exemption_of(
        self, account: str, name: str, key: str, member: bool, now: datetime
    ) -> Exemption | None:
        """By the file first; then, for a `member` of the exempt group, by that."""
        group = self.data.get("exempt-tag")
        return self.exemption(
            account, name, key, {group: f"member of the group {group}"} if member else {}, now
        )

    def _exempt(self) -> frozenset[str]:
        group = self.data.get("exempt-tag")
        if group is None:
            return frozenset()
        graph, session = shared_graph(self.manager), local_session(self.manager.session_factory)
        return shared(session, _exempt_key(self.manager, group), lambda: get_exempt_members(graph, group))


def forget_facts(manager: Any, exempt_group: str | None) -> None:
    """Have roles and the exempt group read again: somebody is about to be disabled."""
    session = local_session(manager.session_factory)
    forget(session, _privileged_key(manager))
    forget(session, _exempt_key(manager, exempt_group))


def _privileged_key(manager: Any) -> tuple[str, str]:
    return ("entra-privileged", shared_tenant(manager))


def _exempt_key(manager: Any, group: str | None) -> tuple[str, str, str | None]:
    return ("entra-exempt", shared_tenant(manager), group)


class DirectoryUserUnusedMark(UnusedMark):
    """Select Entra users by the state of the mark that announces an operation.

    :example:

    .. code-block:: yaml

        policies:
          - name: azure-directory-user-malformed-marks
            resource: azure.directory-user
            filters:
              - type: unused-mark
                state: malformed
                op: disable-unused
                tag: c7n-unused
    """

    permissions = _READ

    def mark(self, resource: dict[str, Any], tag: str) -> str | None:
        """From our extension on the user, as this run listed it."""
        return shared_listing(self.manager).tags.get(resource["id"], {}).get(tag)

    def name(self, resource: dict[str, Any]) -> str:
        """The user principal name."""
        return str(resource["userPrincipalName"])
