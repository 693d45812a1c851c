"""The people of the believable company: named cases first, then a workforce drawn with the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from custom_filters.sandbox.gcp.people import Person

GIVEN = [
    "Ada",
    "Ben",
    "Chloe",
    "Dario",
    "Elif",
    "Farid",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Liam",
    "Mei",
    "Noor",
    "Omar",
    "Priya",
    "Quinn",
    "Rosa",
    "Sven",
    "Tara",
]
FAMILY = [
    "Abe",
    "Brandt",
    "Costa",
    "Diaz",
    "Evans",
    "Fischer",
    "Gupta",
    "Haas",
    "Ito",
    "Jansen",
    "Khan",
    "Lopez",
    "Meyer",
    "Novak",
    "Okafor",
    "Park",
    "Rossi",
    "Silva",
]
UNITS = ("/Engineering", "/Sales", "/Finance", "/Support")
SSO_UNIT = "/Partners"
HELPDESK = frozenset({"USERS_RETRIEVE", "USERS_SUSPEND", "GROUPS_RETRIEVE", "CUSTOMER_RETRIEVE"})


def named_people(now: datetime, domain: str) -> Iterator[Person]:
    """One user for each case; the first is the subject that the service account stands for."""
    for number, (case, details) in enumerate(_cases(now, domain).items()):
        email = f"{case}@{domain}"
        given, family = case.partition("-")[::2]
        defaults = {"given": given.title(), "family": (family or "user").title(), "email": email}
        created = now - timedelta(days=details.pop("age", 700))
        yield Person(**{**defaults, "id": _id(number), "created": created, "case": case, **details})


def workforce(start: int, end: int, now: datetime, domain: str, seed: int) -> Iterator[Person]:
    """Users number `start` to `end`: mostly active, some stale, new, never seen, suspended or archived."""
    dice = random.Random(seed)
    for number in range(start, end):
        given, family = dice.choice(GIVEN), dice.choice(FAMILY)
        age = dice.randint(30, 2500)
        details: dict[str, Any] = {"last_login": now - timedelta(days=dice.uniform(0, min(age, 60)))}
        fate = dice.random()
        if fate < 0.05:
            details["last_login"] = now - timedelta(days=dice.uniform(min(age, 100), age))
        elif fate < 0.08:
            details["last_login"] = None
        elif fate < 0.10:
            age, details["last_login"] = dice.randint(0, 10), None
        elif fate < 0.13:
            details |= {"suspended": True, "suspension_reason": "ADMIN"}
        elif fate < 0.14:
            details["archived"] = True
        yield Person(
            id=_id(number),
            email=f"{given}.{family}{number}@{domain}".lower(),
            given=given,
            family=family,
            created=now - timedelta(days=age, seconds=dice.randint(0, 86_399)),
            org_unit=dice.choice(UNITS),
            manager=f"super-admin-active@{domain}" if dice.random() < 0.2 else "",
            **details,
        )


def _id(number: int) -> str:
    """21 digits, as Google's profile ids have; the last vary from user to user."""
    return f"1{10**19 + number * 7_919:020d}"


def _cases(now: datetime, domain: str) -> Mapping[str, dict[str, Any]]:
    def ago(days: float) -> datetime:
        return now - timedelta(days=days)

    stale = {"last_login": ago(200)}
    return {
        **_administrators(now),
        "never-old": {"age": 400},
        "never-new": {"age": 5},
        "never-day-89": {"age": 89},
        "never-day-90": {"age": 90},
        "never-day-91": {"age": 91},
        "active": {"last_login": ago(1)},
        "stale": dict(stale),
        "stale-day-89": {"last_login": ago(89)},
        "stale-day-90": {"last_login": ago(90)},
        "stale-day-91": {"last_login": ago(91)},
        "sso-only": {"last_login": ago(300), "last_sso": ago(3.5), "org_unit": SSO_UNIT},
        "sso-stale": {"last_login": ago(300), "last_sso": ago(250), "org_unit": SSO_UNIT},
        "imap-only": {"last_login": ago(300), "last_imap": ago(3.5)},
        "pop-only": {"last_login": ago(300), "last_pop": ago(4)},
        "webmail-only": {"last_login": ago(300), "last_webmail": ago(5)},
        "archived-stale": {**stale, "archived": True},
        "suspended-stale": {**stale, "suspended": True, "suspension_reason": "ADMIN"},
        "suspended-by-google": {**stale, "suspended": True, "suspension_reason": "ABUSE"},
        "guest-stale": {**stale, "guest": True, "email": "guest-stale@partner.example"},
        "exempt-stale": dict(stale),
        "list-conflict": {"last_login": ago(1)},
        "login-time-missing": {"login_time_missing": True},
        "future-login": {"last_login": ago(-3)},
        "alias-stale": {**stale, "aliases": (f"former.name@{domain}",)},
        "second-domain-stale": {**stale, "email": f"second-domain-stale@eu.{domain}"},
        "managed-stale": {**stale, "manager": f"super-admin-active@{domain}"},
        "hostile-name-stale": {**stale, "given": '=HYPERLINK("http://x")', "family": "<b>\u202eeve</b>"},
        "deleted": {**stale, "deleted": ago(3)},
    }


def _administrators(now: datetime) -> Mapping[str, dict[str, Any]]:
    stale = {"last_login": now - timedelta(days=200)}
    helpdesk = {"delegated_admin": True, "privileges": HELPDESK}
    return {
        "own-subject": {"last_login": now - timedelta(days=300), "admin": True},
        "super-admin-active": {"last_login": now - timedelta(days=2), "admin": True},
        "super-admin-stale": {**stale, "admin": True},
        "break-glass": {"age": 900, "admin": True},
        "delegated-admin-stale": {**stale, **helpdesk},
        "group-admin-stale": dict(stale),
    }
