"""The Graph permissions that a run needs, the least there are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Permission:
    """A Graph application permission and what it is for."""

    name: str
    purpose: str


REPORT = (
    Permission("AuditLog.Read.All", "users' sign-in activity (with Entra ID P1 or P2)"),
    Permission("User.Read.All", "users, our marks on them, managers and sponsors"),
    Permission("RoleManagement.Read.Directory", "who is privileged: roles held, and roles eligible for"),
    Permission("GroupMember.Read.All", "members of groups that hold roles, and of the exempt group"),
)
ENFORCE = (
    Permission("User.EnableDisableAccount.All", "disable users, and enable them again"),
    Permission("User.RevokeSessions.All", "end the sessions of disabled users"),
    Permission("User.ReadWrite.All", "marks and restore records, in an open extension on the user"),
)


def needed(*, enforce: bool) -> tuple[Permission, ...]:
    """What reports need, and with `enforce` what marking, disabling and restoring need as well."""
    return REPORT + (ENFORCE if enforce else ())


def document(enforce: bool) -> str:
    """The list for people: Microsoft Graph application permissions, with admin consent."""
    permissions = needed(enforce=enforce)
    width = max(len(p.name) for p in permissions)
    lines = [f"{p.name:{width}}  {p.purpose}" for p in permissions]
    note = "Administrators are left alone: Graph lets only an app with a directory role change them."
    head = "Microsoft Graph, application permissions, with admin consent:"
    return "\n".join([head, "", *lines, *(["", note] if enforce else []), ""])
