from __future__ import annotations

import pytest

from custom_filters.sandbox.azure.cloud import AzureCloud
from custom_filters.sandbox.azure.people import ROLES, Group
from tests.sandbox.azure.conftest import Graph, code

MANAGED = "/roleManagement/directory"
ROWS = {
    "roleAssignments": {
        ("admin-idle", "Global Administrator"),
        ("break-glass", "Global Administrator"),
        ("Helpdesk operators", "Helpdesk Administrator"),
        ("app", "Directory Readers"),
    },
    "roleEligibilitySchedules": {
        ("pim-eligible-idle", "Privileged Role Administrator"),
        ("On-call admins", "User Administrator"),
    },
}


@pytest.mark.parametrize("kind", ROWS)
def test_assignments_by_principal_and_role(cloud: AzureCloud, graph: Graph, kind: str) -> None:
    cloud.app_roles.add("Directory Readers")
    roles = {key: name for name, key in ROLES.items()}
    names = {person.id: person.case for person in cloud.people}
    names |= {group["id"]: group["displayName"] for group in graph.all("/groups")}
    found = graph.all(f"{MANAGED}/{kind}?$top=1")
    assert {(names.get(r["principalId"], "app"), roles[r["roleDefinitionId"]]) for r in found} == ROWS[kind]


def test_groups_and_nested_members(cloud: AzureCloud, graph: Graph) -> None:
    (exempt,) = graph.all("/groups?$filter=displayName eq 'c7n-unused-exempt'")
    assert graph.get(f"/groups/{exempt['id']}?$select=id")["id"] == exempt["id"]
    nested = graph.all(f"/groups/{exempt['id']}/transitiveMembers?$top=1")
    assert {member["displayName"] for member in nested} == {
        "Break Glass", "Exempt By Group Idle", "Service desk exempt", "Exempt By Nested Group Idle",
    }  # fmt: skip
    assert [group["displayName"] for group in graph.all("/groups?$filter=isAssignableToRole eq true")] == [
        "Helpdesk operators", "On-call admins",
    ]  # fmt: skip
    first, second = Group("first", groups=("second",)), Group("second", groups=("first",))
    cloud.add(first)
    cloud.add(second)
    circle = graph.all(f"/groups/{first.id}/transitiveMembers")
    assert {group["displayName"] for group in circle} == {"first", "second"}


def test_what_a_user_is_in(graph: Graph) -> None:
    inside = graph.all("/users/exempt-by-nested-group-idle@contoso.example/transitiveMemberOf")
    assert [group["displayName"] for group in inside] == ["Service desk exempt", "c7n-unused-exempt"]
    admin = graph.all("/users/admin-idle@contoso.example/transitiveMemberOf")
    assert [entry["@odata.type"] for entry in admin] == ["#microsoft.graph.directoryRole"]


def test_a_filter_that_is_not_emulated_is_refused(graph: Graph) -> None:
    path = f"{MANAGED}/roleAssignments?$filter=startswith(principalId,'a')"
    assert code(graph("GET", path)) == (501, "NotImplemented")


def test_without_the_licence_for_eligibility(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["pim"] = "missing"
    assert code(graph("GET", f"{MANAGED}/roleEligibilitySchedules")) == (400, "AadPremiumLicenseRequired")
    assert graph("GET", f"{MANAGED}/roleAssignments").status_code == 200
