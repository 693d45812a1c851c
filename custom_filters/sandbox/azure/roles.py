"""Who holds which directory role, and how; groups.

Sources: the Graph v1.0 pages of unifiedRoleAssignment, unifiedRoleEligibilitySchedule, group.
"""

from __future__ import annotations

from collections.abc import Mapping

from custom_filters.sandbox.azure.odata import Answer, Call, Json, bad, not_found
from custom_filters.sandbox.azure.people import ROLES, Group, Person, object_id
from custom_filters.sandbox.azure.tenant import READ_ALL, Route, Tenant, one_of, text

MANAGEMENT = one_of(
    "RoleManagement.Read.Directory", "RoleManagement.Read.All", "RoleManagement.ReadWrite.Directory"
)
ELIGIBLE = one_of("RoleEligibilitySchedule.Read.Directory", "RoleEligibilitySchedule.ReadWrite.Directory")
GROUP_READ = [*one_of("GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All"), *READ_ALL]
MEMBER_OF_READ = [*one_of("User.Read.All", "User.ReadWrite.All"), *GROUP_READ]
Row = tuple[str, str]  # principal id, role name


def list_assignments(tenant: Tenant, call: Call) -> Answer:
    """Active assignments, direct ones only: a group's members are behind the group."""
    rows = [(holder.id, role) for holder in tenant.directory.holders() for role in holder.roles]
    rows += [(tenant.app.principal, role) for role in sorted(tenant.app_roles)]
    return tenant.answer_list(call, rows, lambda row: _assignment("assignment", row))


def list_eligibility_schedules(tenant: Tenant, call: Call) -> Answer:
    if tenant.faults.text("pim") == "missing":
        message = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."
        raise bad(message, "AadPremiumLicenseRequired")
    schedule = {"startDateTime": text(tenant.clock.now()), "expiration": {"type": "noExpiration"}}
    more: Json = {"status": "Provisioned", "memberType": "Direct", "scheduleInfo": schedule}
    rows = [(holder.id, role) for holder in tenant.directory.holders() for role in holder.eligible]
    return tenant.answer_list(call, rows, lambda row: {**_assignment("eligibility", row), **more})


def list_groups(tenant: Tenant, call: Call) -> Answer:
    return tenant.answer_list(call, list(tenant.directory.groups.values()), _group)


def get_group(tenant: Tenant, call: Call, group: str) -> Answer:
    call.allow("$select")
    return Answer(200, {**call.context("groups/$entity"), **call.pick(_group(_found(tenant, group)))})


def list_transitive_members(tenant: Tenant, call: Call, group: str) -> Answer:
    members = tenant.directory.transitive_members(_found(tenant, group))
    return tenant.answer_list(call, members, _object, "directoryObjects")


def list_transitive_member_of(tenant: Tenant, call: Call, user: str) -> Answer:
    """The groups, nested ones too, and the directory roles that a user is in."""
    person = tenant.person(user)
    inside: list[Person | Group | str] = [*tenant.directory.groups_of(person.groups), *person.roles]
    return tenant.answer_list(call, inside, _object, "directoryObjects")


def list_organization(tenant: Tenant, call: Call) -> Answer:
    shown: Json = {"id": tenant.app.tenant, "displayName": "Contoso"}
    return tenant.answer_list(call, [shown], dict)


def _assignment(kind: str, row: Row) -> Json:
    principal, role = row
    ids: Json = {"id": object_id(kind, "/".join(row)), "principalId": principal}
    return {**ids, "roleDefinitionId": ROLES[role], "directoryScopeId": "/", "appScopeId": None}


def _object(item: Person | Group | str) -> Json:
    if isinstance(item, str):
        ids: Mapping[str, object] = {"id": object_id("directoryRole", item), "roleTemplateId": ROLES[item]}
        return {"@odata.type": "#microsoft.graph.directoryRole", **ids, "displayName": item}
    if isinstance(item, Group):
        return {"@odata.type": "#microsoft.graph.group", **_group(item)}
    names = {"id": item.id, "displayName": item.name, "userPrincipalName": item.upn}
    return {"@odata.type": "#microsoft.graph.user", **names}


def _group(group: Group) -> Json:
    return {"id": group.id, "displayName": group.name, "isAssignableToRole": group.assignable or None}


def _found(tenant: Tenant, key: str) -> Group:
    if key not in tenant.directory.groups:
        raise not_found(key)
    return tenant.directory.groups[key]


_MANAGED = "/roleManagement/directory"
_ELIGIBLE = f"{_MANAGED}/roleEligibilitySchedules"
ROUTES = [
    Route("GET", f"{_MANAGED}/roleAssignments", list_assignments, [*MANAGEMENT, *READ_ALL]),
    Route("GET", _ELIGIBLE, list_eligibility_schedules, [*MANAGEMENT, *ELIGIBLE]),
    Route("GET", "/groups", list_groups, GROUP_READ),
    Route("GET", "/groups/<group>", get_group, GROUP_READ),
    Route("GET", "/groups/<group>/transitiveMembers", list_transitive_members, GROUP_READ),
    Route("GET", "/users/<user>/transitiveMemberOf", list_transitive_member_of, MEMBER_OF_READ),
    Route("GET", "/organization", list_organization, [*one_of("Organization.Read.All"), *READ_ALL]),
]
