"""Who holds an administrator role, directly or through a group; read before anybody is touched.

https://developers.google.com/workspace/admin/directory/reference/rest/v1/roleAssignments/list: isAdmin and
isDelegatedAdmin are not relied on alone, since roles can be given to groups.
"""

from __future__ import annotations

from typing import Any

from custom_filters.custodian.store import shared
from custom_filters.gcp.client import Api, Client, session_of, shared_client, shared_login

ASSIGNMENTS = Api("admin", "directory_v1", "roleAssignments", "admin.directory.rolemanagement.readonly")
MEMBERS = Api("admin", "directory_v1", "members", "admin.directory.group.member.readonly")
_PAGE = 200


def shared_role_holders(manager: Any) -> frozenset[str]:
    """Ids of the users with a role, read once a run."""
    login = shared_login(manager)
    clients = shared_client(manager, ASSIGNMENTS), shared_client(manager, MEMBERS)
    return shared(
        session_of(manager), ("gcp-roles", login), lambda: get_role_holders(*clients, login.customer)
    )


def get_role_holders(assignments: Client, members: Client, customer: str) -> frozenset[str]:
    """Ids of all assignees, groups resolved to their members."""
    holders: set[str] = set()
    groups: list[str] = []
    for item in assignments.items("list", "items", customer=customer, maxResults=_PAGE):
        is_group = item.get("assigneeType", "user").lower() == "group"
        (groups.append if is_group else holders.add)(item["assignedTo"])
    return frozenset(holders | _members(members, groups))


def _members(members: Client, groups: list[str]) -> set[str]:
    found: set[str] = set()
    waiting, seen = list(groups), set(groups)
    while waiting:
        for item in members.items("list", "members", groupKey=waiting.pop(), maxResults=_PAGE):
            if item.get("type") != "GROUP":
                found.add(item["id"])
            elif item["id"] not in seen:
                seen.add(item["id"])
                waiting.append(item["id"])
    return found
