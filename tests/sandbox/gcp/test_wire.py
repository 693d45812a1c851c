"""The unmodified clients in a child process, pointed here by environment variables only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from custom_filters.sandbox.gcp.cloud import GcpCloud
from custom_filters.sandbox.wire import Wire
from tests.sandbox.gcp.conftest import Settings, StillClock

CHILD = """
import os
import google.auth
from googleapiclient.discovery import build

scope = "https://www.googleapis.com/auth/admin.directory.user.readonly"
credentials, project = google.auth.default(scopes=[scope])
credentials = credentials.with_subject(os.environ["GOOGLE_WORKSPACE_SUBJECT"])
users = build("admin", "directory_v1", credentials=credentials).users()
request, count = users.list(customer=os.environ["GOOGLE_WORKSPACE_CUSTOMER"], maxResults=20), 0
while request is not None:
    answer = request.execute(num_retries=8)
    count += len(answer["users"])
    request = users.list_next(request, answer)
print(project, count)
"""
POLICIES = {
    "policies": [
        {"name": "accounts", "resource": "gcp.service-account"},
        {"name": "keys", "resource": "gcp.service-account-key", "filters": [{"keyType": "USER_MANAGED"}]},
    ]
}


@pytest.fixture
def play() -> Iterator[tuple[GcpCloud, Wire, dict[str, str]]]:
    cloud = GcpCloud(Settings(), StillClock(), Counter(), {}, accounts=40)
    with Wire(cloud.hosts) as wire:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GOOGLE", "GCP", "CLOUD"))
        }
        yield cloud, wire, {**kept, **wire.environment, **cloud.environment, "C7N_UNUSED_AUTOLOAD": "0"}
    cloud.close()


def test_google_clients_reach_the_directory(play: tuple[GcpCloud, Wire, dict[str, str]]) -> None:
    cloud, wire, environment = play
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == [cloud.company.projects[0].id, "60"]
    assert {"oauth2.googleapis.com", "admin.googleapis.com"} <= set(wire.connects)
    assert wire.refused == []


def test_stock_custodian_lists_service_accounts_and_keys(
    play: tuple[GcpCloud, Wire, dict[str, str]], tmp_path: Path
) -> None:
    cloud, wire, environment = play
    (tmp_path / "policies.json").write_text(json.dumps(POLICIES))
    command = [sys.executable, "-m", "c7n.cli", "run", "-s", "out", "--cache-period", "0", "policies.json"]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    project = cloud.company.projects[0].id
    mine = {account.email for account in cloud.company.accounts if account.project == project}
    found = json.loads((tmp_path / "out/accounts/resources.json").read_text())
    assert {account["email"] for account in found} == mine
    keys = json.loads((tmp_path / "out/keys/resources.json").read_text())
    expected = {k.id for k in cloud.company.keys if k.account in mine and k.kind == "USER_MANAGED"}
    assert {key["name"].rpartition("/")[2] for key in keys} == expected
    assert "iam.googleapis.com" in wire.connects
    assert wire.refused == []
