"""Looks at an Entra tenant before a run: log-in, permissions, licence, data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from c7n.exceptions import PolicyExecutionError

from custom_filters.azure.client import Graph, authority
from custom_filters.azure.client import log_in as connect
from custom_filters.azure.errors import NO_PIM, UNLICENSED, GraphError
from custom_filters.azure.notes import APP_VARIABLE, SET_UP, properties_for, there
from custom_filters.azure.permissions import ENFORCE, ROLES, needed
from custom_filters.core.doctor_check import Check
from custom_filters.core.vocabulary import TAG
from custom_filters.custodian.reach import unreachable

_LOG_IN = "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or log in with `az login`"
_GRANT = "grant it to the app registration and give admin consent"


def log_in() -> Check:
    """The token's caller; answers within seconds without a network or with wrong credentials."""
    try:
        if os.environ.get("AZURE_CLIENT_ID") and (lost := unreachable(authority())):
            return lost
        claims = connect().token.claims()
    except PolicyExecutionError as error:
        return Check("log-in", ok=False, detail=str(error), remedy=_LOG_IN)
    return Check("log-in", ok=True, detail=f"tenant {claims.get('tid')}, as {claims.get('appid')}")


def checks() -> Iterator[Check]:
    """Each thing that a run needs of Entra; what depends on a log-in that failed is left out."""
    login = log_in()
    yield login
    if not login.ok:
        return
    graph = connect()
    yield from _permissions(graph.token.claims())
    yield _activity(graph)
    yield _roles(graph)
    yield _notes(graph)


def _permissions(claims: dict[str, Any]) -> Iterator[Check]:
    """The token lists what was granted: `roles` for an app, `scp` for a person."""
    granted = {*claims.get("roles", ()), *str(claims.get("scp", "")).split()}
    for permission in needed(enforce=False):
        held = permission.name in granted
        missing = f"not granted (optional): {permission.purpose}"
        detail = permission.purpose if held or not permission.optional else missing
        yield Check(permission.name, held or permission.optional, detail, _GRANT)
    yield from _enforcing(granted)


def _enforcing(granted: set[str]) -> Iterator[Check]:
    """None of them is fine, that is an app for reports; some of them would fail half-way."""
    names = [permission.name for permission in ENFORCE]
    if granted.isdisjoint(names):
        yield Check("to enforce", ok=True, detail=f"not granted, for reports only: {', '.join(names)}")
        return
    for permission in ENFORCE:
        detail = f"{permission.purpose} (only to mark and disable)"
        yield Check(permission.name, permission.name in granted, detail, _GRANT)


def _activity(graph: Graph) -> Check:
    """One user with activity shows permission and licence."""
    try:
        graph.get("/users", {"$select": "id,signInActivity", "$top": "1"})
    except GraphError as error:
        only = "sign-in activity needs Microsoft Entra ID P1 or P2; there is no other way to read it"
        remedy = only if error.code == UNLICENSED else error.remedy or "see the message"
        return Check("sign-in activity", ok=False, detail=str(error), remedy=remedy)
    return Check("sign-in activity", ok=True, detail="can be read")


def _roles(graph: Graph) -> Check:
    path = "/roleManagement/directory/roleEligibilitySchedules"
    try:
        graph.get(path, {"$select": "principalId", "$top": "1"})
    except GraphError as error:
        if error.code == NO_PIM:
            return Check("eligible roles", ok=True, detail="the tenant has no licence for them (Entra ID P2)")
        return Check("eligible roles", ok=False, detail=str(error), remedy=f"{ROLES}: {_GRANT}")
    return Check("eligible roles", ok=True, detail="can be read")


def _notes(graph: Graph) -> Check:
    """An app for reports needs no place for notes; one that was named must be there."""
    app = os.environ.get(APP_VARIABLE)
    if not app:
        return Check("notes", ok=True, detail=f"{APP_VARIABLE} is not set, for reports only; else: {SET_UP}")
    try:
        found = there(graph, properties_for(app, [TAG]))
    except GraphError as error:
        return Check("notes", ok=False, detail=str(error), remedy=error.remedy or "see the message")
    detail = f"in the directory extension of app {app}"
    return Check("notes", found is not None, detail, f"the tenant does not know it; {SET_UP}")
