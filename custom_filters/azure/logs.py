"""Entra's logs, which know the last minutes: who signed in, and who switched which account on or off.

https://learn.microsoft.com/graph/api/signin-list and directoryaudit-list. v1.0 lists interactive sign-ins;
those that are not interactive are in beta, which national clouds do not have. Kept 30 days; 5 requests in
10 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from custom_filters.azure.client import Graph
from custom_filters.azure.errors import UNLICENSED, GraphError, lost
from custom_filters.core.times import format_time, parse_time

#: How many requests each user takes.
SIGN_IN_LOGS = 2
ENABLED, DISABLED = "Enable account", "Disable account"
_PUBLIC = "graph.microsoft.com"
_NOT_THERE = frozenset({400, 404, 501})
_NON_INTERACTIVE = " and signInEventTypes/any(t: t eq 'nonInteractiveUser')"


@dataclass(frozen=True)
class Change:
    """Somebody enabled or disabled an account: which user (object id), when, and by whom, for people."""

    user: str
    activity: str
    at: datetime
    by: str
    by_us: bool


def get_sign_in(
    graph: Graph, user: str, since: datetime, *, successful: bool
) -> tuple[datetime | None, str | None]:
    """The newest sign-in of a user since then, and a sentence on what could not be asked.

    Failed attempts count too, as they do in signInActivity, unless `successful`. Raises GraphError for what
    may pass: the log could not be read this time.
    """
    missing = None
    for beta in (False, True):
        if beta and urlsplit(graph.endpoint).hostname != _PUBLIC:
            return None, "the log of non-interactive sign-ins is not available in this cloud"
        try:
            at = _newest(graph, user, since, beta=beta, successful=successful)
        except GraphError as error:
            if not is_unavailable(error, beta=beta):
                raise
            missing = str(error)
        else:
            if at:
                return at, None
    return None, missing


def _newest(graph: Graph, user: str, since: datetime, *, beta: bool, successful: bool) -> datetime | None:
    """Newest first is how the log comes: the first row is enough where any attempt counts."""
    version, kind = ("beta", _NON_INTERACTIVE) if beta else ("v1.0", "")
    query = {
        "$filter": f"userId eq '{user}' and createdDateTime ge {format_time(since)}{kind}",
        "$top": "999" if successful else "1",
    }
    pages = graph.pages("/auditLogs/signIns", query, version=version)
    rows = [row for page in pages for row in page] if successful else next(pages, [])
    found = (_date(row, "createdDateTime") for row in rows if not successful or _succeeded(row))
    return max(found, default=None)


def _date(row: Mapping[str, Any], name: str) -> datetime:
    try:
        return parse_time(str(row.get(name)))
    except ValueError as error:
        raise lost("GET /auditLogs/", f"a row has no {name} that can be read ({error})") from error


def _succeeded(row: Mapping[str, Any]) -> bool:
    return (row.get("status") or {}).get("errorCode") == 0


def is_unavailable(error: GraphError, *, beta: bool = False) -> bool:
    """Whether a log is refused to us or not there at all, and so will not be there the next time either."""
    return error.denied or error.code == UNLICENSED or (beta and error.status in _NOT_THERE)


def get_switched_on(graph: Graph, since: datetime) -> dict[str, Change]:
    """The newest `Enable account` of each user since then that was not ours, by user id; one query."""
    query = {"$filter": f"activityDisplayName eq '{ENABLED}' and activityDateTime ge {format_time(since)}"}
    changes = sorted(_changes(graph, query), key=lambda change: change.at)
    return {change.user: change for change in changes if not change.by_us}


def get_switches(graph: Graph, user: str, since: datetime) -> list[Change]:
    """Who enabled or disabled a user since then, oldest first."""
    query = {
        "$filter": f"targetResources/any(t: t/id eq '{user}') and activityDateTime ge {format_time(since)}"
    }
    found = (c for c in _changes(graph, query) if c.user == user and c.activity in {ENABLED, DISABLED})
    return sorted(found, key=lambda change: change.at)


def _changes(graph: Graph, query: Mapping[str, str]) -> Iterator[Change]:
    claims = graph.token.claims()
    ours = {str(claims[name]) for name in ("appid", "oid") if claims.get(name)}
    for row in graph.items("/auditLogs/directoryAudits", query):
        by, ids = _who(row.get("initiatedBy") or {})
        at = _date(row, "activityDateTime")
        for target in row.get("targetResources") or ():
            yield Change(
                str(target.get("id")), str(row.get("activityDisplayName")), at, by, not ours.isdisjoint(ids)
            )


def _who(initiated: Mapping[str, Any]) -> tuple[str, set[str]]:
    """A name for people, and the ids, of who did it; an app's is its own even when a person stands beside."""
    user, app = initiated.get("user") or {}, initiated.get("app") or {}
    ids = {str(v) for v in (user.get("id"), app.get("appId"), app.get("servicePrincipalId")) if v}
    name = user.get("userPrincipalName") or app.get("displayName") or app.get("appId")
    return str(name or "somebody"), ids
