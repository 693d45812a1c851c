"""A tenant of 60, a stand-in for the sandbox around it, and a Graph client without a wire."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from custom_filters.sandbox.azure.cloud import AzureCloud
from custom_filters.sandbox.cloud import Settings
from tests.sandbox.still import StillClock

NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)


class Graph:
    """Requests as a client with a good token sends them."""

    def __init__(
        self, cloud: AzureCloud, host: str = "graph.microsoft.com", login: str = "login.microsoftonline.com"
    ):
        self.cloud, self.host, self.login = cloud, host, login
        self.clock: Any = cloud.tenant.clock
        self.token = self.sign_in().get_json()["access_token"]

    def sign_in(self, **changes: str) -> TestResponse:
        app = self.cloud.app
        form = {"grant_type": "client_credentials", "client_id": app.client, "client_secret": app.secret}
        form |= {"scope": f"https://{self.host}/.default", "tenant": app.tenant, **changes}
        path = f"/{form.pop('tenant')}/oauth2/v2.0/token"
        return Client(self.cloud.hosts[self.login]).post(path, data=form, base_url=f"https://{self.login}")

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> TestResponse:
        given = {
            "Authorization": f"Bearer {self.token}",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        client = Client(self.cloud.hosts[self.host])
        where = path.removeprefix(f"https://{self.host}") if path.startswith("https") else f"/v1.0{path}"
        return client.open(where, method=method, json=body, headers=given, base_url=f"https://{self.host}")

    def get(self, path: str, **headers: str) -> dict[str, Any]:
        response = self("GET", path, **headers)
        assert response.status_code == 200, response.text
        return response.get_json()

    def all(self, path: str) -> list[dict[str, Any]]:
        found, link = [], path
        while link:
            page = self.get(link)
            found += page["value"]
            link = page.get("@odata.nextLink", "")
        return found

    def batch(self, *requests: dict[str, Any]) -> dict[str, Any]:
        response = self("POST", "/$batch", {"requests": requests})
        assert response.status_code == 200, response.text
        return {inner["id"]: inner for inner in response.get_json()["responses"]}


@pytest.fixture
def cloud() -> AzureCloud:
    return AzureCloud(Settings(users=60), StillClock(NOW), Counter(), {})


@pytest.fixture
def graph(cloud: AzureCloud) -> Graph:
    return Graph(cloud)


def code(response: TestResponse) -> tuple[int, str]:
    """Status and Graph's (or the log-in's) own code of an error."""
    error = response.get_json()["error"]
    return response.status_code, error if isinstance(error, str) else error["code"]
