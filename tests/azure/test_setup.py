from __future__ import annotations

import re
import subprocess
import sys

import pytest

from custom_filters.azure.permissions import SETUP
from custom_filters.azure.setup import NAME, steps
from custom_filters.sandbox import Sandbox
from tests.azure.conftest import NOW, Tenant
from tests.azure.runs import embedded


def made(sandbox: Sandbox) -> dict[str, list[str]]:
    """App name -> the names of its properties, of apps with a service principal."""
    apps = sandbox.azure.tenant.directory.apps.values()
    return {
        app.name: sorted(n.rpartition("_c7n_")[2] for n in app.properties) for app in apps if app.principal
    }


def test_it_is_made_once_and_the_last_line_is_the_variable(tenant: Tenant) -> None:
    tenant.sandbox.azure.permissions.intersection_update(p.name for p in SETUP)
    first = list(steps())
    assert first[0] == f"made the app registration {NAME!r}"
    variable, _, app = first[-1].partition("=")
    assert (variable, bool(re.fullmatch("[0-9a-f-]{36}", app))) == ("C7N_UNUSED_ENTRA_APP", True)
    assert made(tenant.sandbox)[NAME] == ["unused", "unused_record"]
    assert list(steps()) == ["its properties are all there", first[-1]]
    assert "made the properties c7n_unused_guest; " in next(steps("c7n-unused-guest"))


def test_two_apps_of_the_name_are_refused_and_a_named_one_is_taken(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = list(steps())[-1].partition("=")[2]
    tenant.graph.request("POST", f"{tenant.graph.endpoint}/v1.0/applications", body={"displayName": NAME})
    with pytest.raises(Exception, match="2 app registrations are called"):
        list(steps())
    monkeypatch.setenv("C7N_UNUSED_ENTRA_APP", app)
    assert list(steps())[-1] == f"C7N_UNUSED_ENTRA_APP={app}"
    monkeypatch.setenv("C7N_UNUSED_ENTRA_APP", "00000000-0000-0000-0000-000000000000")
    with pytest.raises(Exception, match="the tenant has no app registration 0"):
        list(steps())


@pytest.mark.parametrize("cloud", ["AzureCloud", "AzureUSGovernment"])
def test_the_command(cloud: str) -> None:
    command = [sys.executable, "-m", "custom_filters", "setup", "-p", "azure", "--cloud", cloud]
    with embedded(now=NOW) as sandbox:
        run = {"env": sandbox.child_environment(), "capture_output": True, "text": True}
        done = subprocess.run(command, check=False, **run)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr
        assert "C7N_UNUSED_ENTRA_APP=" in done.stdout.splitlines()[-1]
        sandbox.faults["permission"] = "Application.ReadWrite.OwnedBy+Application.Read.All"
        refused = subprocess.run(command, check=False, **run)  # type: ignore[call-overload]
    assert refused.returncode == 3
    assert "grant the app Application.ReadWrite.OwnedBy" in refused.stderr + refused.stdout
