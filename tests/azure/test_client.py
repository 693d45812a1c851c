from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from c7n.exceptions import PolicyExecutionError

from custom_filters.azure.batch import Step, batch
from custom_filters.azure.errors import NO_PIM, UNLICENSED, GraphError
from custom_filters.azure.logs import get_switches
from custom_filters.azure.pace import again
from custom_filters.azure.users import get_listing, get_user
from custom_filters.custodian.pacing import Again
from custom_filters.sandbox.azure.graph import Graph as Server
from custom_filters.sandbox.azure.login import Login
from custom_filters.sandbox.azure.odata import GraphError as Refusal
from tests.azure.conftest import NOW, Tenant
from tests.virtual import VirtualTime


def failing(status: int | None, code: str = "x", retry_after: float | None = None) -> GraphError:
    return GraphError("GET /users", status, code, "why", "id-1", retry_after)


@pytest.mark.parametrize(
    ("error", "deserves"),
    [
        (failing(429), Again()),
        (failing(429, retry_after=3600), Again(retry_after=3600)),
        (failing(503, retry_after=1.5), Again(retry_after=1.5)),
        (failing(503), Again(12)),
        (failing(500), Again(5)),
        (failing(None), Again(8)),
        (failing(403, UNLICENSED), Again(5)),
        (failing(400, NO_PIM), Again(5)),
        (failing(403, "Authorization_RequestDenied"), None),
        (failing(400), None),
        (failing(404), None),
    ],
)
def test_what_may_pass_is_tried_again(error: GraphError, deserves: Again | None) -> None:
    assert again(error) == deserves


def test_an_error_is_one_sentence() -> None:
    told = str(failing(403, "Authorization_RequestDenied"))
    assert told.startswith("Microsoft Graph, GET /users: 403 Authorization_RequestDenied: why; grant the app")
    assert told.endswith("(request-id id-1)")


@pytest.mark.parametrize("retry_after", ["0.05", "0", "none", "date"])
def test_storms_are_weathered(tenant: Tenant, retry_after: str) -> None:
    expected = get_listing(tenant.graph, "t").users
    tenant.sandbox.faults.update(graph_429=0.4, graph_429_retry_after=retry_after)
    if retry_after == "date":
        tenant.sandbox.faults["graph_429"] = 0.1
    assert get_listing(tenant.graph, "t").users == expected


@pytest.mark.parametrize(
    "faults",
    [
        {"graph_503": 0.3, "graph_429_retry_after": "0.01"},
        {"graph_500": 0.2},
        {"graph_drop": 0.3},
        {"license": "intermittent"},
    ],
    ids=str,
)
def test_what_passes_leaves_the_list_whole(tenant: Tenant, faults: dict[str, float | str]) -> None:
    expected = get_listing(tenant.graph, "t")
    tenant.sandbox.faults.update(faults)
    assert get_listing(tenant.graph, "t") == expected


def test_no_token_follows_a_link_elsewhere(tenant: Tenant) -> None:
    tenant.sandbox.faults["nextlink_host"] = "evil.example"
    with pytest.raises(GraphError, match=r"https://evil.example.*the token is not sent there"):
        list(tenant.graph.items("/users", {"$top": "20"}))
    assert tenant.sandbox._wire.refused == []


def test_a_token_that_has_ended_is_renewed(tenant: Tenant) -> None:
    tenant.graph.get("/organization")
    tenant.graph.token._text = "stale.token.x"
    assert tenant.graph.get("/organization")["value"]


def test_a_refused_log_in_is_an_error_and_no_exit(tenant: Tenant) -> None:
    tenant.sandbox.faults["login"] = "bad"
    with pytest.raises(PolicyExecutionError, match=r"the Azure log-in failed: .*7000215"):
        tenant.graph.get("/organization")


def test_each_answer_of_a_batch_is_read(tenant: Tenant) -> None:
    idle, admin = tenant.id("idle"), tenant.id("admin-idle")
    results = batch(
        tenant.graph,
        [
            Step("GET", f"/users/{idle}?$select=id"),
            Step("GET", "/users/nobody@contoso.example"),
            Step("PATCH", f"/users/{admin}", {"accountEnabled": False}),
            Step("POST", f"/users/{admin}/revokeSignInSessions", {}, after=2),
        ],
    )
    assert results[0]["id"] == idle
    assert [(r.status, r.code) for r in results[1:]] == [
        (404, "Request_ResourceNotFound"),
        (403, "Authorization_RequestDenied"),
        (424, "FailedDependency"),
    ]
    assert tenant.sandbox.azure.person("admin-idle@contoso.example").sessions_valid_from is None


def test_what_fails_in_passing_inside_a_batch_is_sent_again(tenant: Tenant) -> None:
    tenant.sandbox.faults.update(graph_429=0.5, graph_429_retry_after="0")
    steps = [
        step
        for name in ("idle", "null-date", "empty-activity", "no-created")
        for step in (
            Step("PATCH", f"/users/{tenant.id(name)}", {"accountEnabled": False}),
            Step("POST", f"/users/{tenant.id(name)}/revokeSignInSessions", {}),
        )
    ]
    chained = [Step(s.method, s.url, s.body, after=i - 1 if i % 2 else None) for i, s in enumerate(steps)]
    assert not [r for r in batch(tenant.graph, chained) if isinstance(r, GraphError)]
    off = [p for p in tenant.sandbox.azure.people if p.sessions_valid_from and not p.enabled]
    assert len(off) == 4


def test_a_claims_challenge_is_answered_with_a_token_that_has_those_claims(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Graph answers after continuous access evaluation; the log-in is azure-identity's own."""
    tenant.graph.get("/organization")
    wanted = '{"access_token":{"nbf":{"essential":true,"value":"1777593600"}}}'
    challenge = base64.b64encode(wanted.encode()).decode().rstrip("=")
    header = f'Bearer realm="", error="insufficient_claims", claims="{challenge}"'
    real, refused = Server._authenticate, tenant.graph.token()

    def authenticate(server: Server, request: Any, origin: str) -> None:
        if request.headers["Authorization"] == f"Bearer {refused}":
            text = "Continuous access evaluation resulted in challenge."
            raise Refusal(401, "InvalidAuthenticationToken", text, {"WWW-Authenticate": header})
        real(server, request, origin)

    monkeypatch.setattr(Server, "_authenticate", authenticate)
    claims: list[str] = []
    monkeypatch.setattr(Login, "_token", asked(claims))
    assert tenant.graph.get("/organization")["value"]
    assert [json.loads(text)["access_token"]["nbf"]["value"] for text in claims] == ["1777593600"]
    assert tenant.graph.token() != refused


def asked(claims: list[str]) -> Any:
    """The token endpoint, noting what claims a token was asked for with."""
    real = Login._token

    def token(server: Any, request: Any) -> Any:
        claims.append(request.form.get("claims", ""))
        return real(server, request)

    return token


class BoundClock:
    """The tenant's clock, moved by the virtual time that waiting takes."""

    def __init__(self, time: VirtualTime, begin: datetime) -> None:
        self._time, self._begin = time, begin

    def now(self) -> datetime:
        return self._begin + timedelta(seconds=self._time.now)


QUOTAS: dict[str, tuple[str, int, int, Callable[[Tenant], object]]] = {
    "sign-in activity, 10 a minute": ("rate_limit", 10, 60, lambda t: get_user(t.graph, t.id("idle"))),
    "sign-in and audit logs, 5 in 10 s": (
        "log_rate", 5, 10, lambda t: get_switches(t.graph, t.id("idle"), NOW - timedelta(days=1)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("wait", ["", "1.5", "none"])
@pytest.mark.parametrize(("fault", "calls", "seconds", "call"), QUOTAS.values(), ids=QUOTAS)
def test_quotas_are_kept_whatever_their_refusals_say(
    tenant: Tenant, virtual_time: VirtualTime, monkeypatch: pytest.MonkeyPatch,
    fault: str, calls: int, seconds: int, call: Callable[[Tenant], object], wait: str,
) -> None:  # fmt: skip
    """100 calls over TLS are served within 1.3 times what the quota takes; none fails for its speed."""
    monkeypatch.setattr(tenant.sandbox.azure.tenant, "clock", BoundClock(virtual_time, NOW))
    tenant.sandbox.faults.update({fault: calls, "graph_429_retry_after": wait} if wait else {fault: calls})
    for _ in range(100):
        call(tenant)
    assert virtual_time.now <= 1.3 * 100 * seconds / calls
