"""Turns Google's data about a user into an identity with one credential, the sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from custom_filters.core.credential import Credential, Identity, UserType
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, Used, read_use
from custom_filters.core.notes import Item
from custom_filters.core.times import read_optional
from custom_filters.core.vocabulary import GCP
from custom_filters.gcp.errors import documented

SIGN_IN = "sign-in"
KINDS = (SIGN_IN,)
ITEM = Item(SIGN_IN, SIGN_IN)
LAST_LOGIN = "last-login"
_NEVER = "1970-01-01T00:00:00"


def transform_user(user: Mapping[str, Any], more: tuple[Evidence, ...], now: datetime) -> Identity:
    """A user of users.list or users.get; `more` is what other sources say of it.

    Raises GoogleError for a user of a form that Google does not document.
    """
    with documented("users"):
        return _identity(user, more, now)


def _identity(user: Mapping[str, Any], more: tuple[Evidence, ...], now: datetime) -> Identity:
    owner = _manager(user)
    created, problem = read_optional(user, "creationTime")
    credential = Credential(
        kind=SIGN_IN,
        id=SIGN_IN,
        # Suspended and archived users can't sign in; where Google says neither, the user can.
        status="off" if user.get("suspended") or user.get("archived") else "on",
        created=created,
        evidence=(last_login(user, "users.list", now), *more),
        age_problem=problem,
    )
    return Identity(
        provider=GCP,
        account=user["customerId"],
        name=user["primaryEmail"],
        id=user["id"],
        credentials=(credential,),
        user_type=_user_type(user),
        privileged=is_admin(user),
        mfa=user.get("isEnrolledIn2Sv"),
        tags_itself=False,  # only administrators write custom fields
        owner=owner,
        owner_source="manager" if owner else None,
        born=created,
    )


def last_login(user: Mapping[str, Any], method: str, now: datetime) -> Evidence:
    """lastLoginTime: absent is unknown, 1970 is never."""
    text = user.get("lastLoginTime")
    if not text:
        return Unknown(f"{method} gives no lastLoginTime", LAST_LOGIN, observed_at=now)
    if text.startswith(_NEVER):
        created, _ = read_optional(user, "creationTime")
        return NeverUsed(created, LAST_LOGIN, observed_at=now, value=text)
    return read_use(text, LAST_LOGIN, now=now, observed_at=now)


def second_look(
    listed: Mapping[str, Any], user: Mapping[str, Any] | Unknown, now: datetime
) -> tuple[Evidence, ...]:
    """What users.get adds; Unknown where that was refused.

    users.list has been seen with old or no dates; where the two differ, that counts as use.
    """
    if isinstance(user, Unknown):
        return (user,)
    seen = last_login(user, "users.get", now)
    dates = listed.get("lastLoginTime"), user.get("lastLoginTime")
    if dates[0] == dates[1]:
        return (seen,)
    told = f"users.list says {dates[0] or 'nothing'}, users.get {dates[1] or 'nothing'}: counted as used now"
    return (seen, Used(now, LAST_LOGIN, observed_at=now, value=told))


def is_admin(user: Mapping[str, Any]) -> bool | None:
    """Super administrator or delegated one; None when Google does not say."""
    flags = user.get("isAdmin"), user.get("isDelegatedAdmin")
    return True if True in flags else None if None in flags else False


def _user_type(user: Mapping[str, Any]) -> UserType:
    return "guest" if user.get("isGuestUser") else "human"


def _manager(user: Mapping[str, Any]) -> str | None:
    relations = user.get("relations") or ()
    return next((str(r["value"]) for r in relations if r.get("type") == "manager" and r.get("value")), None)
