"""Directory API: customers, groups, members, administrator roles; Cloud Identity: SSO assignments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError, not_found
from custom_filters.sandbox.gcp.people import Group
from custom_filters.sandbox.gcp.users import check_customer

SUPER_ADMIN_ONLY = "ROLE_MANAGEMENT"  # no delegated role carries it


def customers_get(call: Call) -> dict[str, Any]:
    """customers.get."""
    if call.params["customerKey"] not in ("my_customer", call.state.customer.id):
        raise not_found("customerKey")
    call.require_privilege("CUSTOMER_RETRIEVE")
    customer = call.state.customer
    return {
        "kind": "admin#directory#customer",
        "id": customer.id,
        "etag": '"customer"',
        "customerDomain": customer.domain,
        "alternateEmail": f"owner@{customer.domain}",
        "customerCreationTime": rfc3339(customer.created, millis=True),
        "language": "en",
        "postalAddress": {"countryCode": "US"},
    }


def groups_list(call: Call) -> dict[str, Any]:
    """groups.list of the customer, or of one member."""
    call.require_privilege("GROUPS_RETRIEVE")
    groups = sorted(call.state.groups.values(), key=lambda group: group.email)
    if "userKey" in call.params:
        person = call.state.person(call.params["userKey"])
        if person is None:
            raise not_found("userKey")
        groups = [group for group in groups if person.email in dict(group.members)]
    elif "domain" not in call.params:
        check_customer(call, call.params.get("customer"))
    part, more = call.page(lambda: groups, call.params.get("maxResults", 200))
    body: dict[str, Any] = {"kind": "admin#directory#groups", "etag": '"groups"', **more}
    return body | ({"groups": [_group(group) for group in part]} if part else {})


def members_list(call: Call) -> dict[str, Any]:
    """members.list, direct members only."""
    call.require_privilege("GROUPS_RETRIEVE")
    group = call.state.group(call.params["groupKey"])
    if group is None:
        raise not_found("groupKey")
    roles = call.params.get("roles", "OWNER,MANAGER,MEMBER").split(",")
    members = [(email, role) for email, role in group.members if role in roles]
    part, more = call.page(lambda: members, call.params.get("maxResults", 200))
    body: dict[str, Any] = {"kind": "admin#directory#members", "etag": '"members"', **more}
    return body | ({"members": [_member(call, email, role) for email, role in part]} if part else {})


def roles_list(call: Call) -> dict[str, Any]:
    """roles.list."""
    check_customer(call, call.params["customer"])
    call.require_privilege(SUPER_ADMIN_ONLY)
    part, more = call.page(lambda: list(call.state.roles.values()), call.params.get("maxResults", 100))
    items = [
        {
            "kind": "admin#directory#role",
            "roleId": role.id,
            "etag": f'"{role.id}"',
            "roleName": role.name,
            "roleDescription": role.name,
            "isSystemRole": role.system,
            "isSuperAdminRole": role.super_admin,
            "rolePrivileges": [
                {"privilegeName": name, "serviceId": "00haapch16h1ysv"} for name in role.privileges
            ],
        }
        for role in part
    ]
    return {"kind": "admin#directory#roles", "etag": '"roles"', "items": items, **more}


def role_assignments_list(call: Call) -> dict[str, Any]:
    """roleAssignments.list, of all or of one user or group."""
    check_customer(call, call.params["customer"])
    call.require_privilege(SUPER_ADMIN_ONLY)
    wanted, role = call.params.get("userKey"), call.params.get("roleId")
    assignees = _assignees(call, wanted) if wanted else None
    assignments = [
        a
        for a in call.state.assignments.values()
        if (assignees is None or a.assignee in assignees) and role in (None, a.role)
    ]
    part, more = call.page(lambda: assignments, call.params.get("maxResults", 200))
    body: dict[str, Any] = {"kind": "admin#directory#roleAssignments", "etag": '"assignments"', **more}
    items = [
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
    return body | ({"items": items} if items else {})


def sso_list(call: Call) -> dict[str, Any]:
    """cloudidentity.inboundSsoAssignments.list; the filter takes the customer's name in quotes or bare."""
    text = call.params.get("filter", "customer==customers/my_customer")
    match = re.fullmatch(r"""customer\s*==\s*(["']?)customers/([\w]+)\1""", text)
    if match is None:
        raise ApiError(400, f"Invalid filter: {text}")
    caller = call.caller
    if caller is None or not (caller.admin or call.may("SECURITY_SETTINGS")):
        raise ApiError(403, "The caller does not have permission")
    if match[2] not in ("my_customer", call.state.customer.id):
        raise ApiError(403, "The caller does not have permission")
    part, more = call.page(lambda: list(call.state.sso.values()), min(call.params.get("pageSize") or 50, 100))
    assignments: list[dict[str, Any]] = []
    for item in part:
        assignment: dict[str, Any] = {
            "name": f"inboundSsoAssignments/{item.id}",
            "customer": f"customers/{call.state.customer.id}",
            "ssoMode": "SAML_SSO",
            "samlSsoInfo": {"inboundSamlSsoProfile": item.profile},
        }
        if item.target_group:
            assignment |= {"targetGroup": item.target_group, "rank": 1}
        else:
            assignment["targetOrgUnit"] = item.target_org_unit
        assignments.append(assignment)
    return ({"inboundSsoAssignments": assignments} if assignments else {}) | more


def _assignees(call: Call, key: str) -> set[str]:
    """A user's or group's id; with includeIndirectRoleAssignments also the user's groups."""
    person, group = call.state.person(key), call.state.group(key)
    if person is None and group is None:
        raise not_found("userKey")
    found = {thing.id for thing in (person, group) if thing}
    if person and call.params.get("includeIndirectRoleAssignments"):
        found |= {g.id for g in call.state.groups.values() if person.email in dict(g.members)}
    return found


def _group(group: Group) -> dict[str, Any]:
    return {
        "kind": "admin#directory#group",
        "id": group.id,
        "etag": f'"{group.id}"',
        "email": group.email,
        "name": group.name,
        "directMembersCount": str(len(group.members)),
        "adminCreated": True,
    }


def _member(call: Call, email: str, role: str) -> dict[str, Any]:
    person = call.state.person(email)
    member = {
        "kind": "admin#directory#member",
        "etag": f'"{email}"',
        "email": email,
        "role": role,
        "type": "USER",
    }
    status = "SUSPENDED" if person and person.suspended else "ACTIVE"
    return member | {"id": person.id if person else email, "status": status}


HANDLERS: Mapping[str, Handler] = {
    "admin.directory.customers.get": customers_get,
    "admin.directory.groups.list": groups_list,
    "admin.directory.members.list": members_list,
    "admin.directory.roles.list": roles_list,
    "admin.directory.roleAssignments.list": role_assignments_list,
    "cloudidentity.inboundSsoAssignments.list": sso_list,
}
