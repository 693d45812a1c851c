from __future__ import annotations

import pytest
from c7n.exceptions import PolicyExecutionError

from custom_filters.azure.batch import Step, batch
from custom_filters.azure.errors import NO_PIM, UNLICENSED, GraphError
from custom_filters.azure.retry import delay, parse_retry_after, tries
from custom_filters.azure.users import get_listing
from tests.azure.conftest import Tenant
from tests.azure.runs import utc


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("Fri, 01 May 2026 00:00:30 GMT", 30.0),
        ("Thu, 30 Apr 2026 23:59:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, utc(2026, 5, 1)) == seconds


def failing(status: int | None, code: str = "x", retry_after: float | None = None) -> GraphError:
    return GraphError("GET /users", status, code, "why", "id-1", retry_after)


@pytest.mark.parametrize(
    ("error", "more_than_one"),
    [
        (failing(429), True),
        (failing(503), True),
        (failing(500), True),
        (failing(None), True),
        (failing(403, UNLICENSED), True),
        (failing(400, NO_PIM), True),
        (failing(403, "Authorization_RequestDenied"), False),
        (failing(400), False),
        (failing(404), False),
        (failing(429, retry_after=3600), False),
    ],
)
def test_what_may_pass_is_tried_again(error: GraphError, more_than_one: bool) -> None:
    assert (tries(error) > 1) is more_than_one


def test_waits_follow_the_server_and_else_grow() -> None:
    assert 7 <= delay(failing(429, retry_after=7), 1) <= 7.7
    assert 0.125 <= delay(failing(500), 1) <= 0.25
    assert 15 <= delay(failing(500), 20) <= 30


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
