from __future__ import annotations

from typing import Any

import pytest

from custom_filters.sandbox.azure.cloud import AzureCloud
from tests.sandbox.azure.conftest import Graph, code

JSON = {"Content-Type": "application/json"}


def patch(key: str, case: str) -> dict[str, Any]:
    where = {"id": key, "method": "PATCH", "url": f"/users/{case}@contoso.example"}
    return {**where, "headers": JSON, "body": {"accountEnabled": False}}


def test_each_inner_request_has_its_own_status(cloud: AzureCloud, graph: Graph) -> None:
    query = {"id": "q", "method": "GET", "url": "/users/idle@contoso.example?$select=id%2CaccountEnabled"}
    answers = graph.batch(patch("a", "idle"), patch("b", "admin-idle"), patch("c", "nobody"), query)
    assert {key: answer["status"] for key, answer in answers.items()} == {
        "a": 204,
        "b": 403,
        "c": 404,
        "q": 200,
    }
    assert "body" not in answers["a"]
    assert answers["b"]["body"]["error"]["code"] == "Authorization_RequestDenied"
    assert set(answers["q"]["body"]) == {"@odata.context", "id", "accountEnabled"}
    assert cloud.calls["azure:POST /$batch"] == 1
    assert cloud.calls["azure:batch:PATCH /users/{id}"] == 3


def test_dependants_of_a_failure_fail_and_nothing_happens_to_them(cloud: AzureCloud, graph: Graph) -> None:
    second = {**patch("2", "idle"), "dependsOn": ["1"]}
    third = {**patch("3", "idle-400-days"), "dependsOn": ["2"]}
    answers = graph.batch(patch("1", "synced-idle"), second, third)
    assert {key: answer["status"] for key, answer in answers.items()} == {"1": 400, "2": 424, "3": 424}
    assert cloud.person("idle@contoso.example").enabled


def test_inner_requests_are_throttled_one_by_one(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults |= {"graph_429": "0.4", "graph_429_retry_after": "1.5"}
    statuses, waits = set(), set()
    for _ in range(20):
        response = graph("POST", "/$batch", {"requests": [patch(str(n), "idle") for n in range(20)]})
        if response.status_code == 200:
            for inner in response.get_json()["responses"]:
                statuses.add(inner["status"])
                waits.add(inner["headers"].get("Retry-After"))
    assert statuses == {204, 429}
    assert waits == {None, "1.5"}


MALFORMED: dict[str, object] = {
    "no list": {},
    "empty": {"requests": []},
    "21": {"requests": [patch(str(n), "idle") for n in range(21)]},
    "same id": {"requests": [patch("1", "idle"), patch("1", "idle")]},
    "no such dependency": {"requests": [{**patch("1", "idle"), "dependsOn": ["9"]}]},
    "absolute url": {
        "requests": [{"id": "1", "method": "GET", "url": "https://graph.microsoft.com/v1.0/users"}]
    },
    "body without type": {"requests": [{"id": "1", "method": "POST", "url": "/x", "body": {}}]},
    "no method": {"requests": [{"id": "1", "url": "/users"}]},
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_batch_does_nothing(cloud: AzureCloud, graph: Graph, case: str) -> None:
    assert code(graph("POST", "/$batch", MALFORMED[case]))[0] == 400
    assert cloud.person("idle@contoso.example").enabled
