from __future__ import annotations

import base64
import re

import pytest

from custom_filters.sandbox.azure.cloud import AzureCloud
from custom_filters.sandbox.azure.login import CLOUDS
from tests.sandbox.azure.conftest import Graph, code

REFUSED = {
    "a scope that is a permission": ({"scope": "https://graph.microsoft.com/User.Read.All"}, 400, 1002012),
    "two scopes": ({"scope": "https://graph.microsoft.com/.default https://x/.default"}, 400, 1002012),
    "another cloud's resource": ({"scope": "https://graph.microsoft.us/.default"}, 400, 1002012),
    "no scope": ({"scope": ""}, 400, 1002012),
    "secret": ({"client_secret": "guess"}, 401, 7000215),
    "client": ({"client_id": "00000000-0000-0000-0000-000000000000"}, 400, 700016),
    "tenant": ({"tenant": "00000000-0000-0000-0000-000000000000"}, 400, 90002),
    "grant": ({"grant_type": "password"}, 400, 70003),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_entras_own_number(graph: Graph, case: str) -> None:
    changes, status, number = REFUSED[case]
    response = graph.sign_in(**changes)
    body = response.get_json()
    assert (response.status_code, body["error_codes"]) == (status, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")


def test_a_bad_login_fault(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["login"] = "bad"
    assert code(graph.sign_in()) == (401, "invalid_client")


@pytest.mark.parametrize("login", CLOUDS)
def test_every_national_cloud_serves_its_own_graph(cloud: AzureCloud, login: str) -> None:
    host = CLOUDS[login][0]
    graph = Graph(cloud, host, login)
    page = graph.get("/users?$top=5")
    assert page["@odata.nextLink"].startswith(f"https://{host}/v1.0/users?")
    graph.host = next(other for other, _ in CLOUDS.values() if other != host)
    assert code(graph("GET", "/users")) == (401, "InvalidAuthenticationToken")


def test_tokens_that_end_half_way(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["token_calls"] = 2
    assert [graph("GET", "/users").status_code for _ in range(3)] == [200, 200, 401]
    graph.token = graph.sign_in().get_json()["access_token"]
    assert graph("GET", "/users").status_code == 200


def test_a_claims_challenge_is_met_by_a_token_with_those_claims(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["cae"] = 1
    answers = [graph("GET", "/users") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    asked = re.search('error="insufficient_claims", claims="(.*?)"', answers[1].headers["WWW-Authenticate"])
    assert asked
    for claims, status in (("{}", 401), (base64.b64decode(asked[1]).decode(), 200)):
        graph.token = graph.sign_in(claims=claims).get_json()["access_token"]
        assert [graph("GET", "/users").status_code for _ in range(3)][-1] == status


def test_tokens_are_checked(cloud: AzureCloud, graph: Graph) -> None:
    good = graph.token
    cloud.faults["token_lifetime"] = 1e-9
    expired = graph.sign_in().get_json()["access_token"]
    for token in (expired, "", "x.y.z", good[:-2] + "AA"):
        graph.token = token
        response = graph("GET", "/users")
        assert code(response) == (401, "InvalidAuthenticationToken")
        assert "WWW-Authenticate" in response.headers


def test_the_secret_is_made_at_start_and_not_shown(cloud: AzureCloud) -> None:
    assert cloud.app.secret not in repr(cloud.app)
    assert set(cloud.environment) == {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"}
