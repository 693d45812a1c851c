"""Changing users: notes and accountEnabled in one PATCH, then the end of their sessions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from custom_filters.azure.batch import LARGEST, Step, batch, chunks
from custom_filters.azure.client import Graph
from custom_filters.azure.errors import GraphError, explained
from custom_filters.azure.notes import Properties
from custom_filters.azure.users import SESSIONS
from custom_filters.core.notes import MINUTE, read_notes
from custom_filters.core.times import read_optional
from custom_filters.custodian.selected import NotesChange, Written

log = logging.getLogger("custodian.unused")

_STEPS = 2


def write(graph: Graph, properties: Properties | None, changes: Sequence[NotesChange]) -> list[Written]:
    """What came of each change; what fails for one user does not stop the others."""
    return [
        written for some in chunks(changes, LARGEST // _STEPS) for written in _write(graph, properties, some)
    ]


def _write(graph: Graph, properties: Properties | None, changes: Sequence[NotesChange]) -> list[Written]:
    steps: list[Step] = []
    places: list[tuple[int, int] | None] = []
    for change in changes:
        own = _steps(properties, change, len(steps))
        places.append((len(steps), len(own)) if own else None)
        steps += own
    try:
        results = batch(graph, steps) if steps else []
    except GraphError as error:
        results = [error] * len(steps)
    return [
        _written(change, results[place[0] : sum(place)]) if place else Written()
        for change, place in zip(changes, places, strict=True)
    ]


def _steps(properties: Properties | None, change: NotesChange, first: int) -> list[Step]:
    """PATCH the user, and if that succeeds and switched the user off, end the sessions."""
    user = f"/users/{change.of.identity.id}"
    body: dict[str, str | bool | None] = dict(properties.body(change.texts)) if properties else {}
    if change.switch:
        body["accountEnabled"] = change.switch == "on"
    steps = [Step("PATCH", user, body)] if body else []
    if change.switch == "off":
        steps.append(Step("POST", f"{user}/revokeSignInSessions", {}, after=first))
    return steps


def _written(change: NotesChange, results: Sequence[object]) -> Written:
    patched = results[0]
    if isinstance(patched, GraphError):
        return Written(explained(patched))
    if change.switch != "off":
        return Written()
    name = change.of.identity.name
    undo = dict.fromkeys(change.items, f"c7n-unused restore: set accountEnabled of {name} to true")
    revoked = results[1]
    if isinstance(revoked, GraphError):
        return Written(undo=undo, sessions="failed", told=str(revoked))
    return Written(undo=undo, sessions="ended")


def end_sessions(graph: Graph, user: str) -> None:
    """Revoke a user's refresh tokens. Raises GraphError."""
    graph.request("POST", f"{graph.endpoint}/v1.0/users/{user}/revokeSignInSessions", body={})


def end_old_sessions(
    graph: Graph, users: Iterable[Mapping[str, Any]], properties: Properties | None, now: datetime
) -> list[str]:
    """End the sessions of users whom we disabled, where that failed then; a sentence for each failure."""
    failed = []
    for user in users:
        if not has_old_sessions(user, properties, now):
            continue
        try:
            end_sessions(graph, user["id"])
        except GraphError as error:
            failed.append(f"the sessions of {user['userPrincipalName']} are still not ended: {error}")
        else:
            log.warning("the sessions of %s are ended now", user["userPrincipalName"])
    return failed


def has_old_sessions(user: Mapping[str, Any], properties: Properties | None, now: datetime) -> bool:
    """Whether sessions from before we disabled somebody may still run; our times are rounded up."""
    valid_from, _ = read_optional(user, SESSIONS)
    if valid_from is None or properties is None:
        return False
    off = read_notes(properties.texts(user, now), user["id"], now).off()
    return any(e.disabled_at and valid_from < e.disabled_at - MINUTE for e in off)
