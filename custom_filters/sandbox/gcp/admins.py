"""Who may what: members of groups, administrator roles, SSO assignments, projects' policies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, listed
from custom_filters.sandbox.gcp.errors import ApiError, not_found

SUPER_ADMIN_ONLY = "ROLE_MANAGEMENT"  # no delegated role carries it


def members_list(call: Call) -> dict[str, Any]:
    """members.list, direct members only."""
    call.refuse("roles", "includeDerivedMembership")
    call.require_privilege("GROUPS_RETRIEVE")
    group = call.state.group(call.params["groupKey"])
    if group is None:
        raise not_found("groupKey")
    part, more = call.page(lambda: group.members, call.params.get("maxResults", 200))
    rows = [_member(call, email, role) for email, role in part]
    return listed("members", rows, more, kind="admin#directory#members", etag='"members"')


def _member(call: Call, email: str, role: str) -> dict[str, Any]:
    member = {"kind": "admin#directory#member", "etag": f'"{email}"', "role": role}
    if email == call.state.customer.id:  # everybody
        return {**member, "id": email, "type": "CUSTOMER"}
    group, person = call.state.group(email), call.state.person(email)
    if group:
        return {**member, "id": group.id, "email": email, "type": "GROUP", "status": "ACTIVE"}
    account = call.state.account(email)
    known = person.id if person else account.unique_id if account else email
    status = "SUSPENDED" if person and person.suspended else "ACTIVE"
    return {**member, "id": known, "email": email, "type": "USER", "status": status}


def role_assignments_list(call: Call) -> dict[str, Any]:
    """roleAssignments.list of all; to users, groups and service accounts."""
    call.refuse("userKey", "roleId")
    call.check_customer(call.params["customer"])
    call.require_privilege(SUPER_ADMIN_ONLY)
    part, more = call.page(call.state.assignments, call.params.get("maxResults", 200))
    rows = [
        {
            "kind": "admin#directory#roleAssignment",
            "roleAssignmentId": a.id,
            "etag": f'"{a.id}"',
            "roleId": a.role,
            "assignedTo": a.assignee,
            "assigneeType": a.assignee_type,
            "scopeType": "CUSTOMER",
        }
        for a in part
    ]
    return listed("items", rows, more, kind="admin#directory#roleAssignments", etag='"assignments"')


def sso_list(call: Call) -> dict[str, Any]:
    """cloudidentity.inboundSsoAssignments.list; the filter takes the customer's name in quotes or bare."""
    text = call.params.get("filter", "customer==customers/my_customer")
    match = re.fullmatch(r"""customer\s*==\s*(["']?)customers/([\w]+)\1""", text)
    if match is None:
        raise ApiError(400, f"Invalid filter: {text}")
    if not call.may("SECURITY_SETTINGS") or match[2] not in ("my_customer", call.state.customer.id):
        raise ApiError(403, "The caller does not have permission")
    part, more = call.page(call.state.sso, min(call.params.get("pageSize") or 50, 100))
    rows: list[dict[str, Any]] = []
    for item in part:
        where = {"targetGroup": item.target_group, "rank": 1} if item.target_group else {}
        rows.append(
            {
                "name": f"inboundSsoAssignments/{item.id}",
                "customer": f"customers/{call.state.customer.id}",
                "ssoMode": "SAML_SSO",
                "samlSsoInfo": {"inboundSamlSsoProfile": item.profile},
                **(where or {"targetOrgUnit": item.target_org_unit}),
            }
        )
    return listed("inboundSsoAssignments", rows, more)


def projects_get_iam_policy(call: Call) -> dict[str, Any]:
    """projects.getIamPolicy."""
    key = call.params["resource"].removeprefix("projects/")
    project = call.project(key, "resourcemanager.projects.getIamPolicy")
    bindings = [{"role": role, "members": list(members)} for role, members in project.bindings.items()]
    return {"version": 1, "etag": "BwXhqDVQfQI=", "bindings": bindings}


def projects_test_permissions(call: Call) -> dict[str, Any]:
    """projects.testIamPermissions: what the caller has of what it asks for; asking needs no permission."""
    if call.state.project(call.params["resource"].removeprefix("projects/")) is None:
        raise ApiError(403, "The caller does not have permission")
    return listed(
        "permissions", [name for name in call.body.get("permissions") or () if call.granted(name)], {}
    )


HANDLERS: Mapping[str, Handler] = {
    "admin.directory.members.list": members_list,
    "admin.directory.roleAssignments.list": role_assignments_list,
    "cloudidentity.inboundSsoAssignments.list": sso_list,
    "cloudresourcemanager.projects.getIamPolicy": projects_get_iam_policy,
    "cloudresourcemanager.projects.testIamPermissions": projects_test_permissions,
}
