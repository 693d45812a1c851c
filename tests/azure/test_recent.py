"""What the logs tell of the last hours, over the wire; the paces of the log pass on a virtual clock."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from custom_filters.azure.client import log_in
from custom_filters.azure.errors import GraphError
from custom_filters.azure.logs import (
    SIGN_IN_LOGS,
    LastHours,
    changed_since,
    get_sign_in,
    get_switched_on,
    get_switches,
)
from custom_filters.azure.pace import Limits
from custom_filters.core.notes import Item
from tests.azure.conftest import NOW, Tenant
from tests.azure.runs import person

pytestmark = pytest.mark.usefixtures("virtual_time")
SINCE = NOW - timedelta(days=14)
ITEM = Item("sign-in", "sign-in")
UPN = "idle@contoso.example"


USES: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "interactive": ({}, False, True),
    "by a client": ({"interactive": False}, False, True),
    "a failed attempt": ({"good": False}, False, True),
    "a failed attempt, when only success counts": ({"good": False}, True, False),
    "a success, when only success counts": ({}, True, True),
}


@pytest.mark.parametrize(("use", "successful", "seen"), USES.values(), ids=USES)
def test_the_log_knows_what_activity_does_not_tell_yet(
    tenant: Tenant, use: dict[str, Any], successful: bool, seen: bool
) -> None:
    tenant.sandbox.azure.hand("use", UPN, **use)
    at, missing = get_sign_in(tenant.graph, tenant.id("idle"), SINCE, successful=successful)
    assert (at == NOW, missing) == (seen, None)


def test_nothing_in_the_log_is_two_requests(tenant: Tenant) -> None:
    assert get_sign_in(tenant.graph, tenant.id("idle"), SINCE, successful=False) == (None, None)
    calls = {name: n for name, n in tenant.sandbox.calls.items() if "signIns" in name}
    assert calls == {"azure:GET /auditLogs/signIns": 1, "azure:GET /beta/auditLogs/signIns": 1}


MISSING: dict[str, tuple[dict[str, str], str]] = {
    "not granted": ({"permission": "AuditLog.Read.All"}, "grant the app AuditLog.Read.All"),
    "no licence": ({"license": "missing"}, "needs a Microsoft Entra ID P1 or P2 licence"),
    "no beta": ({"beta": "missing"}, "Invalid version specified"),
}


@pytest.mark.parametrize(("faults", "sentence"), MISSING.values(), ids=MISSING)
def test_a_log_that_is_refused_is_unavailable(tenant: Tenant, faults: dict[str, str], sentence: str) -> None:
    tenant.sandbox.faults.update(faults)
    at, missing = get_sign_in(tenant.graph, tenant.id("idle"), SINCE, successful=False)
    assert at is None
    assert missing
    assert sentence in missing


def test_a_log_that_fails_is_an_error_of_this_time(tenant: Tenant) -> None:
    tenant.sandbox.faults["graph_500"] = 1
    with pytest.raises(GraphError, match="500 InternalServerError"):
        get_sign_in(tenant.graph, tenant.id("idle"), SINCE, successful=False)


@pytest.mark.parametrize("cloud", ["AzureUSGovernment", "AzureChinaCloud"])
def test_a_national_cloud_has_no_log_of_clients(
    tenant: Tenant, cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C7N_UNUSED_CLOUD", cloud)
    graph = log_in()
    assert graph.endpoint != tenant.graph.endpoint
    _, missing = get_sign_in(graph, tenant.id("idle"), SINCE, successful=False)
    assert missing == "the log of non-interactive sign-ins is not available in this cloud"
    assert tenant.sandbox.calls["azure:GET /beta/auditLogs/signIns"] == 0
    tenant.sandbox.azure.hand("use", UPN)
    assert get_sign_in(graph, tenant.id("idle"), SINCE, successful=False) == (NOW, None)


def test_who_was_enabled_by_somebody_is_new(tenant: Tenant) -> None:
    from custom_filters.azure.identities import Surroundings, transform_identity

    azure = tenant.sandbox.azure
    azure.hand("disable", UPN)
    azure.hand("enable", UPN)
    assert get_switched_on(tenant.graph, SINCE)[tenant.id("idle")].by == "helpdesk@contoso.example"
    user = {"id": tenant.id("idle"), "userPrincipalName": UPN}
    around = Surroundings("t", False, None, successful=False, now=NOW)
    identity, recent = LastHours(tenant.graph, NOW, False).look(transform_identity(user, around), SINCE)
    assert identity.credentials[0].rotated == NOW
    assert recent.state == "checked"


def test_only_what_others_did_after_us_speaks_against_a_restore(tenant: Tenant) -> None:
    azure, key = tenant.sandbox.azure, tenant.id("idle")
    step = {"accountEnabled": False}
    tenant.graph.request("PATCH", f"{tenant.graph.endpoint}/v1.0/users/{key}", body=step)
    assert [change.by_us for change in get_switches(tenant.graph, key, SINCE)] == [True]
    assert changed_since(tenant.graph, key, {ITEM: NOW}) == {}
    tenant.sandbox.clock.advance(timedelta(hours=1))
    azure.hand("enable", UPN)
    azure.hand("disable", UPN)
    told = changed_since(tenant.graph, key, {ITEM: NOW})[ITEM]
    assert told.startswith("helpdesk@contoso.example disabled it at 2026-05-01T01:00:00Z")
    tenant.sandbox.faults["permission"] = "AuditLog.Read.All"
    assert changed_since(tenant.graph, key, {ITEM: NOW}) == {}


def test_the_log_is_read_at_its_pace_and_a_long_wait_is_told_first(
    tenant: Tenant, caplog: pytest.LogCaptureFixture, virtual_time: Any
) -> None:
    """60 users are 120 reads: 24 periods of 10 s; none is refused by a log that counts."""
    for number in range(60):
        tenant.sandbox.azure.add(person(f"more.{number}", NOW, 200))
    tenant.graph.limits = Limits()
    with caplog.at_level(logging.WARNING, "custodian.unused"):
        tenant.graph.limits.logs.expect(SIGN_IN_LOGS * 60)
    assert caplog.messages == [
        "Microsoft Graph (sign-in and audit logs): 120 calls to go, at most 5 in 10 s: about 4 min"
    ]
    begin = virtual_time.clock.now()
    for number in range(60):
        get_sign_in(tenant.graph, tenant.sandbox.azure.person(f"more.{number}@contoso.example").id, SINCE,
                    successful=False)  # fmt: skip
    assert 230 <= virtual_time.clock.now() - begin <= 1.3 * 240
