"""What goes wrong is an error, in a sentence; it never reads as fewer users."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from c7n.exceptions import PolicyExecutionError

from custom_filters.azure.errors import GraphError
from custom_filters.azure.roles import get_exempt_members, get_privileged
from custom_filters.azure.users import get_listing
from tests.azure.conftest import Tenant
from tests.azure.runs import custodian, embedded, person, policy, utc

NOW = utc(2026, 5, 1)
UNUSED = policy("unused", days=90)
SECOND = policy("second", days=90)

BROKEN = {
    "permission": ({"permission": "AuditLog.Read.All"}, "403 Authorization_RequestDenied"),
    "licence": ({"license": "missing"}, "needs a Microsoft Entra ID P1 or P2 licence"),
    "page with activity": ({"page_fail": 2}, "GET /users: 500 InternalServerError"),
    "elsewhere": ({"nextlink_host": "evil.example"}, "leads away from https://graph.microsoft.com"),
    "log-in": ({"login": "bad"}, "the Azure log-in failed: "),
    "no activity": ({"activity": "missing"}, "the data is missing, not the users"),
    "throttled": ({"graph_429": 1, "graph_429_retry_after": 600}, "429 TooManyRequests"),
    "dropped": ({"graph_drop": 1}, "no answer"),
}
MEMBERS: dict[str, float | str] = {"page_fail": 1, "page_fail_path": "/groups/{id}/transitiveMembers"}


@pytest.mark.usefixtures("virtual_time")
@pytest.mark.parametrize(("faults", "sentence"), BROKEN.values(), ids=BROKEN)
def test_half_a_list_is_no_list(tenant: Tenant, faults: dict[str, float | str], sentence: str) -> None:
    for number in range(600):
        tenant.sandbox.azure.add(person(f"more.{number}", NOW, 2))
    tenant.sandbox.faults.update(faults)
    with pytest.raises((GraphError, PolicyExecutionError), match=re.escape(sentence)):
        get_listing(tenant.graph, "t")


@pytest.mark.usefixtures("virtual_time")
def test_half_a_group_is_no_group(tenant: Tenant) -> None:
    tenant.sandbox.faults.update(MEMBERS)
    reads: tuple[Callable[[], object], ...] = (
        lambda: get_exempt_members(tenant.graph, "c7n-unused-exempt"),
        lambda: get_privileged(tenant.graph),
    )
    for read in reads:
        with pytest.raises(GraphError, match="500 InternalServerError"):
            read()


def test_an_exempt_group_named_by_an_unknown_id_is_an_error(tenant: Tenant) -> None:
    with pytest.raises(PolicyExecutionError, match=r"no group 0{8}-"):
        get_exempt_members(tenant.graph, "00000000-0000-0000-0000-000000000000")
    assert get_exempt_members(tenant.graph, "no such name") == frozenset()


def test_a_page_that_never_comes_fails_the_policy(tmp_path: Path) -> None:
    with embedded(users=600, now=NOW, faults={"page_fail": 2}) as sandbox:
        done = custodian(sandbox, tmp_path, UNUSED)
    assert done.returncode == 2
    assert "GET /users: 500 InternalServerError" in done.stderr
    assert not (tmp_path / "unused" / "resources.json").exists()
    told = json.loads((tmp_path / "unused" / "metadata.json").read_text())
    assert "ResourceCount" not in {metric["MetricName"] for metric in told["metrics"]}


def test_a_failed_log_in_does_not_end_the_other_policies(tmp_path: Path) -> None:
    with embedded(users=60, now=NOW, faults={"login": "bad"}) as sandbox:
        done = custodian(sandbox, tmp_path, UNUSED, SECOND)
    assert done.returncode == 2
    assert {path.parent.name for path in tmp_path.glob("*/metadata.json")} == {"unused", "second"}


def test_a_missing_licence_is_found_out_once_a_run(tmp_path: Path) -> None:
    with embedded(users=60, now=NOW, faults={"license": "missing"}) as sandbox:
        done = custodian(sandbox, tmp_path, UNUSED, SECOND)
        tries = sandbox.calls["azure:GET /users"]
    assert (done.returncode, tries) == (2, 6)  # five, and one for the notes' properties


def test_roles_that_may_not_be_read_leave_privileged_open(tenant: Tenant) -> None:
    tenant.sandbox.faults["permission"] = "RoleManagement.Read.Directory"
    assert get_privileged(tenant.graph) is None


@pytest.mark.usefixtures("virtual_time")
def test_a_tenant_without_eligible_roles_has_its_active_ones(tenant: Tenant) -> None:
    tenant.sandbox.faults["pim"] = "missing"
    found = get_privileged(tenant.graph)
    assert found is not None
    assert tenant.id("admin-idle") in found
    assert tenant.id("pim-eligible-idle") not in found


def test_the_command_says_not_evaluated(tmp_path: Path) -> None:
    with embedded(users=60, now=NOW, faults={"license": "missing"}) as sandbox:
        done = subprocess.run(
            [sys.executable, "-m", "custom_filters", "run", "-p", "azure", "-s", "out",
             "--policy", "azure-directory-user-unused"],
            env=sandbox.child_environment(), cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    assert "not evaluated" in done.stdout.lower()
