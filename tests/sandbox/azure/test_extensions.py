from __future__ import annotations

import pytest

from custom_filters.sandbox.azure.cloud import AzureCloud
from tests.sandbox.azure.conftest import Graph, code

USER = "/users/idle@contoso.example"
MARK = {
    "@odata.type": "microsoft.graph.openTypeExtension",
    "extensionName": "com.example.mark",
    "text": "due",
    "n": 1,
}


def test_made_read_replaced_and_deleted(graph: Graph) -> None:
    made = graph("POST", f"{USER}/extensions", MARK)
    assert made.status_code == 201
    shown = {"@odata.type": "#microsoft.graph.openTypeExtension", "text": "due", "n": 1}
    shown |= {"id": "com.example.mark", "extensionName": "com.example.mark"}
    assert {k: v for k, v in made.get_json().items() if k != "@odata.context"} == shown
    one = f"{USER}/extensions/com.example.mark"
    assert graph("PATCH", one, {"text": "later"}).status_code == 204
    assert "n" not in graph.get(one)
    assert graph.get(one)["text"] == "later"
    assert graph("DELETE", one).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert code(graph(method, one, {})) == (404, "ResourceNotFound")


def test_expanded_in_lists_and_on_one_user(cloud: AzureCloud, graph: Graph) -> None:
    cloud.extensions("idle@contoso.example")["com.example.mark"] = {"text": "due"}
    marked = {
        user["id"]: user["extensions"] for user in graph.all("/users?$select=id&$expand=extensions&$top=999")
    }
    key = cloud.person("idle@contoso.example").id
    assert [extension["text"] for extension in marked.pop(key)] == ["due"]
    assert all(extensions == [] for extensions in marked.values())
    assert graph.get(f"{USER}?$select=id&$expand=extensions")["extensions"][0]["id"] == "com.example.mark"
    assert graph.all(f"{USER}/extensions")[0]["text"] == "due"


REFUSED = {
    "no type": ({"extensionName": "x"}, 400),
    "no name": ({"@odata.type": MARK["@odata.type"]}, 400),
    "nested": ({**MARK, "deep": {"a": 1}}, 400),
    "over 2 KB": ({**MARK, "text": "x" * 2048}, 400),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(graph: Graph, case: str) -> None:
    body, status = REFUSED[case]
    assert graph("POST", f"{USER}/extensions", body).status_code == status
    assert graph.all(f"{USER}/extensions") == []


def test_two_an_app_and_each_name_once(graph: Graph) -> None:
    assert graph("POST", f"{USER}/extensions", MARK).status_code == 201
    assert code(graph("POST", f"{USER}/extensions", MARK)) == (409, "Conflict")
    assert graph("POST", f"{USER}/extensions", {**MARK, "extensionName": "second"}).status_code == 201
    assert code(graph("POST", f"{USER}/extensions", {**MARK, "extensionName": "third"}))[0] == 400
    assert code(graph("POST", "/users/nobody/extensions", MARK)) == (404, "Request_ResourceNotFound")
