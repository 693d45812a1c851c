"""Entra's logs, which know the last minutes: who signed in, and who switched which account on or off.

https://learn.microsoft.com/graph/api/signin-list and directoryaudit-list. v1.0 lists interactive sign-ins;
those that are not interactive are in beta, which national clouds do not have. Kept 30 days; 5 requests in
10 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from custom_filters.azure.client import Graph
from custom_filters.azure.errors import UNLICENSED, GraphError, lost
from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Used
from custom_filters.core.lifecycle_states import Recent
from custom_filters.core.notes import Item
from custom_filters.core.times import format_time, parse_time
from custom_filters.custodian.selected import with_use

#: How many requests each user takes.
SIGN_IN_LOGS = 2
ENABLED, DISABLED = "Enable account", "Disable account"
_PUBLIC = "graph.microsoft.com"
_NOT_THERE = frozenset({400, 404, 501})
#: Accounts that somebody enabled within this are left alone.
ENABLED_LATELY = timedelta(days=7)
#: The log's dates and ours are to the second and to the minute.
_MARGIN = timedelta(minutes=1)
_SOURCE = "sign-in log"
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
    """Newest first is how the log comes: the first row is enough where any attempt counts.

    A page may be empty and lead to another one.
    """
    version, kind = ("beta", _NON_INTERACTIVE) if beta else ("v1.0", "")
    query = {
        "$filter": f"userId eq '{user}' and createdDateTime ge {format_time(since)}{kind}",
        "$top": "999" if successful else "1",
    }
    pages = graph.pages("/auditLogs/signIns", query, version=version)
    rows = [row for page in pages for row in page] if successful else next(filter(None, pages), [])
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
    """A readable name and the ids of the actor; an app has its own, even when it acts for a person."""
    user, app = initiated.get("user") or {}, initiated.get("app") or {}
    ids = {str(v) for v in (user.get("id"), app.get("appId"), app.get("servicePrincipalId")) if v}
    name = user.get("userPrincipalName") or app.get("displayName") or app.get("appId")
    return str(name or "somebody"), ids


class LastHours:
    """The logs, for the users that a policy is about to disable; the audit log is asked once, at first."""

    def __init__(self, graph: Graph, now: datetime, successful: bool) -> None:
        """Ask who was enabled lately; `successful`: failed sign-ins do not count."""
        self._graph, self._now, self._successful = graph, now, successful
        self._missing: str | None = None
        self._error: GraphError | None = None
        self._enabled: Mapping[str, Change] = {}
        try:
            self._enabled = get_switched_on(graph, now - ENABLED_LATELY)
        except GraphError as error:
            if is_unavailable(error):
                self._missing = str(error)
            else:
                self._error = error

    def look(self, identity: Identity, since: datetime) -> tuple[Identity, Recent]:
        """The identity with what the logs know since then; raises GraphError where one failed this time."""
        if self._error:
            raise self._error
        at, missing = get_sign_in(self._graph, identity.id, since, successful=self._successful)
        [credential] = identity.credentials
        item = Item(credential.kind, credential.id)
        if at:
            identity = with_use(identity, {item: Used(at, _SOURCE, observed_at=self._now, covers=False)})
        if change := self._enabled.get(identity.id):
            made_anew = max(d for d in (change.at, credential.rotated) if d)
            [credential] = identity.credentials
            identity = replace(identity, credentials=(replace(credential, rotated=made_anew),))
        reason = missing or self._missing
        return identity, Recent("unavailable", reason) if reason else Recent("checked")


def changed_since(graph: Graph, user: str, since: Mapping[Item, datetime]) -> dict[Item, str]:
    """Who enabled or disabled a user since we did, as a sentence; empty where the log may not be read.

    The first "Disable account" is our own, whichever app we were then.
    """
    if not since:
        return {}
    try:
        switches = get_switches(graph, user, min(since.values()) - _MARGIN)
    except GraphError as error:
        if is_unavailable(error):
            return {}
        raise
    ours = next((change for change in switches if change.activity == DISABLED), None)
    others = [change for change in switches if change is not ours and not change.by_us]
    if not others:
        return {}
    last = others[-1]
    did = "enabled" if last.activity == ENABLED else "disabled"
    return dict.fromkeys(since, f"{last.by} {did} it at {format_time(last.at)}, after we disabled it")
