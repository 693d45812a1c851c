"""Exemption by group: who is in the group that `exempt-tag` names is left alone.

Entra users have no tags. The group is named by its object id or its display name; names are not unique and,
by default, any user may make a group, so a policy that acts should name the id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from c7n.exceptions import PolicyExecutionError

from custom_filters.azure.client import Graph
from custom_filters.azure.errors import found_or_none
from custom_filters.azure.roles import members_of

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def get_exempt_groups(graph: Graph, name: str) -> frozenset[str]:
    """Ids of the groups that `exempt-tag` names; an id that there is not is an error, a name is not."""
    if not _ID.fullmatch(name):
        quoted = name.replace("'", "''")
        found = graph.items("/groups", {"$filter": f"displayName eq '{quoted}'", "$select": "id"})
        return frozenset(group["id"] for group in found)
    found_group = found_or_none(lambda: graph.get(f"/groups/{name}", {"$select": "id"}))
    if found_group is None:
        raise PolicyExecutionError(f"exempt-tag: the tenant has no group {name}; correct the id")
    return frozenset([found_group["id"]])


def get_exempt_members(graph: Graph, name: str) -> frozenset[str]:
    """Ids of the users in those groups, directly or through groups."""
    return frozenset(
        member for group in get_exempt_groups(graph, name) for member in members_of(graph, group)
    )


def get_groups_of(graph: Graph, user: str) -> Iterator[str]:
    """Ids of the groups and roles that a user is in, directly or through groups."""
    for item in graph.items(f"/users/{user}/transitiveMemberOf", {"$select": "id", "$top": "999"}):
        yield item["id"]
