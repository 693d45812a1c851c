from __future__ import annotations

import pytest

from custom_filters.sandbox.azure.cloud import AzureCloud
from tests.sandbox.azure.conftest import Graph, code


def upn(case: str) -> str:
    return f"{case}@contoso.example"


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


def test_what_cannot_be_written(graph: Graph) -> None:
    assert graph("PATCH", f"/users/{upn('idle')}", {"city": "X"}).status_code == 501


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
