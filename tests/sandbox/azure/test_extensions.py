"""Notes on users: open extensions, which users can write too, and directory extensions, which they can't."""

from __future__ import annotations

from typing import Any

import pytest

from custom_filters.sandbox.azure.cloud import AzureCloud
from tests.sandbox.azure.conftest import Graph, code

USER = "/users/idle@contoso.example"
OPEN = {
    "@odata.type": "microsoft.graph.openTypeExtension",
    "extensionName": "com.example.mark",
    "text": "due",
}
REFUSED = {
    "no type": ({"extensionName": "x"}, 400),
    "no name": ({"@odata.type": OPEN["@odata.type"]}, 400),
    "nested": ({**OPEN, "deep": {"a": 1}}, 400),
    "over 2 KB": ({**OPEN, "text": "x" * 2048}, 400),
}


def test_an_open_extension_is_made_expanded_and_replaced(cloud: AzureCloud, graph: Graph) -> None:
    assert graph("POST", f"{USER}/extensions", {**OPEN, "n": 1}).status_code == 201
    assert code(graph("POST", f"{USER}/extensions", OPEN)) == (409, "Conflict")
    assert graph("PATCH", f"{USER}/extensions/com.example.mark", {"text": "later"}).status_code == 204
    assert code(graph("PATCH", f"{USER}/extensions/none", {})) == (404, "ResourceNotFound")
    listed = {u["id"]: u["extensions"] for u in graph.all("/users?$select=id&$expand=extensions&$top=999")}
    (mine,) = listed.pop(cloud.person("idle@contoso.example").id)
    assert mine == {
        "@odata.type": "#microsoft.graph.openTypeExtension", "text": "later",
        "id": "com.example.mark", "extensionName": "com.example.mark",
    }  # fmt: skip
    assert not any(listed.values())
    assert graph("DELETE", f"{USER}/extensions/com.example.mark").status_code == 204
    assert code(graph("DELETE", f"{USER}/extensions/com.example.mark")) == (404, "ResourceNotFound")
    assert graph("POST", f"{USER}/extensions", OPEN).status_code == 201
    assert graph("POST", f"{USER}/extensions", {**OPEN, "extensionName": "second"}).status_code == 201
    assert code(graph("POST", f"{USER}/extensions", {**OPEN, "extensionName": "third"}))[0] == 400


@pytest.mark.parametrize("case", REFUSED)
def test_an_open_extension_is_refused(graph: Graph, case: str) -> None:
    body, status = REFUSED[case]
    assert graph("POST", f"{USER}/extensions", body).status_code == status
    assert graph.get(f"{USER}?$expand=extensions")["extensions"] == []


def set_up(graph: Graph) -> tuple[dict[str, Any], str]:
    """What `setup` makes: the app and the whole name of its property."""
    app = graph("POST", "/applications", {"displayName": "notes"}).get_json()
    assert graph("POST", "/servicePrincipals", {"appId": app["appId"]}).status_code == 201
    body = {"name": "record", "dataType": "String", "targetObjects": ["User"]}
    made = graph("POST", f"/applications/{app['id']}/extensionProperties", body)
    assert made.status_code == 201
    return app, made.get_json()["name"]


def test_a_directory_extension_is_made_once_and_found(graph: Graph) -> None:
    app, name = set_up(graph)
    assert name == f"extension_{app['appId'].replace('-', '')}_record"
    assert graph.all(f"/applications?$filter=appId eq '{app['appId']}'") == [
        {key: value for key, value in app.items() if key != "@odata.context"}
    ]
    assert len(graph.all(f"/servicePrincipals?$filter=appId eq '{app['appId']}'")) == 1
    properties = f"/applications/{app['id']}/extensionProperties"
    assert [item["name"] for item in graph.all(properties)] == [name]
    again = {"name": "record", "dataType": "String", "targetObjects": ["User"]}
    assert code(graph("POST", properties, again)) == (400, "ObjectConflict")
    assert code(graph("POST", properties, {**again, "name": "two words"}))[0] == 400
    assert code(graph("GET", "/applications/none/extensionProperties"))[0] == 404


def test_notes_and_the_switch_change_in_one_patch(cloud: AzureCloud, graph: Graph) -> None:
    _, name = set_up(graph)
    assert graph("PATCH", USER, {"accountEnabled": False, name: "x" * 256}).status_code == 204
    shown = graph.get(f"{USER}?$select=accountEnabled,{name}")
    assert (shown["accountEnabled"], shown[name]) == (False, "x" * 256)
    for body in ({name: "x" * 257}, {name: 7}, {name: ""}, {"extension_0_none": "x"}):
        assert graph("PATCH", USER, {"accountEnabled": True, **body}).status_code == 400
    assert not cloud.person("idle@contoso.example").enabled
    assert graph("PATCH", USER, {name: None}).status_code == 204
    assert name not in graph.get(f"{USER}?$select={name}")


def test_notes_need_more_than_the_permission_to_disable(cloud: AzureCloud, graph: Graph) -> None:
    _, name = set_up(graph)
    cloud.faults["permission"] = "User.ReadWrite.All"
    assert graph("PATCH", USER, {"accountEnabled": False}).status_code == 204
    assert code(graph("PATCH", USER, {name: "x"})) == (403, "Authorization_RequestDenied")


def test_notes_are_lost_with_their_app(cloud: AzureCloud, graph: Graph) -> None:
    app, name = set_up(graph)
    graph("PATCH", USER, {name: "note"})
    cloud.hand("delete-app", app["appId"])
    assert code(graph("GET", f"/users?$select={name}")) == (400, "BadRequest")
    assert code(graph("PATCH", USER, {name: "x"})) == (400, "Request_BadRequest")
    assert graph.all(f"/applications?$filter=appId eq '{app['appId']}'") == []
    cloud.hand("restore-app", app["appId"])
    assert graph.get(f"{USER}?$select={name}")[name] == "note"
