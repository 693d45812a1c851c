"""The people of the believable company: named cases first, then a crowd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from custom_filters.sandbox.company import crowd
from custom_filters.sandbox.gcp.people import Person

SSO_UNIT = "/Partners"
HELPDESK = frozenset({"USERS_RETRIEVE", "USERS_SUSPEND", "GROUPS_RETRIEVE"})


def named_people(now: datetime, domain: str) -> Iterator[Person]:
    """One user for each case; the first is the subject that the service account stands for."""
    for number, (case, details) in enumerate(_cases(now, domain).items()):
        given, family = case.partition("-")[::2]
        defaults = {"given": given.title(), "family": (family or "user").title(), "email": f"{case}@{domain}"}
        created = now - timedelta(days=details.pop("age", 700))
        yield Person(**{**defaults, "id": _id(number), "created": created, "case": case, **details})


def workforce(numbers: range, now: datetime, domain: str, seed: int) -> Iterator[Person]:
    for someone in crowd(numbers, seed, now):
        yield Person(
            id=_id(someone.number),
            email=f"{someone.handle}@{domain}",
            given=someone.given,
            family=someone.family,
            created=someone.created,
            last_login=someone.last,
            org_unit=f"/{someone.department}",
            suspended=someone.state == "off",
            archived=someone.state == "archived",
        )


def _id(number: int) -> str:
    """21 digits, as Google's profile ids have; the last vary from user to user."""
    return f"1{10**19 + number * 7_919:020d}"


def _cases(now: datetime, domain: str) -> Mapping[str, dict[str, Any]]:
    def ago(days: float) -> datetime:
        return now - timedelta(days=days)

    stale = {"last_login": ago(200)}
    helpdesk = {"delegated_admin": True, "privileges": HELPDESK}
    sso = {"last_login": ago(300), "org_unit": SSO_UNIT}
    off = {**stale, "suspended": True, "suspended_at": ago(100)}
    return {
        "own-subject": {"last_login": ago(300), "admin": True},
        "super-admin-active": {"last_login": ago(2), "admin": True},
        "super-admin-stale": {**stale, "admin": True},
        "break-glass": {"age": 900, "admin": True},
        "delegated-admin-stale": {**stale, **helpdesk},
        "group-admin-stale": dict(stale),
        "never-old": {"age": 400},
        "never-new": {"age": 5},
        **{f"never-day-{days}": {"age": days} for days in (89, 90, 91)},
        "active": {"last_login": ago(1)},
        "stale": dict(stale),
        **{f"stale-day-{days}": {"last_login": ago(days)} for days in (89, 90, 91)},
        "sso-only": {**sso, "last_sso": ago(3.5)},
        "sso-stale": {**sso, "last_sso": ago(250)},
        "imap-only": {"last_login": ago(300), "last_imap": ago(3.5)},
        "pop-only": {"last_login": ago(300), "last_pop": ago(4)},
        "webmail-only": {"last_login": ago(300), "last_webmail": ago(5)},
        "archived-stale": {**stale, "archived": True},
        "suspended-stale": off,
        "suspended-by-google": {**off, "suspension_reason": "ABUSE"},
        "guest-stale": {**stale, "guest": True, "email": "guest-stale@partner.example"},
        "exempt-stale": dict(stale),
        "list-conflict": {"last_login": ago(1)},
        "login-time-missing": {"login_time_missing": True},
        "future-login": {"last_login": ago(-3)},
        "alias-stale": {**stale, "aliases": (f"former.name@{domain}",)},
        "second-domain-stale": {**stale, "email": f"second-domain-stale@eu.{domain}"},
        "managed-stale": {**stale, "manager": f"super-admin-active@{domain}"},
        "hostile-name-stale": {**stale, "given": '=HYPERLINK("http://x")', "family": "<b>\u202eeve</b>"},
    }
