from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from custom_filters.sandbox.azure.cloud import AzureCloud
from custom_filters.sandbox.azure.faults import TABLE
from custom_filters.sandbox.faults import check
from custom_filters.sandbox.wire import ConnectionDroppedError, Wire
from tests.sandbox.azure.conftest import Graph, code

ACTIVITY = "/users?$select=id,signInActivity&$top=10"
IDLE = "/users/idle@contoso.example"
OFF = {"accountEnabled": False}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_share_of_the_requests_fails(cloud: AzureCloud, graph: Graph, status: int) -> None:
    cloud.faults[f"graph_{status}"] = 0.5
    assert {graph("GET", "/users").status_code for _ in range(40)} == {200, status}


@pytest.mark.parametrize("how", ["1.5", "none", "date"])
def test_retry_after(cloud: AzureCloud, graph: Graph, how: str) -> None:
    cloud.faults |= {"graph_429": 1, "graph_429_retry_after": how}
    header = graph("GET", "/users").headers.get("Retry-After")
    assert header == {"1.5": "1.5", "none": None}.get(how, header)
    assert how != "date" or parsedate_to_datetime(str(header))


def test_licence(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["license"] = "missing"
    assert code(graph("GET", ACTIVITY)) == (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant")
    assert graph("GET", "/users").status_code == 200
    cloud.faults["license"] = "intermittent"
    assert [graph("GET", ACTIVITY).status_code for _ in range(6)] == [403, 403, 200] * 2


PERMISSIONS = {
    "AuditLog.Read.All": ACTIVITY,
    "User.Read.All+User.ReadWrite.All": "/users",
    "RoleManagement.Read.Directory": "/roleManagement/directory/roleAssignments",
    "GroupMember.Read.All": "/groups",
    "MailboxSettings.Read": f"{IDLE}/mailboxSettings/userPurpose",
    "Application.Read.All+Application.ReadWrite.OwnedBy": "/applications",
}


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_missing_permission_in_each_of_its_bodies(cloud: AzureCloud, graph: Graph, permission: str) -> None:
    cloud.faults["permission"] = permission
    for body in ("Authorization_RequestDenied", "Authentication_MSGraphPermissionMissing", "UnknownError"):
        cloud.faults["denial"] = body
        answer = graph("GET", PERMISSIONS[permission])
        assert code(answer) == (403, body)
    inner = json.loads(answer.get_json()["error"]["message"])
    assert inner["errorCode"] == "PermissionScopeNotGranted"
    assert permission.partition("+")[0] in inner["message"]


#: faults, method, path, body, the error; what is asked is refused, and works without the faults.
REFUSALS: dict[str, tuple[dict[str, Any], str, str, Any, tuple[int, str]]] = {
    "both small permissions": (
        {"permission": "User.ReadWrite.All+User.EnableDisableAccount.All"},
        *("PATCH", IDLE, OFF, (403, "Authorization_RequestDenied")),
    ),
    "one user": (
        {"deny_user": "idle@contoso.example"},
        *("GET", IDLE, None, (403, "Authorization_RequestDenied")),
    ),
    "patch": (
        {"patch_fail": "idle@contoso.example"},
        *("PATCH", IDLE, OFF, (500, "Service_InternalServerError")),
    ),
    "revocation": (
        {"revoke_fail": 403},
        *("POST", f"{IDLE}/revokeSignInSessions", None, (403, "Authorization_RequestDenied")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_alone(cloud: AzureCloud, graph: Graph, case: str) -> None:
    faults, method, path, body, error = REFUSALS[case]
    before = cloud.person("idle@contoso.example")
    cloud.faults |= faults
    assert code(graph(method, path, body)) == error
    assert cloud.person("idle@contoso.example") == before
    other = path.replace("idle@", "active@") if case != "both small permissions" else "/groups"
    assert case == "revocation" or graph("GET", other).status_code == 200
    cloud.faults.clear()
    assert graph(method, path, body).status_code < 300


def test_pages_that_never_come(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["page_fail"] = "3"
    second = graph.get(graph.get(ACTIVITY)["@odata.nextLink"])
    assert {graph("GET", second["@odata.nextLink"]).status_code for _ in range(3)} == {500}
    cloud.faults["page_fail_path"] = "/groups"
    assert graph("GET", second["@odata.nextLink"]).status_code == 200
    cloud.faults["graph_page_token"] = "expired"
    assert code(graph("GET", second["@odata.nextLink"])) == (400, "Directory_ExpiredPageToken")
    cloud.faults["nextlink_host"] = "evil.example"
    assert graph.get(ACTIVITY)["@odata.nextLink"].startswith("https://evil.example/v1.0/users?")


def test_rate_limit_on_activity_only(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["rate_limit"] = 10
    single = f"/users/{cloud.person('idle@contoso.example').id}?$select=signInActivity"
    responses = [graph("GET", path) for path in [ACTIVITY] * 9 + [single] * 2]
    assert [response.status_code for response in responses] == [200] * 10 + [429]
    assert 1 <= int(responses[-1].headers["Retry-After"]) <= 61
    assert graph("GET", "/users").status_code == 200
    graph.clock.advance(seconds=61)
    assert graph("GET", ACTIVITY).status_code == 200


#: faults -> who of the first 20 users that signed in is shown without signInActivity: in a list, alone.
OMITTED = {
    "nobody": ({}, set(), set()),
    "user": ({"omit": "idle@contoso.example"}, {"idle"}, {"idle"}),
    "user in lists": ({"omit_list": "idle@contoso.example"}, {"idle"}, set()),
    "page": ({"omit_page": 1}, {"active", "idle", "idle-89-days"}, set()),
    "everybody": ({"activity": "missing"}, {"active", "idle", "idle-89-days"}, {"idle"}),
}


@pytest.mark.parametrize("case", OMITTED)
def test_activity_left_out(cloud: AzureCloud, graph: Graph, case: str) -> None:
    faults, lists, single = OMITTED[case]
    cloud.faults |= faults
    shown = {user["id"] for user in graph.all(ACTIVITY) if "signInActivity" in user}
    names = ("active", "idle", "idle-89-days")
    people = {name: cloud.person(f"{name}@contoso.example").id for name in names}
    assert {name for name, key in people.items() if key not in shown} == lists
    alone = graph.get(f"/users/{people['idle']}?$select=signInActivity")
    assert ("signInActivity" not in alone) == ("idle" in single)


@pytest.mark.parametrize(("fault", "stale"), [("graph_read_lag", "single"), ("graph_list_lag", "list")])
def test_reads_lag_writes(cloud: AzureCloud, graph: Graph, fault: str, stale: str) -> None:
    cloud.faults[fault] = 2
    assert graph("PATCH", IDLE, OFF).status_code == 204

    def enabled() -> dict[str, bool]:
        users = graph.all("/users?$select=userPrincipalName,accountEnabled")
        listed = {user["userPrincipalName"]: user["accountEnabled"] for user in users}
        single = graph.get(f"{IDLE}?$select=accountEnabled")["accountEnabled"]
        return {"single": single, "list": listed["idle@contoso.example"]}

    assert enabled() == {"single": False, "list": False, stale: True}
    graph.clock.advance(seconds=3)
    assert enabled() == {"single": False, "list": False}


@pytest.mark.parametrize(("fault", "enabled"), [("graph_drop", True), ("graph_drop_after", False)])
def test_a_write_is_lost_before_or_after_it_acts(
    cloud: AzureCloud, graph: Graph, fault: str, enabled: bool
) -> None:
    cloud.faults[fault] = 1
    with pytest.raises(ConnectionDroppedError):
        graph("PATCH", IDLE, OFF)
    assert cloud.person("idle@contoso.example").enabled is enabled


def test_a_hook_can_end_a_write_before_it_acts(cloud: AzureCloud, graph: Graph) -> None:
    def hook(name: str, action: str, phase: str, is_write: bool) -> None:
        raise ConnectionDroppedError

    cloud.on_request = hook
    with pytest.raises(ConnectionDroppedError):
        graph("PATCH", IDLE, OFF)
    assert cloud.person("idle@contoso.example").enabled


def test_bodies_that_are_cut_or_garbled(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["graph_truncated"] = 1
    assert graph("GET", "/users").status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(graph("GET", "/users").text)
    del cloud.faults["graph_truncated"]
    cloud.faults["graph_garbled"] = 1
    assert graph("GET", "/users").mimetype == "text/html"


@pytest.mark.parametrize("fault", [fault.name for fault in TABLE if fault.takes != "NAMES"])
def test_a_value_that_a_fault_does_not_take_is_named(cloud: AzureCloud, fault: str) -> None:
    with pytest.raises(ValueError, match=f"fault {fault}=soonish: give "):
        check([TABLE], {fault: "soonish"})


def test_a_list_breaks_half_way_through_its_body(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["graph_drop"] = 1
    broken = pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError))
    with Wire(cloud.hosts) as wire, broken:
        requests.get(
            "https://graph.microsoft.com/v1.0/users",
            headers={"Authorization": f"Bearer {graph.token}"},
            proxies={"https": wire.proxy},
            verify=wire.ca_file,
            timeout=10,
        )
