"""The tenant's users with their sign-in activity and our marks, listed once for all policies of a run.

https://learn.microsoft.com/graph/api/user-list: 500 a page at most with signInActivity. The activity is not
filtered on the server: that returns deleted users and misses those who never signed in.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from c7n.exceptions import PolicyExecutionError
from c7n.utils import local_session

from custom_filters.azure.client import Graph, Json, shared_graph, shared_tenant
from custom_filters.azure.errors import found_or_none
from custom_filters.azure.notes import notes_in
from custom_filters.azure.pace import PAGE, Pace
from custom_filters.custodian.store import forget, shared

ACTIVITY = "signInActivity"
#: What a policy may ask of the listing, under `query:`.
RATE = "requests-per-minute"
#: signInActivity's dates; what each counts is in `identities`.
DATES = ("lastSignInDateTime", "lastNonInteractiveSignInDateTime", "lastSuccessfulSignInDateTime")
#: How Graph writes "no date".
NULL_DATE = "0001-01-01"
_SELECT = (
    "id,displayName,userPrincipalName,mail,accountEnabled,userType,createdDateTime,externalUserState,"
    "externalUserStateChangeDateTime,onPremisesSyncEnabled,isManagementRestricted,signInActivity"
)
_LARGEST_PAGE = "999"
_EXTENSIONS = {"$select": "id", "$expand": "extensions"}
#: The names of a user's properties, each of them one object in memory for all users.
_NAMES = {name: sys.intern(name) for name in (*_SELECT.split(","), *DATES)}


@dataclass(frozen=True)
class Listing:
    """The users of one tenant: resources as Graph gives them, without what is null; our notes by user id."""

    tenant: str
    users: tuple[Json, ...]
    notes: Mapping[str, Mapping[str, str]] = field(repr=False)


def shared_listing(manager: Any) -> Listing:
    """The tenant's listing, read once for all policies of a run."""
    graph, tenant = shared_graph(manager), shared_tenant(manager)
    session = local_session(manager.session_factory)
    return shared(session, _key(tenant), lambda: get_listing(graph, tenant, _rate(manager)))


def forget_listing(manager: Any) -> None:
    """Have the next policy list again: users were marked or changed."""
    forget(local_session(manager.session_factory), _key(shared_tenant(manager)))


def _key(tenant: str) -> tuple[str, str]:
    return ("entra-users", tenant)


def _rate(manager: Any) -> float | None:
    """`query: [{requests-per-minute: 10}]` of the policy that lists."""
    rates = [float(part[RATE]) for part in manager.data.get("query") or () if RATE in part]
    return min(rates, default=None)


def get_listing(graph: Graph, tenant: str, rate: float | None = None) -> Listing:
    """Both passes, joined by id; users that only one of them knows are read again. Raises GraphError.

    Raises PolicyExecutionError when no enabled user has any activity: the data is missing, not the users.
    """
    users = {user["id"]: user for user in get_users(graph, rate)}
    _refuse_no_activity(users)
    notes, unclear = get_all_notes(graph, users)
    for key in unclear:
        again = get_user(graph, key)
        users.pop(key, None)
        if again is not None:
            users[key], notes[key] = again
    return Listing(tenant, tuple(users.values()), {key: found for key, found in notes.items() if found})


def get_users(graph: Graph, rate: float | None = None) -> Iterator[Json]:
    """First pass: every user with sign-in activity."""
    pace = Pace(count_users(graph), rate)
    for page in graph.pages("/users", {"$select": _SELECT, "$top": str(PAGE)}, pace):
        pace.succeeded()
        yield from map(transform_user, page)


def count_users(graph: Graph) -> int:
    """How many users there are; an advanced query, hence the consistency level."""
    return int(str(graph.get("/users/$count", ConsistencyLevel="eventual")).strip("\ufeff \n"))


def get_all_notes(graph: Graph, known: Mapping[str, Any]) -> tuple[dict[str, Mapping[str, str]], list[str]]:
    """Second pass: our notes by user id, and the ids that not both passes know."""
    notes: dict[str, Mapping[str, str]] = {}
    missed, surplus = set(known), []
    for user in graph.items("/users", {**_EXTENSIONS, "$top": _LARGEST_PAGE}):
        if user["id"] in known:
            missed.discard(user["id"])
            if found := notes_in(user):
                notes[user["id"]] = found
        else:
            surplus.append(user["id"])
    return notes, [*sorted(missed), *surplus]


def get_user(graph: Graph, key: str) -> tuple[Json, dict[str, str]] | None:
    """One user with activity, and its notes, read after it; None when the user is gone."""
    user = _found(graph, key, {"$select": _SELECT})
    marked = _found(graph, key, _EXTENSIONS) if user else None
    if user is None or marked is None:
        return None
    return transform_user(user), notes_in(marked)


def get_notes(graph: Graph, key: str) -> dict[str, str] | None:
    """Our notes on one user as they are now; None when the user is gone."""
    user = _found(graph, key, _EXTENSIONS)
    return None if user is None else notes_in(user)


def _found(graph: Graph, key: str, params: Mapping[str, str]) -> Json | None:
    user: Json | None = found_or_none(lambda: graph.get(f"/users/{key}", params))
    return user


def transform_user(user: Mapping[str, Any]) -> Json:
    """A resource: what was selected and is not null. Names and repeated values are shared, to save memory."""
    kept = {name: user[name] for name in _NAMES.values() if user.get(name) is not None}
    for name in ("mail", "userType", "externalUserState"):
        if name in kept:
            kept[name] = (
                kept["userPrincipalName"]
                if kept[name] == user["userPrincipalName"]
                else sys.intern(kept[name])
            )
    activity = _dates(user.get(ACTIVITY) or {})
    kept.pop(ACTIVITY, None)
    return {**kept, ACTIVITY: activity} if activity else kept


def _dates(activity: Mapping[str, Any]) -> dict[str, str]:
    same: dict[str, str] = {}
    found = ((name, activity.get(name)) for name in DATES)
    return {_NAMES[name]: same.setdefault(str(text), str(text)) for name, text in found if _is_date(text)}


def _is_date(text: Any) -> bool:
    return bool(text) and not str(text).startswith(NULL_DATE)


def _refuse_no_activity(users: Mapping[str, Json]) -> None:
    enabled = [user for user in users.values() if user.get("accountEnabled") is not False]
    if enabled and not any(ACTIVITY in user for user in enabled):
        raise PolicyExecutionError(
            f"none of the tenant's {len(enabled)} enabled users has any sign-in activity: the data is "
            "missing, not the users; check the licence (Entra ID P1 or P2) and AuditLog.Read.All"
        )
