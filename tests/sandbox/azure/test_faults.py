from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
import requests

from custom_filters.sandbox.azure import faults
from custom_filters.sandbox.azure.cloud import AzureCloud
from custom_filters.sandbox.azure.people import Activity
from custom_filters.sandbox.wire import ConnectionDroppedError, Wire
from tests.sandbox.azure.conftest import Graph, code

ACTIVITY = "/users?$select=id,signInActivity&$top=10"
DENIED = (403, "Authorization_RequestDenied")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_share_of_the_requests_fails(cloud: AzureCloud, graph: Graph, status: int) -> None:
    cloud.faults[f"graph_{status}"] = 0.5
    statuses = [graph("GET", "/users").status_code for _ in range(40)]
    assert set(statuses) == {200, status}


@pytest.mark.parametrize("how", ["1.5", "none", "date"])
def test_retry_after(cloud: AzureCloud, graph: Graph, how: str) -> None:
    cloud.faults |= {"graph_429": 1, "graph_429_retry_after": how}
    header = graph("GET", "/users").headers.get("Retry-After")
    assert header == {"1.5": "1.5", "none": None}.get(how, header)
    assert how != "date" or parsedate_to_datetime(str(header))


def test_licence(cloud: AzureCloud, graph: Graph) -> None:
    licence = (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant")
    cloud.faults["license"] = "missing"
    assert code(graph("GET", ACTIVITY)) == licence
    assert graph("GET", "/users").status_code == 200
    cloud.faults["license"] = "intermittent"
    assert [graph("GET", ACTIVITY).status_code for _ in range(6)] == [403, 403, 200] * 2


@pytest.mark.parametrize(
    ("permission", "path"),
    [
        ("AuditLog.Read.All", ACTIVITY),
        ("User.Read.All+User.ReadWrite.All", "/users"),
        ("RoleManagement.Read.Directory", "/roleManagement/directory/roleAssignments"),
        ("GroupMember.Read.All", "/groups"),
        ("Application.Read.All", "/servicePrincipals(appId='x')"),
    ],
)
def test_a_missing_permission(cloud: AzureCloud, graph: Graph, permission: str, path: str) -> None:
    cloud.faults["permission"] = permission
    assert code(graph("GET", path)) == DENIED


def test_disabling_needs_both_of_the_small_permissions(cloud: AzureCloud, graph: Graph) -> None:
    path, body = "/users/idle@contoso.example", {"accountEnabled": False}
    cloud.permissions.discard("User.ReadWrite.All")
    cloud.faults["permission"] = "User.EnableDisableAccount.All"
    assert code(graph("PATCH", path, body)) == DENIED
    del cloud.faults["permission"]
    assert graph("PATCH", path, body).status_code == 204


def test_a_page_that_never_comes(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["page_fail"] = "3"
    second = graph.get(graph.get(ACTIVITY)["@odata.nextLink"])
    assert {graph("GET", second["@odata.nextLink"]).status_code for _ in range(3)} == {500}
    cloud.faults["page_fail_path"] = "/groups"
    assert graph("GET", second["@odata.nextLink"]).status_code == 200


def test_a_next_link_to_another_host(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["nextlink_host"] = "evil.example"
    assert graph.get(ACTIVITY)["@odata.nextLink"].startswith("https://evil.example/v1.0/users?")


def test_rate_limit_on_activity_only(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["rate_limit"] = 10
    responses = [graph("GET", ACTIVITY) for _ in range(11)]
    assert [response.status_code for response in responses] == [200] * 10 + [429]
    assert 1 <= int(responses[-1].headers["Retry-After"]) <= 61
    assert graph("GET", "/users").status_code == 200


def test_activity_missing_for_everyone(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["activity"] = "missing"
    assert not any("signInActivity" in user for user in graph.all(ACTIVITY))
    assert isinstance(cloud.person("idle@contoso.example").activity, Activity)


def test_one_users_patch_fails(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["patch_fail"] = "idle@contoso.example"
    assert graph("PATCH", "/users/idle@contoso.example", {"accountEnabled": False}).status_code == 500
    assert graph("PATCH", "/users/active@contoso.example", {"accountEnabled": False}).status_code == 204


@pytest.mark.parametrize(("fault", "enabled"), [("graph_drop", True), ("graph_drop_after", False)])
def test_a_write_is_lost_before_or_after_it_acts(
    cloud: AzureCloud, graph: Graph, fault: str, enabled: bool
) -> None:
    cloud.faults[fault] = 1
    with pytest.raises(ConnectionDroppedError):
        graph("PATCH", "/users/idle@contoso.example", {"accountEnabled": False})
    assert cloud.person("idle@contoso.example").enabled is enabled


def test_a_hook_can_end_a_write_before_it_acts(cloud: AzureCloud, graph: Graph) -> None:
    def hook(name: str, action: str, phase: str, is_write: bool) -> None:
        raise ConnectionDroppedError

    cloud.on_request = hook
    with pytest.raises(ConnectionDroppedError):
        graph("PATCH", "/users/idle@contoso.example", {"accountEnabled": False})
    assert cloud.person("idle@contoso.example").enabled


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        *(
            ("graph_429", "often"),
            ("graph_503", 2),
            ("page_fail", "on"),
            ("license", "on"),
            ("login", "good"),
        ),
        ("graph_429_retry_after", "soon"),
    ],
)
def test_a_value_that_a_fault_does_not_take_is_named(cloud: AzureCloud, fault: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"fault {fault}={value}: give "):
        cloud.check_faults({fault: value})


def test_every_fault_is_documented() -> None:
    rows = [line.split("|")[1] for line in str(faults.__doc__).splitlines() if line.startswith("| ")]
    assert {name.strip() for row in rows[1:] for name in row.split(",")} == faults.FAULTS


def test_a_list_breaks_half_way_through_its_body(cloud: AzureCloud, graph: Graph, wire: Wire) -> None:
    cloud.faults["graph_drop"] = 1
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(
            "https://graph.microsoft.com/v1.0/users",
            headers={"Authorization": f"Bearer {graph.token}"},
            proxies={"https": wire.proxy},
            verify=wire.ca_file,
            timeout=10,
        )
