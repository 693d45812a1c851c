from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from custom_filters.core.record import Item, Record, record_notes

from custom_filters.azure.identities import Surroundings, transform_identity
from custom_filters.azure.notes import PARTS, notes_in
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


def judged(*, successful: bool = False, tags: dict[str, str] | None = None, **user: Any) -> tuple[str, str]:
    """Verdict and the source that decided."""
    made = {"id": "1", "userPrincipalName": "jo@x.example", "accountEnabled": True, **user}
    surroundings = Surroundings(
        "t", tags or {}, privileged=False, exemption=None, successful=successful, now=NOW
    )
    found = judge_identity(transform_identity(made, surroundings), RULES, NOW)
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
    "no date": ({}, "unknown"),
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
    made = {"createdDateTime": "2020-01-01T00:00:00Z", "signInActivity": activity}
    assert judged(successful=True, **made)[0] == verdict


def test_a_restored_user_is_in_grace_and_a_damaged_note_leaves_it_open() -> None:
    user = {"createdDateTime": OLD, "signInActivity": {INTERACTIVE: ago(days=200)}}
    note = Record(NOW - timedelta(days=2), frozenset({Item("sign-in", "sign-in")}))
    restored = record_notes("c7n-unused-restored", note, PARTS)
    assert judged(**user, tags=restored)[0] == "new"
    assert judged(**user, tags={"c7n-unused-restored": "1/2 nonsense"})[0] == "unknown"
    assert judged(**user)[0] == "stale"


@pytest.mark.parametrize(
    ("extensions", "tags"),
    [
        (None, {}),
        ([{"id": "another.app", "tags": ["a=b"]}], {}),
        ([{"id": "io.github.c7nunused", "tags": ["a=b=c", "d"]}], {"a": "b=c", "d": ""}),
        ([{"id": "microsoft.graph.openTypeExtension.io.github.c7nunused", "tags": ["a=b"]}], {"a": "b"}),
        ([{"id": "io.github.c7nunused"}], {}),
    ],
)
def test_notes_are_read_from_our_extension_only(extensions: Any, tags: dict[str, str]) -> None:
    assert notes_in({"id": "1", "extensions": extensions}) == tags
