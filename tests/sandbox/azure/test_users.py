from __future__ import annotations

import pytest

from custom_filters.sandbox.azure.cloud import AzureCloud
from custom_filters.sandbox.azure.people import Person
from tests.sandbox.azure.conftest import NOW, Graph, code

SELECT = "id,userPrincipalName,accountEnabled,createdDateTime,signInActivity"


def upn(case: str) -> str:
    return f"{case}@contoso.example"


def test_every_user_is_listed_once_over_pages_of_any_size(cloud: AzureCloud, graph: Graph) -> None:
    users = graph.all(f"/users?$select={SELECT}&$top=7")
    assert [user["id"] for user in users] == [person.id for person in cloud.people]
    assert cloud.calls["azure:GET /users"] == 9


def test_default_properties_and_page_size(graph: Graph) -> None:
    body = graph.get("/users")
    assert set(body["value"][0]) == {"displayName", "givenName", "id", "mail", "surname", "userPrincipalName"}
    assert "@odata.nextLink" not in body


def test_only_what_is_selected_comes_back_and_absent_activity_stays_absent(graph: Graph) -> None:
    users = {
        user["userPrincipalName"]: user
        for user in graph.all("/users?$select=userPrincipalName,signInActivity")
    }
    assert set(users[upn("never-signed-in-old")]) == {"userPrincipalName"}
    assert users[upn("null-date")]["signInActivity"]["lastSignInDateTime"] == "0001-01-01T00:00:00Z"
    assert users[upn("null-date")]["signInActivity"]["lastSuccessfulSignInDateTime"] is None


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ("$top=1000", 400, "Request_UnsupportedQuery"),
        ("$top=0", 400, "Request_UnsupportedQuery"),
        ("$top=501&$select=signInActivity", 400, "Request_UnsupportedQuery"),
        ("$select=lastLogin", 400, "BadRequest"),
        ("$skiptoken=made-up", 400, "Directory_ExpiredPageToken"),
        ("$filter=accountEnabled eq true", 501, "NotImplemented"),
        ("$expand=manager", 501, "NotImplemented"),
    ],
)
def test_a_query_that_graph_or_the_sandbox_does_not_take(
    graph: Graph, query: str, status: int, name: str
) -> None:
    assert code(graph("GET", f"/users?{query}")) == (status, name)


def test_a_page_token_is_good_for_its_own_query_only(graph: Graph) -> None:
    link = graph.get("/users?$select=id&$top=10")["@odata.nextLink"]
    assert link.startswith("https://graph.microsoft.com/v1.0/users?$select=id&$top=10&$skiptoken=")
    assert code(graph("GET", link.replace("$top=10", "$top=11"))) == (400, "Directory_ExpiredPageToken")


def test_count_needs_eventual_consistency(graph: Graph) -> None:
    assert graph("GET", "/users/$count", ConsistencyLevel="eventual").text == "60"
    assert code(graph("GET", "/users/$count")) == (400, "Request_BadRequest")


def test_one_user_by_id_and_by_upn(cloud: AzureCloud, graph: Graph) -> None:
    person = cloud.person(upn("idle"))
    assert graph.get(f"/users/{upn('idle')}?$select=id")["id"] == person.id
    assert "signInActivity" in graph.get(f"/users/{person.id}?$select=signInActivity")
    assert code(graph("GET", f"/users/{upn('idle')}?$select=signInActivity")) == (400, "BadRequest")
    assert code(graph("GET", "/users/nobody@contoso.example")) == (404, "Request_ResourceNotFound")


def test_a_guests_upn_with_its_hash_sign_is_found(graph: Graph) -> None:
    guest = graph.get(
        "/users/guest-idle_partner.example%23EXT%23@contoso.example?$select=userType,externalUserState"
    )
    assert (guest["userType"], guest["externalUserState"]) == ("Guest", "Accepted")


def test_disable_revoke_and_enable(cloud: AzureCloud, graph: Graph) -> None:
    path = f"/users/{cloud.person(upn('idle')).id}"
    assert graph("PATCH", path, {"accountEnabled": False}).status_code == 204
    assert graph("POST", f"{path}/revokeSignInSessions").get_json()["value"] is True
    shown = graph.get(f"{path}?$select=accountEnabled,signInSessionsValidFromDateTime")
    assert (shown["accountEnabled"], shown["signInSessionsValidFromDateTime"]) == (
        False,
        f"{NOW:%Y-%m-%dT%H:%M:%S}Z",
    )
    assert graph("PATCH", path, {"accountEnabled": True}).status_code == 204
    assert cloud.person(upn("idle")).enabled


@pytest.mark.parametrize(
    ("case", "status", "name"),
    [
        ("admin-idle", 403, "Authorization_RequestDenied"),
        ("admin-by-group-idle", 403, "Authorization_RequestDenied"),
        ("restricted-idle", 403, "Authorization_RequestDenied"),
        ("synced-idle", 400, "Request_BadRequest"),
        ("nobody", 404, "Request_ResourceNotFound"),
    ],
)
def test_who_cannot_be_disabled(graph: Graph, case: str, status: int, name: str) -> None:
    assert code(graph("PATCH", f"/users/{upn(case)}", {"accountEnabled": False})) == (status, name)


@pytest.mark.parametrize("case", ["pim-eligible-idle", "exempt-by-group-idle"])
def test_eligible_admins_and_plain_groups_do_not_protect(graph: Graph, case: str) -> None:
    assert graph("PATCH", f"/users/{upn(case)}", {"accountEnabled": False}).status_code == 204


def test_an_app_with_a_directory_role_may_disable_admins(cloud: AzureCloud, graph: Graph) -> None:
    cloud.app_roles.add("User Administrator")
    assert graph("PATCH", f"/users/{upn('admin-idle')}", {"accountEnabled": False}).status_code == 204


def test_what_cannot_be_written(graph: Graph) -> None:
    assert graph("PATCH", f"/users/{upn('idle')}", {"city": "X"}).status_code == 501


def test_manager_and_sponsors(graph: Graph) -> None:
    assert graph.get(f"/users/{upn('idle')}/manager")["userPrincipalName"] == upn("active")
    assert code(graph("GET", f"/users/{upn('active')}/manager")) == (404, "Request_ResourceNotFound")
    guest = "guest-idle_partner.example%23EXT%23@contoso.example"
    assert [person["mail"] for person in graph.all(f"/users/{guest}/sponsors")] == [upn("active")]
    assert graph.all(f"/users/{upn('idle')}/sponsors") == []


def test_what_a_mailbox_is_for_is_told_one_by_one(cloud: AzureCloud, graph: Graph) -> None:
    cloud.change(upn("idle"), purpose="shared")
    cloud.change(upn("active"), purpose=None)
    assert graph.get(f"/users/{upn('idle')}/mailboxSettings/userPurpose")["value"] == "shared"
    missing = graph("GET", f"/users/{upn('active')}/mailboxSettings/userPurpose")
    assert code(missing) == (404, "MailboxNotEnabledForRESTAPI")
    assert code(graph("GET", "/users?$select=id,mailboxSettings")) == (400, "BadRequest")


def test_people_can_be_added_changed_and_sign_in(cloud: AzureCloud, graph: Graph) -> None:
    cloud.add(Person(upn("late"), "Late Comer", NOW))
    cloud.sign_in(upn("late"))
    cloud.change(upn("late"), upn=upn("renamed"))
    late = graph.all(f"/users?$select={SELECT}")[-1]
    assert late["userPrincipalName"] == upn("renamed")
    assert late["signInActivity"]["lastSuccessfulSignInDateTime"] == "2026-05-01T00:00:00Z"
    assert code(graph("GET", f"/users/{upn('late')}")) == (404, "Request_ResourceNotFound")


def test_calls_are_announced_before_and_after(cloud: AzureCloud, graph: Graph) -> None:
    seen: list[tuple[str, str, str, bool, bool]] = []
    cloud.on_request = lambda *told: seen.append((*told, cloud.person(upn("idle")).enabled))
    graph("PATCH", f"/users/{upn('idle')}", {"accountEnabled": False})
    graph.get("/users?$top=1")
    action = "PATCH /users/{id}"
    assert seen[:2] == [("azure", action, "before", True, True), ("azure", action, "after", True, False)]
    assert [told[1:4] for told in seen[2:]] == [
        ("GET /users", "before", False),
        ("GET /users", "after", False),
    ]
