"""Unmodified clients in a child process, led by environment variables alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from custom_filters.sandbox.azure.cloud import AzureCloud
from custom_filters.sandbox.wire import Wire

LIST = """
import json, requests
from azure.identity import {credential}
{make}
session = requests.Session()
session.headers["Authorization"] = "Bearer " + token
link, users = "https://{graph}/v1.0/users?$select=id,signInActivity&$top=25", []
while link:
    page = session.get(link, timeout=30)
    page.raise_for_status()
    users += page.json()["value"]
    link = page.json().get("@odata.nextLink")
print(json.dumps(len(users)))
"""
SECRET = """
import os
names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
credential = ClientSecretCredential(*map(os.environ.get, names), authority="{login}")
token = credential.get_token("https://{graph}/.default").token
"""
SESSION = """
from c7n_azure.constants import MSGRAPH_RESOURCE_ID
from c7n_azure.session import Session
session = Session().get_session_for_resource(MSGRAPH_RESOURCE_ID)
endpoint = session.resource_endpoint.rstrip("/")
token = session.get_credentials().get_token(endpoint + "/.default").token
assert session.get_tenant_id() and session.get_subscription_id() is None
"""


def child(wire: Wire, cloud: AzureCloud, code: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AZURE_") and "proxy" not in k.lower()}
    environment = {**kept, **wire.environment, **cloud.environment}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def listed(wire: Wire, cloud: AzureCloud, make: str, login: str, graph: str) -> object:
    code = LIST.format(
        credential="ClientSecretCredential", make=make.format(login=login, graph=graph), graph=graph
    )
    run = child(wire, cloud, code)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_azure_identity_and_requests(wire: Wire, cloud: AzureCloud) -> None:
    assert listed(wire, cloud, SECRET, "login.microsoftonline.com", "graph.microsoft.com") == 60
    assert wire.connects == ["login.microsoftonline.com", "graph.microsoft.com"]
    assert cloud.calls["azure:GET /users"] == 3
    assert cloud.calls["azure:POST /oauth2/v2.0/token"] == 1


def test_azure_identity_in_a_national_cloud(wire: Wire, cloud: AzureCloud) -> None:
    assert listed(wire, cloud, SECRET, "login.microsoftonline.us", "graph.microsoft.us") == 60
    assert wire.connects[-1] == "graph.microsoft.us"
    assert wire.refused == []


def test_c7n_azures_own_session_needs_no_subscription(wire: Wire, cloud: AzureCloud) -> None:
    assert listed(wire, cloud, SESSION, "", "graph.microsoft.com") == 60


def test_c7n_azure_exits_on_a_bad_login(wire: Wire, cloud: AzureCloud) -> None:
    cloud.faults["login"] = "bad"
    run = child(wire, cloud, SESSION)
    assert run.returncode == 1
    assert "AADSTS7000215" in run.stderr
    assert "graph.microsoft.com" not in wire.connects
