"""What `permissions -p gcp` prints is just what is needed; `doctor` and `setup` say what is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from c7n.exceptions import PolicyExecutionError

from custom_filters.core.doctor_check import Check
from custom_filters.core.notes import Item
from custom_filters.gcp.client import Client
from custom_filters.gcp.doctor import checks
from custom_filters.gcp.permissions import (
    ENFORCE_PERMISSIONS,
    ENFORCE_SCOPES,
    REPORT_PERMISSIONS,
    REPORT_SCOPES,
    SETUP_SCOPE,
    SSO_SCOPE,
    document,
    iam_permissions,
    scopes,
)
from custom_filters.gcp.schema import SCHEMA, SCHEMAS_WRITE, field_names
from custom_filters.gcp.setup import ensure_schema
from custom_filters.sandbox.gcp.company import CLOUD_PERMISSIONS, DELEGATED_SCOPES
from custom_filters.sandbox.gcp.people import Group, RoleAssignment
from custom_filters.sandbox.sandbox import Sandbox
from tests.gcp.conftest import Direct
from tests.gcp.runs import (
    DOMAIN,
    REPORT,
    account,
    add_schema,
    custodian,
    embedded,
    key,
    noted_account,
    noted_person,
    person,
    policy,
    utc,
)

ENFORCED_AT = utc(2026, 6, 15, 12, 0)
DUE = {"type": "unused-mark", "state": "due", "op": "disable-unused", "tag": "c7n-unused"}

POLICIES = (
    policy("users"),
    policy("accounts", resource="service-account"),
    policy("keys", resource="service-account-key"),
)


def all_of(direct: Direct) -> None:
    for chosen in POLICIES:
        direct.select(chosen)


def granted(direct: Direct, *, scopes_without: str = "", permissions_without: str = "") -> Direct:
    direct.cloud.delegated.intersection_update(
        need.name for need in REPORT_SCOPES if need.name != scopes_without
    )
    direct.cloud.permissions = {n.name for n in REPORT_PERMISSIONS if n.name != permissions_without}
    return direct


def test_a_report_needs_no_more(direct: Direct) -> None:
    all_of(granted(direct))


@pytest.mark.parametrize("scope", [need.name for need in REPORT_SCOPES if not need.optional])
def test_a_report_needs_every_scope(direct: Direct, scope: str) -> None:
    with pytest.raises(PolicyExecutionError, match="no access token") as caught:
        all_of(granted(direct, scopes_without=scope))
    assert f"delegate {scope} to the service account" in str(caught.value)


@pytest.mark.parametrize("permission", [need.name for need in REPORT_PERMISSIONS if not need.optional])
def test_a_report_needs_every_permission(direct: Direct, permission: str) -> None:
    with pytest.raises(PolicyExecutionError, match=f"grant {permission}"):
        all_of(granted(direct, permissions_without=permission))


OPTIONAL = [need.name for need in (*REPORT_SCOPES, *REPORT_PERMISSIONS) if need.optional]


@pytest.mark.parametrize("name", OPTIONAL)
def test_without_what_is_optional_a_report_goes_on_and_names_it(
    direct: Direct, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    all_of(granted(direct, scopes_without=name, permissions_without=name))
    told = [r.getMessage() for r in caplog.records if r.name == "custodian.unused"]
    assert len([text for text in told if f"delegate {name} " in text or f"grant {name};" in text]) == 1
    line = next(line for line in document(enforce=False).splitlines() if line.startswith(f"  {name} "))
    assert line.endswith("(optional)")


ENFORCE_NAMES = [need.name for need in (*ENFORCE_SCOPES, *ENFORCE_PERMISSIONS)]


@pytest.fixture
def enforcing() -> Iterator[Sandbox]:
    """Somebody and something of each kind to be switched off, and a group with a role."""
    with embedded(now=ENFORCED_AT) as found:
        owner = account(found, "stale", ENFORCED_AT, 200)
        owned = key(owner, "aaaaaaa1", ENFORCED_AT, 200)
        other = account(found, "keys", ENFORCED_AT, 1)
        others = key(other, "aaaaaaa2", ENFORCED_AT, 200)
        found.gcp.add(
            noted_account(owner, ENFORCED_AT), owned, others,
            noted_account(other, ENFORCED_AT, Item("service-account-key", others.id)),
            noted_person(person("stale", ENFORCED_AT, 200), ENFORCED_AT),
            Group("02g", f"g@{DOMAIN}", "g", ((f"nobody@{DOMAIN}", "MEMBER"),)),
            RoleAssignment("1", "7", "02g", "group"),
        )  # fmt: skip
        yield found


def acting(name: str, resource: str, *actions: dict[str, Any], due: bool = True) -> dict[str, Any]:
    chosen = policy(name, *([DUE] if due else []), resource=resource, actions=actions, exemptions="none")
    return chosen if due else {"name": name, "resource": f"gcp.{resource}", "actions": list(actions)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ENFORCE_NAMES)
def test_taking_away_what_enforcing_needs_is_told_by_its_name(
    enforcing: Sandbox, tmp_path: Path, name: str
) -> None:
    """Each policy either stops, leaves everybody alone, or goes on and says what it could not ask."""
    cloud = enforcing.gcp
    cloud.delegated.intersection_update({n.name for n in scopes(enforce=True)} - {name})
    cloud.permissions.intersection_update({n.name for n in iam_permissions(enforce=True)} - {name})
    kinds = ("directory-user", "service-account", "service-account-key")
    off = [acting(f"disable-{kind}", kind, {"type": "disable-unused", "tag": "c7n-unused"}) for kind in kinds]
    on = [acting(f"enable-{kind}", kind, {"type": "enable-unused"}, due=False) for kind in kinds]
    done = custodian(enforcing, tmp_path, *off, *on)
    told = done.stderr + "".join(path.read_text() for path in tmp_path.glob("*/c7n-unused-actions.jsonl"))
    assert f"delegate {name} to" in told or f"grant {name};" in told


def test_without_reports_it_needs_the_scope_for_single_sign_on(direct: Direct) -> None:
    plain = policy("users", evidence=["last-login"])
    granted(direct).cloud.delegated.add(SSO_SCOPE.name)
    direct.select(plain)
    direct.cloud.delegated.remove(SSO_SCOPE.name)
    with pytest.raises(PolicyExecutionError, match=SSO_SCOPE.name):
        direct.next_run().select(plain)


def test_the_document_lists_them_and_the_sandbox_knows_them_all() -> None:
    wanted = [*scopes(enforce=True), SSO_SCOPE, SETUP_SCOPE]
    text = document(enforce=True)
    assert all(need.name in text for need in (*wanted, *iam_permissions(enforce=True)))
    assert {need.name for need in wanted} <= DELEGATED_SCOPES
    assert {need.name for need in iam_permissions(enforce=True)} <= CLOUD_PERMISSIONS
    assert "serviceAccounts.disable" not in document(enforce=False)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with embedded(users=40, marks=False) as found:
        yield found


def c7n_unused(sandbox: Sandbox, *args: str) -> tuple[int, str]:
    """Exit code and output of the command, in a child: c7n-gcp reads where the CA is when it is imported."""
    done = subprocess.run(
        [sys.executable, "-m", "custom_filters", *args],
        env=sandbox.child_environment(), cwd=REPORT.parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_setup_is_done_once_and_doctor_says_so(sandbox: Sandbox) -> None:
    code, told = c7n_unused(sandbox, "doctor", "-p", "gcp")
    assert code == 3
    assert f"MISSING custom schema (only to mark and disable): {SCHEMA} lacks" in told
    assert c7n_unused(sandbox, "setup", "-p", "gcp")[1].startswith(f"made the custom schema {SCHEMA}")
    assert "nothing was changed" in c7n_unused(sandbox, "setup", "-p", "gcp")[1]
    code, told = c7n_unused(sandbox, "doctor", "-p", "gcp")
    assert (code, told.splitlines()[-1]) == (0, "Nothing is missing.")


@pytest.mark.parametrize("name", [n.name for n in (*scopes(enforce=True), *iam_permissions(enforce=True))])
def test_doctor_names_each_one_that_is_missing(
    direct: Direct, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    session = direct.session()
    monkeypatch.setattr("c7n_gcp.client.Session", lambda: session)
    logged_in = Check("log-in", ok=True, detail="in process: a real one is tried by test_log_ins", remedy="")
    monkeypatch.setattr("custom_filters.gcp.doctor.log_in", lambda: logged_in)
    add_schema(direct.cloud, utc(2020, 1, 1))
    assert all(check.ok for check in checks())
    direct.cloud.delegated.discard(name)
    direct.cloud.permissions.discard(name)
    told = [f"{check.detail}; {check.remedy}" for check in checks() if not check.ok]
    assert any(f"delegate {name} to" in text or name in text for text in told)


def test_doctor_and_setup_name_what_is_missing_with_the_remedy(sandbox: Sandbox) -> None:
    sandbox.faults.update(
        {
            "disabled": "policyanalyzer.googleapis.com+apikeys.googleapis.com",
            "deny": "iam.serviceAccounts.list+storage.hmacKeys.list",
        }
    )
    activities = ENFORCE_SCOPES[-1].name
    sandbox.gcp.delegated.difference_update({REPORT_SCOPES[2].name, SETUP_SCOPE.name, activities})
    code, told = c7n_unused(sandbox, "doctor", "-p", "gcp")
    assert code == 3
    assert "gcloud services enable policyanalyzer.googleapis.com" in told
    assert "gcloud services enable apikeys.googleapis.com" in told
    assert "missing: iam.serviceAccounts.list, storage.hmacKeys.list" in told
    assert "MISSING HMAC keys of" in told
    assert "MISSING activities (optional" in told
    assert f"delegate {activities}" in told
    assert f"delegate {REPORT_SCOPES[2].name}" in told
    code, told = c7n_unused(sandbox, "setup", "-p", "gcp")
    assert code == 3
    assert f"delegate {SETUP_SCOPE.name}" in told


def test_setup_adds_what_an_older_schema_lacks(direct: Direct) -> None:
    schemas = Client(direct.session(), SCHEMAS_WRITE)
    customer = direct.company.customer.id
    assert "made the custom schema" in ensure_schema(schemas, customer)
    assert "added maid_status to" in ensure_schema(schemas, customer, "maid_status")
    fields = direct.cloud.state.schemas[SCHEMA]["fields"]
    assert {f["fieldName"] for f in fields} == {*field_names(), *field_names("maid_status")}
    assert {f["readAccessType"] for f in fields} == {"ADMINS_AND_SELF"}
