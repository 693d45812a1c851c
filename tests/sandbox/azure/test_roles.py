from __future__ import annotations

import pytest

from custom_filters.sandbox.azure.cloud import AzureCloud
from custom_filters.sandbox.azure.people import ROLES, Group
from tests.sandbox.azure.conftest import Graph, code

MANAGED = "/roleManagement/directory"


def rows(cloud: AzureCloud, graph: Graph, path: str) -> set[tuple[str, str]]:
    """(name of the principal, name of the role), read page by page."""
    roles = {role["id"]: role["displayName"] for role in graph.all(f"{MANAGED}/roleDefinitions?$top=2")}
    names = {person.id: person.case for person in cloud.people}
    names |= {group["id"]: group["displayName"] for group in graph.all("/groups")}
    found = graph.all(f"{path}?$top=1")
    return {(names.get(row["principalId"], "app"), roles[row["roleDefinitionId"]]) for row in found}


@pytest.mark.parametrize("kind", ["roleAssignments", "roleAssignmentScheduleInstances"])
def test_active_assignments(cloud: AzureCloud, graph: Graph, kind: str) -> None:
    cloud.app_roles.add("Directory Readers")
    assert rows(cloud, graph, f"{MANAGED}/{kind}") == {
        ("admin-idle", "Global Administrator"),
        ("break-glass", "Global Administrator"),
        ("Helpdesk operators", "Helpdesk Administrator"),
        ("app", "Directory Readers"),
    }


@pytest.mark.parametrize("kind", ["roleEligibilitySchedules", "roleEligibilityScheduleInstances"])
def test_eligible_assignments(cloud: AzureCloud, graph: Graph, kind: str) -> None:
    assert rows(cloud, graph, f"{MANAGED}/{kind}") == {
        ("pim-eligible-idle", "Privileged Role Administrator"),
        ("On-call admins", "User Administrator"),
    }


def test_directory_roles_have_ids_of_their_own_and_direct_members(graph: Graph) -> None:
    roles = {role["displayName"]: role for role in graph.all("/directoryRoles")}
    role = roles["Helpdesk Administrator"]
    assert role["roleTemplateId"] == ROLES["Helpdesk Administrator"] != role["id"]
    members = graph.all(f"/directoryRoles/{role['id']}/members")
    assert [(member["@odata.type"], member["displayName"]) for member in members] == [
        ("#microsoft.graph.group", "Helpdesk operators")
    ]


def test_groups_members_and_nested_members(graph: Graph) -> None:
    (exempt,) = graph.all("/groups?$filter=displayName eq 'c7n-unused-exempt'")
    direct = graph.all(f"/groups/{exempt['id']}/members")
    nested = graph.all(f"/groups/{exempt['id']}/transitiveMembers?$top=1")
    names = {"Break Glass", "Exempt By Group Idle", "Service desk exempt"}
    assert {member["displayName"] for member in direct} == names
    assert {member["displayName"] for member in nested} == names | {"Exempt By Nested Group Idle"}
    assert [group["displayName"] for group in graph.all("/groups?$filter=isAssignableToRole eq true")] == [
        "Helpdesk operators",
        "On-call admins",
    ]


def test_what_a_user_is_in(graph: Graph) -> None:
    inside = graph.all("/users/exempt-by-nested-group-idle@contoso.example/transitiveMemberOf")
    assert [group["displayName"] for group in inside] == ["Service desk exempt", "c7n-unused-exempt"]
    admin = graph.all("/users/admin-idle@contoso.example/transitiveMemberOf")
    assert [entry["@odata.type"] for entry in admin] == ["#microsoft.graph.directoryRole"]


def test_groups_in_a_circle_end(cloud: AzureCloud, graph: Graph) -> None:
    first, second = Group("first", groups=("second",)), Group("second", groups=("first",))
    cloud.add(first)
    cloud.add(second)
    assert {group["displayName"] for group in graph.all(f"/groups/{first.id}/transitiveMembers")} == {
        "first",
        "second",
    }


def test_a_filter_beyond_one_equality_is_refused(graph: Graph) -> None:
    path = f"{MANAGED}/roleAssignments?$filter=startswith(principalId,'a')"
    assert code(graph("GET", path)) == (501, "NotImplemented")


def test_our_own_service_principal_and_the_organisation(cloud: AzureCloud, graph: Graph) -> None:
    app = graph.get(f"/servicePrincipals(appId='{cloud.app.client}')")
    assert app["id"] == cloud.app.principal
    assert graph.all("/organization")[0]["id"] == cloud.app.tenant
    assert code(graph("GET", "/servicePrincipals(appId='other')")) == (404, "Request_ResourceNotFound")


def test_without_the_licence_for_eligibility(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["pim"] = "missing"
    assert code(graph("GET", f"{MANAGED}/roleEligibilitySchedules")) == (400, "AadPremiumLicenseRequired")
    assert graph("GET", f"{MANAGED}/roleAssignments").status_code == 200


def test_a_group_with_roles_must_be_assignable() -> None:
    with pytest.raises(ValueError, match="assignable"):
        Group("wrong", roles=("Global Reader",))
