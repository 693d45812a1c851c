"""The Graph permissions that a run needs, the least there are, and which of them a request needs."""

from __future__ import annotations

import re

from custom_filters.core.doctor_check import Need, lines_of

AUDIT_LOG, USER_READ = "AuditLog.Read.All", "User.Read.All"
ROLES, GROUPS = "RoleManagement.Read.Directory", "GroupMember.Read.All"
MAILBOX = "MailboxSettings.Read"
ENABLE, REVOKE, USER_WRITE = "User.EnableDisableAccount.All", "User.RevokeSessions.All", "User.ReadWrite.All"
APPLICATION = "Application.ReadWrite.OwnedBy"

REPORT = (
    Need(AUDIT_LOG, "users' sign-in activity, the sign-in log and the audit log (with Entra ID P1 or P2)"),
    Need(USER_READ, "users, our notes on them, managers and sponsors"),
    Need(ROLES, "who is privileged: roles held, and roles eligible for; without it nobody is changed"),
    Need(GROUPS, "members of groups that hold roles, and of the exempt group"),
    Need(MAILBOX, "whether somebody who never signed in is a shared mailbox, a room or equipment", True),
)
ENFORCE = (
    Need(ENABLE, "disable users, and enable them again"),
    Need(REVOKE, "end the sessions of disabled users"),
    Need(USER_WRITE, "marks and restore records, in directory extension properties of the user"),
)
#: For `c7n-unused setup -p azure`, once.
SETUP = (Need(APPLICATION, "the app registration whose directory extension holds marks and records"),)

#: What a request needs, by method and path; the first that fits. Each from its page of the Graph reference.
_NEEDED = tuple(
    (re.compile(pattern), names)
    for pattern, names in (
        (r"GET /users/[^/]+/mailboxSettings", (MAILBOX,)),
        (r"GET /users/[^/]+/transitiveMemberOf|GET /groups", (GROUPS,)),
        (r"GET /roleManagement/", (ROLES,)),
        (r"GET /auditLogs/", (AUDIT_LOG,)),
        (r"POST /users/[^/]+/revokeSignInSessions", (REVOKE,)),
        (r"PATCH /users/", (USER_WRITE, ENABLE)),
        (r"GET /users", (USER_READ, AUDIT_LOG)),
        (r"\w+ /(applications|servicePrincipals)", (APPLICATION,)),
    )
)


def needed_by(request: str) -> tuple[str, ...]:
    """The permissions that a request such as `GET /users` needs; empty when that is not known."""
    return next((names for pattern, names in _NEEDED if pattern.match(request)), ())


def needed(*, enforce: bool) -> tuple[Need, ...]:
    """What reports need, and with `enforce` what marking, disabling and restoring need as well."""
    return REPORT + (ENFORCE if enforce else ())


def document(enforce: bool) -> str:
    """The list for people: Microsoft Graph application permissions, with admin consent."""
    note = "Administrators are left alone: Graph lets only an app with a directory role change them."
    head = "Microsoft Graph, application permissions, with admin consent:"
    lines = [head, "", *lines_of(needed(enforce=enforce))]
    if enforce:
        lines += ["", note, "", "Only for `c7n-unused setup -p azure`, once, by an app of its own:", ""]
        lines += lines_of(SETUP)
    return "\n".join([*lines, ""])
