"""The sign-in log, the audit log, and foreign hands that leave traces in them."""

from __future__ import annotations

from typing import Any

import pytest

from custom_filters.sandbox.azure.cloud import AzureCloud
from tests.sandbox.azure.conftest import NOW, Graph, code

IDLE = "idle@contoso.example"
BETA = "https://graph.microsoft.com/beta"
NON_INTERACTIVE = " and signInEventTypes/any(t: t eq 'nonInteractiveUser')"


def sign_ins(cloud: AzureCloud, graph: Graph, more: str = "", *, base: str = "") -> list[dict[str, Any]]:
    user = cloud.person(IDLE).id
    since = "2026-04-20T00:00:00Z"
    where = f"userId eq '{user}' and createdDateTime ge {since}{more}"
    return graph.all(f"{base}/auditLogs/signIns?$filter={where}&$top=1")


@pytest.mark.parametrize(
    ("use", "live", "beta"),
    [
        ({}, 1, 0),
        ({"interactive": False}, 0, 1),
        ({"good": False}, 1, 0),
    ],
)
def test_the_sign_in_log_is_live_while_activity_lags(
    cloud: AzureCloud, graph: Graph, use: dict[str, bool], live: int, beta: int
) -> None:
    cloud.faults["activity_lag"] = 24
    cloud.hand("use", IDLE, **use)
    assert len(sign_ins(cloud, graph)) == live
    found = sign_ins(cloud, graph, NON_INTERACTIVE, base=BETA)
    assert [row["signInEventTypes"] for row in found] == [["nonInteractiveUser"]] * beta
    user = graph.get(f"/users/{cloud.person(IDLE).id}?$select=signInActivity")
    assert "2026-05-01" not in str(user)
    graph.clock.advance(hours=25)
    user = graph.get(f"/users/{cloud.person(IDLE).id}?$select=signInActivity")
    assert "2026-05-01" in str(user)


def test_the_log_itself_lags_minutes_and_forgets_after_a_month(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults["log_lag"] = 10
    cloud.hand("use", IDLE)
    assert sign_ins(cloud, graph) == []
    graph.clock.advance(minutes=11)
    assert len(sign_ins(cloud, graph)) == 1
    graph.clock.advance(days=30)
    assert sign_ins(cloud, graph) == []


def test_what_the_log_needs(cloud: AzureCloud, graph: Graph) -> None:
    cloud.faults |= {"log_rate": 5, "graph_429_retry_after": 1.5}
    answers = [graph("GET", "/auditLogs/directoryAudits") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "1.5"
    graph.clock.advance(seconds=11)
    cloud.faults |= {"license": "missing", "beta": "missing"}
    assert code(graph("GET", "/auditLogs/signIns"))[1].startswith("Authentication_RequestFromNonPremium")
    assert code(graph("GET", f"{BETA}/auditLogs/signIns")) == (400, "BadRequest")
    cloud.faults["permission"] = "AuditLog.Read.All"
    assert code(graph("GET", "/auditLogs/directoryAudits"))[0] == 403


def test_audits_say_who_switched(cloud: AzureCloud, graph: Graph) -> None:
    user = cloud.person(IDLE).id
    graph("PATCH", f"/users/{user}", {"accountEnabled": False})
    graph.clock.advance(hours=1)
    cloud.hand("enable", IDLE, by="olga@contoso.example")
    cloud.hand("reset", "active@contoso.example")
    both = graph.all(f"/auditLogs/directoryAudits?$filter=targetResources/any(t: t/id eq '{user}')")
    assert [row["activityDisplayName"] for row in both] == ["Enable account", "Disable account"]
    by = [row["initiatedBy"] for row in both]
    assert by[0]["user"]["userPrincipalName"] == "olga@contoso.example"
    assert by[1]["app"]["appId"] == cloud.app.client
    since = f"activityDisplayName eq 'Enable account' and activityDateTime ge {NOW:%Y-%m-%dT%H:%M:%SZ}"
    assert len(graph.all(f"/auditLogs/directoryAudits?$filter={since}")) == 1


def test_hands(cloud: AzureCloud, graph: Graph) -> None:
    first = cloud.person(IDLE).id
    cloud.hand("note", IDLE, name="com.example.own", value={"text": "I am exempt"})
    assert cloud.extensions(IDLE) == {"com.example.own": {"text": "I am exempt"}}
    cloud.hand("note", IDLE, name="com.example.own", value=None)
    assert cloud.extensions(IDLE) == {}
    cloud.hand("recreate", IDLE)
    assert cloud.person(IDLE).id != first
    assert code(graph("GET", f"/users/{first}"))[0] == 404
    cloud.hand("rename", IDLE, to="other@contoso.example")
    assert code(graph("GET", f"/users/{IDLE}"))[0] == 404
    cloud.hand("delete", "other@contoso.example")
    with pytest.raises(KeyError):
        cloud.hand("disable", IDLE)
    with pytest.raises(ValueError, match="no hand does"):
        cloud.hand("clap", "active@contoso.example")
