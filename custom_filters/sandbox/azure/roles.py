"""Who holds which directory role, and how; groups.

Sources: the Graph v1.0 pages of unifiedRoleAssignment, unifiedRoleEligibilitySchedule, group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from custom_filters.sandbox.azure.odata import Answer, Call, Json, bad, matching, not_found
from custom_filters.sandbox.azure.people import ROLES, Group, Person, object_id
from custom_filters.sandbox.azure.tenant import READ_ALL, Route, Tenant, text

MANAGEMENT = [
    {"RoleManagement.Read.Directory"},
    {"RoleManagement.Read.All"},
    {"RoleManagement.ReadWrite.Directory"},
]
ROLE_READ = [*MANAGEMENT, *READ_ALL]
ELIGIBLE_READ = [
    *MANAGEMENT,
    {"RoleEligibilitySchedule.Read.Directory"},
    {"RoleEligibilitySchedule.ReadWrite.Directory"},
]
GROUP_READ = [{"GroupMember.Read.All"}, {"Group.Read.All"}, {"Group.ReadWrite.All"}, *READ_ALL]
MEMBER_OF_READ = [{"User.Read.All"}, {"User.ReadWrite.All"}, *GROUP_READ]
Row = tuple[str, str]  # principal id, role name


def list_assignments(tenant: Tenant, call: Call) -> Answer:
    """Active assignments, direct ones only: a group's members are behind the group."""
    rows = [(holder.id, role) for holder in tenant.directory.holders() for role in holder.roles]
    rows += [(tenant.app.principal, role) for role in sorted(tenant.app_roles)]
    return _listed(tenant, call, rows, lambda row: _assignment("assignment", row))


def list_eligibility_schedules(tenant: Tenant, call: Call) -> Answer:
    """Who may activate a role."""
    if tenant.faults.text("pim") == "missing":
        message = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."
        raise bad(message, "AadPremiumLicenseRequired")
    schedule: Json = {"startDateTime": text(tenant.clock.now()), "recurrence": None}
    schedule["expiration"] = {"type": "noExpiration", "endDateTime": None, "duration": None}

    def shown(row: Row) -> Json:
        more: Json = {"status": "Provisioned", "memberType": "Direct", "scheduleInfo": schedule}
        return {**_assignment("eligibility", row), **more}

    rows = [(holder.id, role) for holder in tenant.directory.holders() for role in holder.eligible]
    return _listed(tenant, call, rows, shown)


def list_definitions(tenant: Tenant, call: Call) -> Answer:
    """The built-in roles."""

    def shown(name: str) -> Json:
        ids: Json = {"id": ROLES[name], "templateId": ROLES[name]}
        return {**ids, "displayName": name, "description": name, "isBuiltIn": True, "isEnabled": True}

    return _listed(tenant, call, list(ROLES), shown)


def list_groups(tenant: Tenant, call: Call) -> Answer:
    """Every group."""
    return _listed(tenant, call, list(tenant.directory.groups.values()), _group)


def get_group(tenant: Tenant, call: Call, group: str) -> Answer:
    """One group, by id."""
    call.allow("$select")
    return Answer(200, {**call.context("groups/$entity"), **_selected(call, _group(_found(tenant, group)))})


def list_transitive_members(tenant: Tenant, call: Call, group: str) -> Answer:
    """Members of every depth."""
    return _objects(tenant, call, tenant.directory.transitive_members(_found(tenant, group)))


def list_transitive_member_of(tenant: Tenant, call: Call, user: str) -> Answer:
    """The groups, nested ones too, and the directory roles that a user is in."""
    person = tenant.person(user)
    groups: list[Person | Group | str] = list(tenant.directory.groups_of(person.groups))
    return _objects(tenant, call, [*groups, *person.roles])


def list_organization(tenant: Tenant, call: Call) -> Answer:
    """The tenant itself."""
    shown: Json = {"id": tenant.app.tenant, "displayName": "Contoso"}
    return _listed(tenant, call, [shown], lambda item: item)


def _assignment(kind: str, row: Row) -> Json:
    principal, role = row
    ids: Json = {"id": object_id(kind, "/".join(row)), "principalId": principal}
    return {**ids, "roleDefinitionId": ROLES[role], "directoryScopeId": "/", "appScopeId": None}


def _listed(tenant: Tenant, call: Call, items: Sequence[object], shown: Callable[..., Json]) -> Answer:
    call.allow("$select", "$filter", "$top", "$skiptoken", "$count")
    found = matching(call, items, shown)
    return tenant.pages.page(call, found, lambda item: _selected(call, shown(item)), call.path.lstrip("/"))


def _objects(tenant: Tenant, call: Call, items: Sequence[Person | Group | str]) -> Answer:
    call.allow("$select", "$top", "$skiptoken", "$count")

    def shown(item: Person | Group | str) -> Json:
        kind, whole = _object(item)
        return {"@odata.type": f"#microsoft.graph.{kind}", **_selected(call, whole)}

    return tenant.pages.page(call, items, shown, "directoryObjects")


def _object(item: Person | Group | str) -> tuple[str, Json]:
    if isinstance(item, str):
        ids: Json = {"id": object_id("directoryRole", item), "roleTemplateId": ROLES[item]}
        return "directoryRole", {**ids, "displayName": item}
    if isinstance(item, Group):
        return "group", _group(item)
    names: Json = {"id": item.id, "displayName": item.name, "userPrincipalName": item.upn}
    return "user", {**names, "mail": item.mail, "accountEnabled": item.enabled, "userType": item.user_type}


def _selected(call: Call, whole: Json) -> Json:
    names = {part.strip() for part in call.query.get("$select", "").split(",") if part.strip()}
    return {name: value for name, value in whole.items() if name in names} if names else whole


def _group(group: Group) -> Json:
    whole: Json = {"id": group.id, "displayName": group.name, "isAssignableToRole": group.assignable or None}
    return {**whole, "securityEnabled": True, "mailEnabled": False, "description": None}


def _found(tenant: Tenant, key: str) -> Group:
    if key not in tenant.directory.groups:
        raise not_found(key)
    return tenant.directory.groups[key]


_MANAGED = "/roleManagement/directory"
ROUTES = [
    Route("GET", f"{_MANAGED}/roleAssignments", list_assignments, ROLE_READ),
    Route("GET", f"{_MANAGED}/roleEligibilitySchedules", list_eligibility_schedules, ELIGIBLE_READ),
    Route("GET", f"{_MANAGED}/roleDefinitions", list_definitions, ROLE_READ),
    Route("GET", "/groups", list_groups, GROUP_READ),
    Route("GET", "/groups/<group>", get_group, GROUP_READ),
    Route("GET", "/groups/<group>/transitiveMembers", list_transitive_members, GROUP_READ),
    Route("GET", "/users/<user>/transitiveMemberOf", list_transitive_member_of, MEMBER_OF_READ),
    Route("GET", "/organization", list_organization, [{"Organization.Read.All"}, *READ_ALL]),
]
