"""Who holds a directory role: active, eligible (privileged identity management) or through a group.

https://learn.microsoft.com/graph/api/resources/unifiedroleassignment and unifiedroleeligibilityschedule.
Groups can hold roles only if they are role-assignable; whoever is in such a group counts, role or not, since
Graph protects them likewise.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from custom_filters.azure.client import Graph
from custom_filters.azure.errors import NO_PIM, GraphError

log = logging.getLogger("custodian.unused")

_MANAGED = "/roleManagement/directory"
_MEMBERS = {"$select": "id", "$top": "999"}


def get_privileged(graph: Graph) -> frozenset[str] | None:
    """Ids of the principals that hold a role in any of the three ways; None when we may not read that.

    Any other failure is raised.
    """
    try:
        return frozenset([*_active(graph), *_eligible(graph), *_by_group(graph)])
    except GraphError as error:
        if not error.denied:
            raise
        log.warning("who is privileged is unknown, so nobody will be marked or disabled: %s", error)
        return None


def _active(graph: Graph) -> Iterator[str]:
    for item in graph.items(f"{_MANAGED}/roleAssignments", {"$select": "principalId"}):
        yield item["principalId"]


def _eligible(graph: Graph) -> list[str]:
    """A tenant without the licence for privileged identity management cannot have eligible assignments."""
    try:
        found = graph.items(f"{_MANAGED}/roleEligibilitySchedules", {"$select": "principalId"})
        return [item["principalId"] for item in found]
    except GraphError as error:
        if error.code != NO_PIM:
            raise
        return []


def _by_group(graph: Graph) -> Iterator[str]:
    groups = graph.items("/groups", {"$filter": "isAssignableToRole eq true", "$select": "id"})
    for group in list(groups):
        yield from members_of(graph, group["id"])


def members_of(graph: Graph, group: str) -> Iterator[str]:
    """Ids of all that are in a group, directly or through groups."""
    for member in graph.items(f"/groups/{group}/transitiveMembers", _MEMBERS):
        yield member["id"]
