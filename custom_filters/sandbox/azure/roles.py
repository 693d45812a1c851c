"""Who holds which directory role, and how; groups, the organisation, our own service principal.

Sources: the Graph v1.0 pages of unifiedRoleAssignment, unifiedRoleEligibilitySchedule(Instance),
directoryRole, group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from custom_filters.sandbox.azure.odata import Answer, Call, GraphError, Json, not_found
from custom_filters.sandbox.azure.people import ROLES, Group, Person, object_id
from custom_filters.sandbox.azure.tenant import Route, Tenant, text

DIRECTORY = [{"Directory.Read.All"}, {"Directory.ReadWrite.All"}]
MANAGEMENT = [
    {"RoleManagement.Read.Directory"},
    {"RoleManagement.Read.All"},
    {"RoleManagement.ReadWrite.Directory"},
]
ROLE_READ = [*MANAGEMENT, *DIRECTORY]
ELIGIBLE_READ = [
    *MANAGEMENT,
    {"RoleEligibilitySchedule.Read.Directory"},
    {"RoleEligibilitySchedule.ReadWrite.Directory"},
]
ACTIVE_READ = [
    *MANAGEMENT,
    {"RoleAssignmentSchedule.Read.Directory"},
    {"RoleAssignmentSchedule.ReadWrite.Directory"},
]
GROUP_READ = [{"GroupMember.Read.All"}, {"Group.Read.All"}, {"Group.ReadWrite.All"}, *DIRECTORY]
MEMBER_OF_READ = [{"User.Read.All"}, {"User.ReadWrite.All"}, *GROUP_READ]
APPLICATION_READ = [{"Application.Read.All"}, {"Application.ReadWrite.All"}, *DIRECTORY]
ORGANIZATION_READ = [{"Organization.Read.All"}, {"Organization.ReadWrite.All"}, *DIRECTORY]
Row = tuple[str, str]  # principal id, role name


def list_assignments(tenant: Tenant, call: Call) -> Answer:
    """Active assignments, direct ones only: a group's members are behind the group."""
    return _listed(
        tenant, call, _active(tenant), lambda row: _assignment("assignment", row), "roleAssignments"
    )


def list_assignment_instances(tenant: Tenant, call: Call) -> Answer:
    """The same assignments as privileged identity management sees them."""
    _check_pim(tenant)

    def shown(row: Row) -> Json:
        times: Json = {"startDateTime": None, "endDateTime": None, "assignmentType": "Assigned"}
        return {**_assignment("instance", row), **times, "memberType": "Direct"}

    return _listed(tenant, call, _active(tenant), shown, "roleAssignmentScheduleInstances")


def list_eligibility_schedules(tenant: Tenant, call: Call) -> Answer:
    """Who may activate a role."""
    _check_pim(tenant)
    schedule: Json = {"startDateTime": text(tenant.clock.now()), "recurrence": None}
    schedule["expiration"] = {"type": "noExpiration", "endDateTime": None, "duration": None}

    def shown(row: Row) -> Json:
        more: Json = {"status": "Provisioned", "memberType": "Direct", "scheduleInfo": schedule}
        return {
            **_assignment("eligibility", row),
            **more,
            "createdUsing": object_id("request", "/".join(row)),
        }

    return _listed(tenant, call, _eligible(tenant), shown, "roleEligibilitySchedules")


def list_eligibility_instances(tenant: Tenant, call: Call) -> Answer:
    """The eligibilities that hold now."""
    _check_pim(tenant)

    def shown(row: Row) -> Json:
        times: Json = {"startDateTime": None, "endDateTime": None, "memberType": "Direct"}
        schedule = object_id("eligibility", "/".join(row))
        return {**_assignment("eligible-instance", row), **times, "roleEligibilityScheduleId": schedule}

    return _listed(tenant, call, _eligible(tenant), shown, "roleEligibilityScheduleInstances")


def list_definitions(tenant: Tenant, call: Call) -> Answer:
    """The built-in roles."""

    def shown(name: str) -> Json:
        ids: Json = {"id": ROLES[name], "templateId": ROLES[name]}
        return {**ids, "displayName": name, "description": name, "isBuiltIn": True, "isEnabled": True}

    return _listed(tenant, call, list(ROLES), shown, "roleDefinitions")


def list_directory_roles(tenant: Tenant, call: Call) -> Answer:
    """Roles that somebody holds or held; their id is not their template's."""
    return _listed(tenant, call, list(ROLES), _directory_role, "directoryRoles")


def list_directory_role_members(tenant: Tenant, call: Call, role: str) -> Answer:
    """Direct holders; a group is shown as a group."""
    names = [name for name in ROLES if object_id("directoryRole", name) == role]
    if not names:
        raise not_found(role)
    holders = [holder for holder in tenant.directory.holders() if names[0] in holder.roles]
    return _objects(tenant, call, holders)


def list_groups(tenant: Tenant, call: Call) -> Answer:
    """Every group; $filter by one property."""
    groups = list(tenant.directory.groups.values())
    return _listed(tenant, call, groups, _whole_group, "groups")


def get_group(tenant: Tenant, call: Call, group: str) -> Answer:
    """One group by id."""
    call.allow("$select")
    context = f"{call.origin}/v1.0/$metadata#groups/$entity"
    return Answer(200, {"@odata.context": context, **_shown(call, _group(tenant, group), typed=False)})


def list_members(tenant: Tenant, call: Call, group: str) -> Answer:
    """Direct members."""
    return _objects(tenant, call, tenant.directory.members(_group(tenant, group)))


def list_transitive_members(tenant: Tenant, call: Call, group: str) -> Answer:
    """Members of every depth."""
    return _objects(tenant, call, tenant.directory.transitive_members(_group(tenant, group)))


def list_transitive_member_of(tenant: Tenant, call: Call, user: str) -> Answer:
    """The groups, nested ones too, and the directory roles that a user is in."""
    person = tenant.person(user)
    groups: list[Person | Group | str] = list(tenant.directory.groups_of(person.groups))
    return _objects(tenant, call, [*groups, *person.roles])


def list_organization(tenant: Tenant, call: Call) -> Answer:
    """The tenant itself."""
    call.allow("$select")
    domain: Json = {"name": "contoso.example", "isDefault": True, "isInitial": True, "type": "Managed"}
    shown: Json = {"id": tenant.app.tenant, "displayName": "Contoso", "verifiedDomains": [domain]}
    context = f"{call.origin}/v1.0/$metadata#organization"
    return Answer(200, {"@odata.context": context, "value": [shown]})


def get_service_principal(tenant: Tenant, call: Call, app: str) -> Answer:
    """Our own, by its appId; there is no other."""
    call.allow("$select")
    if app.lower() != tenant.app.client:
        raise not_found(app)
    context = f"{call.origin}/v1.0/$metadata#servicePrincipals/$entity"
    shown: Json = {"id": tenant.app.principal, "appId": tenant.app.client, "displayName": "c7n-unused"}
    kind: Json = {"servicePrincipalType": "Application", "accountEnabled": True}
    return Answer(200, {"@odata.context": context, **shown, **kind})


def _active(tenant: Tenant) -> list[Row]:
    rows = [(holder.id, role) for holder in tenant.directory.holders() for role in holder.roles]
    return [*rows, *((tenant.app.principal, role) for role in sorted(tenant.app_roles))]


def _eligible(tenant: Tenant) -> list[Row]:
    return [(holder.id, role) for holder in tenant.directory.holders() for role in holder.eligible]


def _check_pim(tenant: Tenant) -> None:
    if tenant.faults.text("pim") == "missing":
        raise GraphError(
            400,
            "AadPremiumLicenseRequired",
            "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.",
        )


def _assignment(kind: str, row: Row) -> Json:
    principal, role = row
    ids: Json = {"id": object_id(kind, "/".join(row)), "principalId": principal}
    return {**ids, "roleDefinitionId": ROLES[role], "directoryScopeId": "/", "appScopeId": None}


def _directory_role(name: str) -> Json:
    ids: Json = {"id": object_id("directoryRole", name), "deletedDateTime": None}
    return {**ids, "displayName": name, "description": name, "roleTemplateId": ROLES[name]}


def _listed(
    tenant: Tenant, call: Call, items: Sequence[object], shown: Callable[..., Json], context: str
) -> Answer:
    call.allow("$select", "$filter", "$top", "$skiptoken", "$count")
    wanted = call.equals()
    if wanted:
        name, value = wanted
        items = [item for item in items if shown(item).get(name) == value]
    names = {part.strip() for part in call.query.get("$select", "").split(",") if part.strip()}

    def render(item: object) -> Json:
        whole = shown(item)
        return {name: value for name, value in whole.items() if name in names} if names else whole

    if call.route.startswith("/roleManagement"):
        context = f"roleManagement/directory/{context}"
    return tenant.pages.page(call, items, render, context)


def _objects(tenant: Tenant, call: Call, items: Sequence[Person | Group | str]) -> Answer:
    call.allow("$select", "$top", "$skiptoken", "$count")
    return tenant.pages.page(call, items, lambda item: _shown(call, item, typed=True), "directoryObjects")


def _shown(call: Call, item: Person | Group | str, *, typed: bool) -> Json:
    if isinstance(item, str):
        kind, whole = "directoryRole", _directory_role(item)
    elif isinstance(item, Group):
        kind, whole = "group", _whole_group(item)
    else:
        kind, whole = "user", {"id": item.id, "displayName": item.name, "userPrincipalName": item.upn}
        whole |= {"mail": item.mail, "accountEnabled": item.enabled, "userType": item.user_type}
    names = {part.strip() for part in call.query.get("$select", "").split(",") if part.strip()}
    selected = {name: value for name, value in whole.items() if name in names} if names else whole
    return {"@odata.type": f"#microsoft.graph.{kind}", **selected} if typed else selected


def _whole_group(group: Group) -> Json:
    whole: Json = {"id": group.id, "displayName": group.name, "isAssignableToRole": group.assignable or None}
    return {**whole, "securityEnabled": True, "mailEnabled": False, "description": None}


def _group(tenant: Tenant, key: str) -> Group:
    if key not in tenant.directory.groups:
        raise not_found(key)
    return tenant.directory.groups[key]


_MANAGED = "/roleManagement/directory"
ROUTES = [
    Route("GET", f"{_MANAGED}/roleAssignments", list_assignments, ROLE_READ),
    Route("GET", f"{_MANAGED}/roleAssignmentScheduleInstances", list_assignment_instances, ACTIVE_READ),
    Route("GET", f"{_MANAGED}/roleEligibilitySchedules", list_eligibility_schedules, ELIGIBLE_READ),
    Route("GET", f"{_MANAGED}/roleEligibilityScheduleInstances", list_eligibility_instances, ELIGIBLE_READ),
    Route("GET", f"{_MANAGED}/roleDefinitions", list_definitions, ROLE_READ),
    Route("GET", "/directoryRoles", list_directory_roles, ROLE_READ),
    Route("GET", "/directoryRoles/<role>/members", list_directory_role_members, ROLE_READ),
    Route("GET", "/groups", list_groups, GROUP_READ),
    Route("GET", "/groups/<group>", get_group, GROUP_READ),
    Route("GET", "/groups/<group>/members", list_members, GROUP_READ),
    Route("GET", "/groups/<group>/transitiveMembers", list_transitive_members, GROUP_READ),
    Route("GET", "/users/<user>/transitiveMemberOf", list_transitive_member_of, MEMBER_OF_READ),
    Route("GET", "/organization", list_organization, ORGANIZATION_READ),
    Route("GET", "/servicePrincipals(appId='<app>')", get_service_principal, APPLICATION_READ),
]
