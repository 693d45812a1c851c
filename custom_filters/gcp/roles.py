"""Who holds an administrator role, directly or through a group; read before anybody is touched.

https://developers.google.com/workspace/admin/directory/reference/rest/v1/roleAssignments/list: isAdmin and
isDelegatedAdmin are not relied on alone, since roles can be given to groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from custom_filters.core.evidence import Unknown
from custom_filters.gcp.client import Api, Client, once_or_unknown, shared_client, shared_login
from custom_filters.gcp.errors import documented

ASSIGNMENTS = Api("admin", "directory_v1", "roleAssignments", "admin.directory.rolemanagement.readonly")
MEMBERS = Api("admin", "directory_v1", "members", "admin.directory.group.member.readonly")
_PAGE = 200


@dataclass(frozen=True)
class Holders:
    """Ids of the users and service accounts with a role; `everybody`: a group with one holds all users."""

    ids: frozenset[str] = frozenset()
    everybody: bool = False

    def __contains__(self, principal: object) -> bool:
        return self.everybody or principal in self.ids


def shared_holders(manager: Any) -> Holders | Unknown:
    """Who holds a role, read once a run; nobody may be touched where that is unknown."""
    customer = shared_login(manager).customer
    clients = shared_client(manager, ASSIGNMENTS), shared_client(manager, MEMBERS)
    key = ("gcp-holders",)
    return once_or_unknown(manager, "administrator roles", key, lambda: get_holders(*clients, customer))


def get_holders(assignments: Client, members: Client, customer: str) -> Holders:
    """All assignees, groups resolved to their members."""
    holders: set[str] = set()
    groups: list[str] = []
    with documented("roleAssignments.list"):
        for item in assignments.items("list", "items", customer=customer, maxResults=_PAGE):
            is_group = item.get("assigneeType", "user").lower() == "group"
            (groups.append if is_group else holders.add)(item["assignedTo"])
    with documented("members.list"):
        found, everybody = _members(members, groups)
    return Holders(frozenset(holders | found), everybody)


def _members(members: Client, groups: list[str]) -> tuple[set[str], bool]:
    """Members of these groups and of groups in them, and whether one holds the whole customer."""
    found: set[str] = set()
    everybody = False
    waiting, seen = list(groups), set(groups)
    while waiting:
        for item in members.items("list", "members", groupKey=waiting.pop(), maxResults=_PAGE):
            everybody = everybody or item.get("type") == "CUSTOMER"
            if item.get("type") != "GROUP":
                found.add(item["id"])
            elif item["id"] not in seen:
                seen.add(item["id"])
                waiting.append(item["id"])
    return found, everybody
