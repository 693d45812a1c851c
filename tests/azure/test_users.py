from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from c7n.utils import reset_session_cache
from c7n_azure.session import Session

from custom_filters.azure.notes import EXTENSION
from custom_filters.azure.pace import Limits, Pace
from custom_filters.azure.users import forget_listing, get_listing, shared_listing, transform_user
from custom_filters.custodian.pacing import Turn
from custom_filters.sandbox.azure.people import Person
from tests.azure.conftest import NOW, Tenant
from tests.azure.runs import embedded, person

UPN = "jo@contoso.example"


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        (None, None),
        ({}, None),
        ({"lastSignInDateTime": None}, None),
        ({"lastSignInDateTime": "0001-01-01T00:00:00Z"}, None),
        (
            {"lastSignInDateTime": "2026-01-01T00:00:00Z", "lastSuccessfulSignInDateTime": None},
            {"lastSignInDateTime": "2026-01-01T00:00:00Z"},
        ),
        ({"lastSignInDateTime": "nonsense"}, {"lastSignInDateTime": "nonsense"}),
    ],
    ids=str,
)
def test_dates_that_are_none_are_left_out(activity: Any, expected: Any) -> None:
    user = {"id": "1", "userPrincipalName": UPN, "mail": None, "signInActivity": activity, "@odata.id": "x"}
    made = transform_user(user)
    assert made == {"id": "1", "userPrincipalName": UPN} | ({"signInActivity": expected} if expected else {})


def test_who_comes_or_goes_between_the_passes_is_read_again(tenant: Tenant) -> None:
    """One user appears after the first pass, one is marked there and then, one vanishes from the second."""
    azure = tenant.sandbox.azure
    gone = tenant.id("idle")
    seen: list[str] = []

    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if (action, phase) == ("GET /users", "after") and not seen:
            seen.append(action)
            azure.add(person("late", NOW, 3))
            azure.extensions("late@contoso.example")[EXTENSION] = {"tags": ["c7n-unused=x"]}
            del azure.tenant.directory.people[gone]

    tenant.sandbox.on_request = hook
    listing = get_listing(tenant.graph, "t")
    names = {user["userPrincipalName"] for user in listing.users}
    assert "late@contoso.example" in names
    assert "idle@contoso.example" not in names
    assert listing.notes == {tenant.id("late"): {"c7n-unused": "x"}}


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (10, ["200 calls to go, at most 10 in 60 s: about 19 min"]),
        (0.5, ["200 calls to go, at most 1 in 2 min: about 6.6 h"]),
        (None, []),
    ],
)
def test_the_plan_is_told_first(
    caplog: pytest.LogCaptureFixture, rate: float | None, told: list[str]
) -> None:
    with caplog.at_level(logging.INFO, "custodian.unused"):
        Pace(100_000, rate).begin(Limits().activity)
    assert caplog.messages == [f"Microsoft Graph (sign-in activity): {text}" for text in told]


def test_without_a_rate_the_plan_is_told_at_the_first_refusal(caplog: pytest.LogCaptureFixture) -> None:
    limiter = Limits().activity
    Pace(100_000, None).begin(limiter)
    for _ in range(2):
        turn = Turn()
        limiter.wait(turn)
        limiter.refused(turn, 0.0)
    assert caplog.messages == [
        "Microsoft Graph (sign-in activity): 200 calls to go, at most 10 in 60 s: about 19 min"
    ]


def manager(**data: Any) -> Any:
    return SimpleNamespace(session_factory=Session, data=data)


def test_a_run_lists_once_and_again_after_a_change(tenant: Tenant) -> None:
    reset_session_cache()
    first = shared_listing(manager())
    assert shared_listing(manager(name="another")) is first
    forget_listing(manager())
    assert shared_listing(manager()) is not first
    assert tenant.sandbox.calls["azure:GET /users/$count"] == 2


def test_two_tenants_never_share_a_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for _ in range(2):
        with embedded(users=20, now=NOW) as sandbox:
            for name, value in sandbox.environment.items():
                monkeypatch.setenv(name, value)
            reset_session_cache()
            found.append((shared_listing(manager()), sandbox.azure.app.tenant))
    assert [listing.tenant for listing, _ in found] == [tenant for _, tenant in found]
    assert found[0][1] != found[1][1]
    reset_session_cache()


def test_the_listing_keeps_no_more_than_it_needs(tenant: Tenant) -> None:
    tenant.sandbox.azure.add(Person("x@contoso.example", "X", NOW, mail="x@contoso.example"))
    user = next(
        u for u in get_listing(tenant.graph, "t").users if u["userPrincipalName"] == "x@contoso.example"
    )
    assert user["mail"] is user["userPrincipalName"]
    assert set(user) == {
        "id",
        "displayName",
        "userPrincipalName",
        "mail",
        "accountEnabled",
        "userType",
        "createdDateTime",
    }
