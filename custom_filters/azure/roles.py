"""Reads who holds a directory role and who is in the exempt group.

Roles are active, eligible (privileged identity management) or held through a group:
https://learn.microsoft.com/graph/api/resources/unifiedroleassignment and unifiedroleeligibilityschedule.
Only role-assignable groups can hold roles; their members count even without one: Graph protects them too.

`exempt-tag` names a group by object id or display name. Names are not unique and any user may make a group:
a policy that acts should name the id.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from c7n.exceptions import PolicyExecutionError

from custom_filters.azure.client import Graph
from custom_filters.azure.errors import NO_PIM, GraphError, found_or_none

log = logging.getLogger("custodian.unused")

_MANAGED = "/roleManagement/directory"
_PAGE = {"$top": "999"}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def get_privileged(graph: Graph) -> frozenset[str] | None:
    """Ids of the principals that hold a role in any of the three ways; None when we may not read that.

    Any other failure is raised.
    """
    try:
        active = graph.ids(f"{_MANAGED}/roleAssignments", {}, "principalId")
        return frozenset([*active, *_eligible(graph), *_by_group(graph)])
    except GraphError as error:
        if not error.denied:
            raise
        log.warning("who is privileged is unknown, so nobody will be marked or disabled: %s", error)
        return None


def _eligible(graph: Graph) -> list[str]:
    """A tenant without the licence for privileged identity management cannot have eligible assignments."""
    try:
        return list(graph.ids(f"{_MANAGED}/roleEligibilitySchedules", {}, "principalId"))
    except GraphError as error:
        if error.code != NO_PIM:
            raise
        return []


def _by_group(graph: Graph) -> Iterator[str]:
    for group in list(graph.ids("/groups", {"$filter": "isAssignableToRole eq true"})):
        yield from members_of(graph, group)


def members_of(graph: Graph, group: str) -> Iterator[str]:
    """Ids of everything in a group, directly or through groups."""
    return graph.ids(f"/groups/{group}/transitiveMembers", _PAGE)


def get_exempt_groups(graph: Graph, name: str) -> frozenset[str]:
    """Ids of the groups that `exempt-tag` names; an unknown id is an error, an unknown name is not."""
    if not _ID.fullmatch(name):
        quoted = name.replace("'", "''")
        return frozenset(graph.ids("/groups", {"$filter": f"displayName eq '{quoted}'"}))
    group = found_or_none(lambda: graph.get(f"/groups/{name}", {"$select": "id"}))
    if group is None:
        raise PolicyExecutionError(f"exempt-tag: the tenant has no group {name}; correct the id")
    return frozenset([str(group.get("id", name))])


def get_exempt_members(graph: Graph, name: str) -> frozenset[str]:
    """Ids of the users in those groups, directly or through groups."""
    return frozenset(
        member for group in get_exempt_groups(graph, name) for member in members_of(graph, group)
    )


def get_groups_of(graph: Graph, user: str) -> Iterator[str]:
    """Ids of the groups and roles that a user is in, directly or through groups."""
    return graph.ids(f"/users/{user}/transitiveMemberOf", _PAGE)
