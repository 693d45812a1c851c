"""`--cloud`: run, doctor, setup and restore in a national cloud, through the command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from custom_filters.azure.notes import APP_VARIABLE
from custom_filters.sandbox.azure.graph import Graph as Server
from tests.azure.runs import DOMAIN, ENFORCE, embedded, marked, person, utc

NOW = utc(2026, 6, 15, 12, 0)
CLOUDS = {"AzureUSGovernment": "graph.microsoft.us", "AzureChinaCloud": "microsoftgraph.chinacloudapi.cn"}


@pytest.mark.slow
@pytest.mark.parametrize(("cloud", "host"), CLOUDS.items(), ids=CLOUDS)
def test_every_command_stays_in_its_cloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: str, host: str
) -> None:
    """Sign-ins that are not interactive cannot be asked there: reversible changes go on, and say so."""
    real, seen = Server._authenticate, set()

    def authenticate(server: Server, request: Any, origin: str) -> None:
        seen.add(urlsplit(origin).hostname)
        real(server, request, origin)

    monkeypatch.setattr(Server, "_authenticate", authenticate)
    policies = shutil.copytree(ENFORCE.parent, tmp_path / "policies")
    (policies / "exemptions.yml").write_text("exemptions: []\n")
    with embedded(now=NOW, faults={"beta": "missing"}) as sandbox:
        for name in ("idle", "other"):
            sandbox.azure.add(person(name, NOW, 200))
        marked(sandbox, "idle", NOW - timedelta(days=15))
        environment = {**sandbox.child_environment(), APP_VARIABLE: sandbox.azure.app.client}

        def command(*arguments: str) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "custom_filters", *arguments, "--cloud", cloud],
                env=environment, cwd=policies, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        assert "Nothing is missing." in command("doctor", "-p", "azure")
        assert APP_VARIABLE in command("setup", "-p", "azure")
        command("run", "-s", "report", "report.yml")
        command("run", "-s", "out", "--enforce", "--yes", "enforce.yml")
        assert [p.upn for p in sandbox.azure.people if not p.enabled] == [f"idle@{DOMAIN}"]
        told = "".join(path.read_text() for path in policies.rglob("c7n-unused-actions.jsonl"))
        assert "not available in this cloud" in told
        [done] = [line for line in map(json.loads, told.splitlines()) if line["operation"] == "disable"
                  and line["step"] == "outcome"]  # fmt: skip
        assert "not checked in the last hours" in done["reason"]
        command("restore", "out", "--user", f"idle@{DOMAIN}")
        assert all(p.enabled for p in sandbox.azure.people)
    assert seen == {host}
