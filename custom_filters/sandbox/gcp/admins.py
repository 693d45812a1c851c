"""Who may what: members of groups, administrator roles, SSO assignments, projects' policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, listed
from custom_filters.sandbox.gcp.errors import ApiError, not_found
from custom_filters.sandbox.gcp.people import RoleAssignment, SsoAssignment

SUPER_ADMIN_ONLY = "ROLE_MANAGEMENT"  # no delegated role carries it


def members_list(call: Call) -> dict[str, Any]:
    call.require_privilege("GROUPS_RETRIEVE")
    group = call.state.group(call.params["groupKey"])
    if group is None:
        raise not_found("groupKey")
    size = call.params.get("maxResults", 200)
    return call.rows("members", group.members, lambda member: _member(call, *member), size)


def _member(call: Call, email: str, role: str) -> dict[str, Any]:
    if email == call.state.customer.id:  # everybody
        return {"role": role, "id": email, "type": "CUSTOMER"}
    group, person, account = call.state.group(email), call.state.person(email), call.state.account(email)
    known = group.id if group else person.id if person else account.unique_id if account else email
    status = "SUSPENDED" if person and person.suspended else "ACTIVE"
    return {
        "role": role, "id": known, "email": email, "type": "GROUP" if group else "USER", "status": status
    }  # fmt: skip


def role_assignments_list(call: Call) -> dict[str, Any]:
    call.refuse("userKey", "roleId")
    call.check_customer(call.params["customer"])
    call.require_privilege(SUPER_ADMIN_ONLY)

    def show(given: RoleAssignment) -> dict[str, Any]:
        held = {"roleAssignmentId": given.id, "roleId": given.role, "scopeType": "CUSTOMER"}
        return {**held, "assignedTo": given.assignee, "assigneeType": given.assignee_type}

    return call.rows("items", call.state.assignments(), show, call.params.get("maxResults", 200))


def sso_list(call: Call) -> dict[str, Any]:
    """cloudidentity.inboundSsoAssignments.list of the customer that the filter names."""
    customer = call.state.customer.id
    if call.params.get("filter") != f'customer=="customers/{customer}"':
        raise ApiError(400, f"Invalid filter: {call.params.get('filter')}")
    if not call.may("SECURITY_SETTINGS"):
        raise ApiError(403, "The caller does not have permission")

    def show(item: SsoAssignment) -> dict[str, Any]:
        where = {"targetGroup": item.target_group, "rank": 1} if item.target_group else {}
        how = {"ssoMode": "SAML_SSO", "samlSsoInfo": {"inboundSamlSsoProfile": item.profile}}
        named = {"name": f"inboundSsoAssignments/{item.id}", "customer": f"customers/{customer}"}
        return {**named, **how, **(where or {"targetOrgUnit": item.target_org_unit})}

    size = min(call.params.get("pageSize") or 50, 100)
    return call.rows("inboundSsoAssignments", list(call.state.sso.values()), show, size)


def projects_get_iam_policy(call: Call) -> dict[str, Any]:
    project = call.project(call.params["resource"], "resourcemanager.projects.getIamPolicy")
    bindings = [{"role": role, "members": list(members)} for role, members in project.bindings.items()]
    return {"version": 1, "bindings": bindings}


def projects_test_permissions(call: Call) -> dict[str, Any]:
    """projects.testIamPermissions: what the caller has of what it asks for; asking needs no permission."""
    if call.state.project(call.params["resource"]) is None:
        raise ApiError(403, "The caller does not have permission")
    held = [name for name in call.body.get("permissions") or () if call.granted(name)]
    return listed("permissions", held, {})


HANDLERS: Mapping[str, Handler] = {
    "admin.directory.members.list": members_list,
    "admin.directory.roleAssignments.list": role_assignments_list,
    "cloudidentity.inboundSsoAssignments.list": sso_list,
    "cloudresourcemanager.projects.getIamPolicy": projects_get_iam_policy,
    "cloudresourcemanager.projects.testIamPermissions": projects_test_permissions,
}
