"""The tenant's users with their sign-in activity and our notes, listed once for all policies of a run.

https://learn.microsoft.com/graph/api/user-list: 500 a page at most with signInActivity. The activity is not
filtered on the server: that returns deleted users and misses those who never signed in.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from c7n.exceptions import PolicyExecutionError

from custom_filters.azure.client import Graph, Json
from custom_filters.azure.errors import GraphError, found_or_none
from custom_filters.azure.notes import Properties
from custom_filters.custodian.progress import Progress

PAGE = 500
ACTIVITY, LICENSES = "signInActivity", "assignedLicenses"
#: Sessions that began before this are ended; kept of users that are off.
SESSIONS = "signInSessionsValidFromDateTime"
#: signInActivity's dates; what each counts is in `identities`.
DATES = ("lastSignInDateTime", "lastNonInteractiveSignInDateTime", "lastSuccessfulSignInDateTime")
#: How Graph writes "no date".
NULL_DATE = "0001-01-01"
_PLAIN = (
    "id,displayName,userPrincipalName,mail,accountEnabled,userType,createdDateTime,externalUserState,"
    "externalUserStateChangeDateTime,employeeHireDate,onPremisesSyncEnabled,isManagementRestricted"
)
_SELECT = f"{_PLAIN},{LICENSES},{SESSIONS},{ACTIVITY}"
#: The names of a user's properties, each of them one object in memory for all users.
_NAMES = {name: sys.intern(name) for name in (*_PLAIN.split(","), LICENSES, SESSIONS, ACTIVITY, *DATES)}
#: Types of the fields that are not text.
_FORMS: dict[str, type] = {
    **dict.fromkeys(("accountEnabled", "onPremisesSyncEnabled", "isManagementRestricted"), bool),
    LICENSES: list,
    ACTIVITY: dict,
}
_SHARED = ("mail", "userType", "externalUserState")


@dataclass(frozen=True)
class Listing:
    """The users of one tenant: resources as Graph gives them, without what is null.

    `unsure` says of users without activity why that is not read as "never". `properties` are those that hold
    notes; None where there are none.
    """

    tenant: str
    users: tuple[Json, ...]
    properties: Properties | None
    unsure: Mapping[str, str] = field(repr=False)


def get_listing(
    graph: Graph,
    tenant: str,
    properties: Properties | None = None,
    seen: set[str] | None = None,
) -> Listing:
    """Every user, in one pass. `seen` are ids with activity in earlier listings of the run, and grows.

    Raises GraphError, and PolicyExecutionError when no enabled user has any activity: the data is missing,
    not the users.
    """
    known = set() if seen is None else seen
    users: dict[str, Json] = {}
    unsure: dict[str, str] = {}
    for page in _pages(graph, properties):
        made = [transform_user(user, properties) for user in page]
        users.update((user["id"], user) for user in made)
        unsure.update(_unsure(made, known))
    _refuse_no_activity(users)
    known.update(key for key, user in users.items() if ACTIVITY in user)
    return Listing(tenant, tuple(users.values()), properties, unsure)


def _pages(graph: Graph, properties: Properties | None) -> Iterator[list[Json]]:
    """Page by page, with progress; how long it takes is told where Graph lets few calls through."""
    count = count_users(graph)
    progress = Progress("users read", count)
    graph.limits.activity.expect(max(1, math.ceil(count / PAGE)))
    for page in graph.pages("/users", {"$select": _selected(_SELECT, properties), "$top": str(PAGE)}):
        progress.add(len(page))
        yield page


def _selected(names: str, properties: Properties | None) -> str:
    return f"{names},{properties.select}" if properties else names


def _unsure(page: Iterable[Json], known: set[str]) -> Iterator[tuple[str, str]]:
    """Who has no activity although the whole page lacks it, or an earlier read had it."""
    users = list(page)
    silent = not any(ACTIVITY in user for user in users)
    for user in users:
        if silent:
            yield user["id"], "the page that lists this user has sign-in activity for nobody"
        elif ACTIVITY not in user and user["id"] in known:
            yield (
                user["id"],
                "an earlier read had this user's sign-in activity, and the listing leaves it out",
            )


def count_users(graph: Graph) -> int:
    """How many users there are; an advanced query, hence the consistency level."""
    return int(str(graph.get("/users/$count", ConsistencyLevel="eventual")).strip("\ufeff \n"))


def get_user(graph: Graph, key: str, properties: Properties | None = None) -> Json | None:
    """One user by object id with activity and our notes; None when the user is gone."""
    return _found(graph, key, _SELECT, properties)


def get_status(graph: Graph, key: str, properties: Properties | None = None) -> Json | None:
    """One user by object id or name, and our notes, without activity: that would need a licence."""
    return _found(graph, key, _PLAIN, properties)


def user_path(key: str) -> str:
    """The path of a user by object id or name; a guest's name has a #."""
    return f"/users/{quote(key, safe='@')}"


def _found(graph: Graph, key: str, names: str, properties: Properties | None) -> Json | None:
    query = {"$select": _selected(names, properties)}
    user: Json | None = found_or_none(lambda: graph.get(user_path(key), query))
    return transform_user(user, properties) if user else None


def transform_user(user: Mapping[str, Any], properties: Properties | None = None) -> Json:
    """A resource: what was selected and is not null. Names and repeated values are shared, to save memory.

    Raises GraphError for a user of a form that Graph does not document.
    """
    kept = _checked(user)
    for name in _SHARED:
        if name in kept:
            same = kept[name] == user["userPrincipalName"]
            kept[name] = kept["userPrincipalName"] if same else sys.intern(kept[name])
    if user.get("accountEnabled") is not False:
        kept.pop(SESSIONS, None)
    activity = _dates(kept.pop(ACTIVITY, {}))
    licenses = [sys.intern(str(held.get("skuId"))) for held in kept.pop(LICENSES, ())]
    held = (
        {name: str(user[name]) for name in map(properties.of, properties.names) if user.get(name)}
        if properties
        else {}
    )
    return {
        **kept,
        **({LICENSES: licenses} if licenses else {}),
        **({ACTIVITY: activity} if activity else {}),
        **held,
    }


def _checked(user: Any) -> Json:
    """What was selected of a user and is not null, each of its own type."""
    kept = {n: user[n] for n in _NAMES.values() if user.get(n) is not None} if isinstance(user, dict) else {}
    wrong = [name for name in ("id", "userPrincipalName") if name not in kept]
    wrong += [name for name, value in kept.items() if not isinstance(value, _FORMS.get(name, str))]
    if wrong or not all(isinstance(held, dict) for held in kept.get(LICENSES, ())):
        name = wrong[0] if wrong else LICENSES
        raise GraphError("GET /users", None, "broken answer", f"a user has {name} {kept.get(name)!r:.80}")
    return kept


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
