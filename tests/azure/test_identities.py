from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from custom_filters.azure.errors import GraphError
from custom_filters.azure.identities import Surroundings, transform_identity
from custom_filters.azure.notes import properties_for
from custom_filters.core.judge import Rules, judge_identity
from custom_filters.core.times import format_time
from tests.azure.runs import utc

NOW = utc(2026, 5, 1)
RULES = Rules(days=90)
INTERACTIVE, CLIENT, SUCCESS = (
    "lastSignInDateTime",
    "lastNonInteractiveSignInDateTime",
    "lastSuccessfulSignInDateTime",
)


def ago(**span: float) -> str:
    return format_time(NOW - timedelta(**span))


def judged(*, successful: bool = False, around: dict[str, Any] | None = None, **user: Any) -> tuple[str, str]:
    """Verdict and the source that decided."""
    made = {"id": "1", "userPrincipalName": "jo@x.example", "accountEnabled": True, **user}
    surroundings = Surroundings(
        "t", privileged=False, exemption=None, successful=successful, now=NOW, **(around or {})
    )
    identity = transform_identity(made, surroundings)
    assert identity.licences == len(user.get("assignedLicenses", ()))
    found = judge_identity(identity, RULES, NOW)
    return found.verdict, found.credentials[0].basis


OLD = ago(days=900)
CASES: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "exactly 90 days": ({INTERACTIVE: ago(days=90)}, ("stale", INTERACTIVE)),
    "a second less": ({INTERACTIVE: ago(days=90, seconds=-1)}, ("active", INTERACTIVE)),
    "the newest decides": ({INTERACTIVE: ago(days=300), CLIENT: ago(days=91)}, ("stale", CLIENT)),
    "a client is use": ({INTERACTIVE: ago(days=300), CLIENT: ago(days=1)}, ("active", CLIENT)),
    "half an hour ahead": ({INTERACTIVE: ago(minutes=-30)}, ("active", INTERACTIVE)),
    "a day ahead": ({INTERACTIVE: ago(days=-1)}, ("unknown", INTERACTIVE)),
    "a day ahead, and old": ({INTERACTIVE: ago(days=-1), SUCCESS: ago(days=200)}, ("unknown", INTERACTIVE)),
    "a day ahead, and active": ({INTERACTIVE: ago(days=-1), SUCCESS: ago(days=2)}, ("active", SUCCESS)),
    "unreadable": ({INTERACTIVE: "01.05.2026"}, ("unknown", INTERACTIVE)),
}


@pytest.mark.parametrize(("activity", "expected"), CASES.values(), ids=CASES)
def test_dates_of_activity(activity: dict[str, str], expected: tuple[str, str]) -> None:
    assert judged(createdDateTime=OLD, signInActivity=activity) == expected


AGES: dict[str, tuple[dict[str, Any], str]] = {
    "made 90 days ago": ({"createdDateTime": ago(days=90)}, "never-used"),
    "a second less": ({"createdDateTime": ago(days=90, seconds=-1)}, "new"),
    "no date, two licences": ({"assignedLicenses": ["E3", "P2"]}, "unknown"),
    "unreadable": ({"createdDateTime": "long ago"}, "unknown"),
    "in the future": ({"createdDateTime": ago(days=-3)}, "unknown"),
    "invited anew": ({"createdDateTime": OLD, "externalUserStateChangeDateTime": ago(days=5)}, "new"),
    "invited, no date of creation": ({"externalUserStateChangeDateTime": ago(days=200)}, "never-used"),
    "off": ({"createdDateTime": OLD, "accountEnabled": False}, "no-credentials"),
    "nobody says whether it is on": ({"createdDateTime": OLD, "accountEnabled": None}, "never-used"),
}


@pytest.mark.parametrize(("user", "verdict"), AGES.values(), ids=AGES)
def test_ages_of_who_never_signed_in(user: dict[str, Any], verdict: str) -> None:
    assert judged(**user)[0] == verdict


STRICT: dict[str, tuple[dict[str, str], str]] = {
    "attempts only": ({INTERACTIVE: ago(days=1)}, "never-used"),
    "attempts since the last success": ({INTERACTIVE: ago(days=1), SUCCESS: ago(days=100)}, "stale"),
    "success": ({INTERACTIVE: ago(days=300), SUCCESS: ago(days=1)}, "active"),
    "before success was kept": ({INTERACTIVE: "2023-06-01T00:00:00Z"}, "stale"),
    "nothing": ({}, "never-used"),
}


@pytest.mark.parametrize(("activity", "verdict"), STRICT.values(), ids=STRICT)
def test_the_strict_reading(activity: dict[str, str], verdict: str) -> None:
    made: dict[str, Any] = {"createdDateTime": "2020-01-01T00:00:00Z", "signInActivity": activity}
    assert judged(successful=True, **made)[0] == verdict


REFUSED = GraphError("GET /users/1/mailboxSettings", 403, "Authorization_RequestDenied", "no")
AROUND: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, str]]] = {
    "its page has no activity": ({}, {"unsure": "silent"}, ("unknown", "signInActivity")),
    "its page has no activity, and it has": (
        {"signInActivity": {INTERACTIVE: ago(days=200)}}, {"unsure": "silent"}, ("stale", INTERACTIVE),
    ),
    "a date was left out": (
        {"signInActivity": {INTERACTIVE: ago(days=200)}}, {"omitted": frozenset({CLIENT})},
        ("unknown", CLIENT),
    ),
    "a date was left out, and active": (
        {"signInActivity": {INTERACTIVE: ago(days=2)}}, {"omitted": frozenset({CLIENT})},
        ("active", INTERACTIVE),
    ),
    "a shared mailbox": ({}, {"purpose": "shared"}, ("unknown", "mailbox")),
    "a room": ({}, {"purpose": "room"}, ("unknown", "mailbox")),
    "a mailbox of its own": ({}, {"purpose": "user"}, ("never-used", "signInActivity")),
    "no mailbox": ({}, {"purpose": None}, ("never-used", "signInActivity")),
    "purpose refused": ({}, {"purpose": REFUSED}, ("unknown", "mailbox")),
    "purpose not granted": ({}, {"purpose": "not granted"}, ("never-used", "signInActivity")),
    "synced, no cloud sign-in": (
        {"onPremisesSyncEnabled": True, "signInActivity": {INTERACTIVE: ago(days=200)}}, {},
        ("unknown", "on-premises"),
    ),
    "synced, never in the cloud": ({"onPremisesSyncEnabled": True}, {}, ("unknown", "on-premises")),
    "synced, active": (
        {"onPremisesSyncEnabled": True, "signInActivity": {CLIENT: ago(days=2)}}, {}, ("active", CLIENT),
    ),
    "hired next month": ({"employeeHireDate": ago(days=-30)}, {}, ("new", "signInActivity")),
    "hired a month ago": ({"employeeHireDate": ago(days=30)}, {}, ("new", "signInActivity")),
    "hired long ago": ({"employeeHireDate": ago(days=800)}, {}, ("never-used", "signInActivity")),
    "hired, unreadable": ({"employeeHireDate": "in May"}, {}, ("unknown", "age")),
}  # fmt: skip


@pytest.mark.parametrize(("user", "around", "expected"), AROUND.values(), ids=AROUND)
def test_what_is_known_beside_the_dates(
    user: dict[str, Any], around: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert judged(createdDateTime=OLD, around=around, **user) == expected


def test_what_entra_knows_for_the_risk_of_a_user() -> None:
    around = Surroundings("t", privileged=None, exemption=None, successful=False, now=NOW)
    made = {"id": "1", "userPrincipalName": "jo@x.example", "assignedLicenses": ["E3", "E5"]}
    found = transform_identity(made, around)
    assert (found.licences, found.tags_itself, found.mfa) == (2, False, None)


def test_a_mailbox_that_may_not_be_asked_about_is_told() -> None:
    made = {"id": "1", "userPrincipalName": "box@x.example", "createdDateTime": OLD}
    around = Surroundings("t", False, None, successful=False, now=NOW, purpose="not granted")
    [evidence] = transform_identity(made, around).credentials[0].evidence
    assert evidence.value == "never; may be a shared mailbox (MailboxSettings.Read is not granted)"


def test_notes_are_read_from_our_properties_only() -> None:
    where = properties_for("9B1DEB4D-3B7D-4BAD-9BDD-2B0D7B3DCB6D", ["c7n-unused"])
    assert where
    prefix = "extension_9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d_"
    user = {"id": "1", f"{prefix}c7n_unused": "x", f"{prefix}c7n_unused_record": "y", "extension_other": "z"}
    assert where.texts(user, NOW) == {"c7n-unused": "x", "c7n-unused-record": "y"}
    assert where.body({"c7n-unused": "", "c7n-unused-record": "y"}) == {
        f"{prefix}c7n_unused": None, f"{prefix}c7n_unused_record": "y",
    }  # fmt: skip


def test_a_mark_of_another_policy_is_taken_from_the_record() -> None:
    """A policy selects the properties of its own tags; the record may tell of others."""
    where = properties_for("a", ["c7n-unused"])
    assert where
    record = "1 c7n-unused-guest 2604201200 2605041200 sign-in=sign-in"
    texts = where.texts({"id": "1", where.of("c7n-unused-record"): record}, NOW)
    assert texts["c7n-unused-guest"] == "Unused: disable-unused@2026/05/04 1200 UTC"
