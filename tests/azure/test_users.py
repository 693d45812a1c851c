from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from c7n.utils import reset_session_cache
from c7n_azure.session import Session

from custom_filters.azure.listing import forget_listing, shared_listing
from custom_filters.azure.notes import there
from custom_filters.azure.pace import Limits
from custom_filters.azure.users import get_listing, transform_user
from custom_filters.custodian.pacing import Turn
from custom_filters.sandbox.azure.people import Person
from tests.azure.conftest import NOW, Tenant
from tests.azure.runs import embedded, person, properties, write_note

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


def test_notes_come_with_the_listing(tenant: Tenant) -> None:
    """One pass: 60 users are one page, notes and all."""
    write_note(tenant.sandbox, "idle", "c7n-unused", "x")
    where = there(tenant.graph, properties(tenant.sandbox))
    assert where
    tenant.sandbox.calls.clear()
    listing = get_listing(tenant.graph, "t", properties=where)
    noted = {user["id"]: where.texts(user, NOW) for user in listing.users if where.texts(user, NOW)}
    assert noted == {tenant.id("idle"): {"c7n-unused": "x"}}
    assert tenant.sandbox.calls["azure:GET /users"] == 1


def test_a_place_for_notes_that_is_gone_is_none(tenant: Tenant) -> None:
    where = properties(tenant.sandbox)
    tenant.sandbox.azure.hand("delete-app", where.app)
    assert there(tenant.graph, where) is None
    tenant.sandbox.azure.hand("restore-app", where.app)
    assert there(tenant.graph, where) == where


UNSURE = {
    "nobody on its page has activity": ({"omit_page": 1}, set(), "has sign-in activity for nobody"),
    "an earlier read had it": ({"omit_list": "idle@contoso.example"}, {"idle"}, "the listing leaves it out"),
}


@pytest.mark.parametrize(("faults", "seen", "why"), UNSURE.values(), ids=UNSURE)
def test_activity_that_was_left_out_is_not_never(
    tenant: Tenant, faults: dict[str, Any], seen: set[str], why: str
) -> None:
    for number in range(600):
        tenant.sandbox.azure.add(person(f"more.{number}", NOW, 2))
    tenant.sandbox.faults.update(faults)
    listing = get_listing(tenant.graph, "t", seen={tenant.id(name) for name in seen})
    assert why in listing.unsure[tenant.id("idle")]
    assert tenant.id("never-signed-in-old") in listing.unsure or "omit_list" in faults


def test_the_plan_is_told_at_the_first_refusal(caplog: pytest.LogCaptureFixture) -> None:
    limiter = Limits().activity
    limiter.expect(200)
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
