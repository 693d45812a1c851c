from __future__ import annotations

import pytest

from custom_filters.azure.doctor import checks
from custom_filters.azure.permissions import document, needed
from custom_filters.core.doctor_check import Check, Need
from tests.azure.conftest import Tenant


def found() -> dict[str, Check]:
    return {check.name: check for check in checks()}


def test_nothing_is_missing_in_the_sandbox(tenant: Tenant) -> None:
    assert all(check.ok for check in checks())
    assert tenant.sandbox.azure.app.tenant in found()["log-in"].detail


@pytest.mark.usefixtures("virtual_time")
@pytest.mark.parametrize(
    ("fault", "value", "missing", "remedy"),
    [
        ("login", "bad", {"log-in"}, "set AZURE_TENANT_ID"),
        ("license", "missing", {"sign-in activity"}, "needs Microsoft Entra ID P1 or P2"),
        ("permission", "AuditLog.Read.All", {"AuditLog.Read.All", "sign-in activity"}, "admin consent"),
        (
            "permission",
            "RoleManagement.Read.Directory",
            {"RoleManagement.Read.Directory", "eligible roles"},
            "admin consent",
        ),
        ("permission", "GroupMember.Read.All", {"GroupMember.Read.All"}, "admin consent"),
    ],
)
def test_what_is_missing_has_a_remedy(
    tenant: Tenant, fault: str, value: str, missing: set[str], remedy: str
) -> None:
    tenant.sandbox.faults[fault] = value
    lacking = {name: check for name, check in found().items() if not check.ok}
    assert set(lacking) == missing
    assert all(remedy in check.remedy for check in lacking.values())


@pytest.mark.parametrize("permission", needed(enforce=True), ids=lambda p: p.name)
def test_each_permission_that_is_missing_is_named(tenant: Tenant, permission: Need) -> None:
    tenant.sandbox.azure.permissions.discard(permission.name)
    check = found()[permission.name]
    assert (check.ok, permission.purpose in check.detail) == (permission.optional, True)
    line = next(line for line in document(enforce=True).splitlines() if line.startswith(permission.name))
    assert line.endswith("(optional)") is permission.optional


def test_all_or_none_of_the_writes(tenant: Tenant) -> None:
    writes = {"User.EnableDisableAccount.All", "User.ReadWrite.All", "User.RevokeSessions.All"}
    tenant.sandbox.azure.permissions.discard("User.RevokeSessions.All")
    assert [name for name, check in found().items() if not check.ok] == ["User.RevokeSessions.All"]
    tenant.sandbox.azure.permissions.difference_update(writes)
    told = found()
    assert all(check.ok for check in told.values())
    assert all(name in told["to enforce"].detail for name in writes)


@pytest.mark.usefixtures("virtual_time")
def test_a_tenant_without_eligible_roles_is_fine(tenant: Tenant) -> None:
    tenant.sandbox.faults["pim"] = "missing"
    assert found()["eligible roles"] == Check(
        "eligible roles", ok=True, detail="the tenant has no licence for them (Entra ID P2)"
    )


def test_an_optional_permission_is_told_and_not_missing(tenant: Tenant) -> None:
    tenant.sandbox.azure.permissions.discard("MailboxSettings.Read")
    assert found()["MailboxSettings.Read"].detail.startswith("not granted (optional): ")


def test_the_place_for_notes(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "c7n-unused setup -p azure" in found()["notes"].detail
    monkeypatch.setenv("C7N_UNUSED_ENTRA_APP", tenant.sandbox.azure.app.client)
    assert found()["notes"].ok
    tenant.sandbox.azure.hand("delete-app", tenant.sandbox.azure.app.client)
    assert not found()["notes"].ok
    assert "c7n-unused setup -p azure" in found()["notes"].remedy


def test_reports_need_no_permission_to_write() -> None:
    assert "Write" not in document(enforce=False)
    assert set(document(enforce=False).split()) < set(document(enforce=True).split())
