"""Every permission that we ask for, taken away: the error names it. Every body of a refusal is understood."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from custom_filters.azure.errors import GraphError
from custom_filters.azure.logs import get_switches
from custom_filters.azure.mailboxes import get_purposes
from custom_filters.azure.permissions import ENFORCE, REPORT, SETUP
from custom_filters.azure.roles import get_exempt_members, get_privileged
from custom_filters.azure.setup import steps
from custom_filters.azure.users import get_listing
from custom_filters.azure.writing import end_sessions
from tests.azure.conftest import NOW, Tenant

pytestmark = pytest.mark.usefixtures("virtual_time")
WRITES = {p.name for p in ENFORCE}


def purpose(tenant: Tenant) -> object:
    [refused] = get_purposes(tenant.graph, [tenant.id("idle")]).values()
    return refused


def disable(tenant: Tenant) -> None:
    url = f"{tenant.graph.endpoint}/v1.0/users/{tenant.id('idle')}"
    tenant.graph.request("PATCH", url, body={"accountEnabled": False})


CALLS: dict[str, Callable[[Tenant], object]] = {
    "AuditLog.Read.All": lambda t: get_switches(t.graph, t.id("idle"), NOW - timedelta(days=1)),
    "User.Read.All": lambda t: get_listing(t.graph, "t"),
    "RoleManagement.Read.Directory": lambda t: get_privileged(t.graph),
    "GroupMember.Read.All": lambda t: get_exempt_members(t.graph, "c7n-unused-exempt"),
    "MailboxSettings.Read": purpose,
    "User.EnableDisableAccount.All": disable,
    "User.ReadWrite.All": disable,
    "User.RevokeSessions.All": lambda t: end_sessions(t.graph, t.id("idle")),
    "Application.ReadWrite.OwnedBy": lambda t: list(steps()),
}


def test_every_permission_is_in_the_table() -> None:
    assert set(CALLS) == {p.name for p in (*REPORT, *ENFORCE, *SETUP)}


@pytest.mark.parametrize("name", CALLS)
def test_taking_one_away_is_told_by_its_name(
    tenant: Tenant, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """What may read or write in its place goes too."""
    more = {"Application.Read.All"} if name.startswith("Application") else WRITES
    tenant.sandbox.azure.permissions.difference_update({name, *more})
    with caplog.at_level(logging.WARNING, "custodian.unused"):
        try:
            told = str(CALLS[name](tenant))
        except GraphError as error:
            told = str(error)
    assert "grant the app" in told + caplog.text
    assert name in told + caplog.text


BODIES = ("Authorization_RequestDenied", "Authentication_MSGraphPermissionMissing", "UnknownError")


@pytest.mark.parametrize("body", BODIES)
def test_every_body_of_a_refusal_is_one(tenant: Tenant, caplog: pytest.LogCaptureFixture, body: str) -> None:
    tenant.sandbox.faults.update(permission="RoleManagement.Read.Directory", denial=body)
    with caplog.at_level(logging.WARNING, "custodian.unused"):
        assert get_privileged(tenant.graph) is None
    assert "grant the app RoleManagement.Read.Directory, with admin consent" in caplog.text
    assert "PermissionScopeNotGranted" in caplog.text or body != "UnknownError"
