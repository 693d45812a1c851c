"""Looks at an Entra tenant before a run: log-in, permissions, licence, data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from c7n.exceptions import PolicyExecutionError

from custom_filters.azure.client import Graph, graph_of, logged_in
from custom_filters.azure.errors import DENIED, NO_PIM, UNLICENSED, GraphError
from custom_filters.azure.permissions import ENFORCE, needed
from custom_filters.core.doctor_check import Check

_LOG_IN = "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or log in with `az login`"
_GRANT = "grant it to the app registration and give admin consent"


def checks() -> Iterator[Check]:
    """Each thing that a run needs of Entra; what depends on a log-in that failed is left out."""
    try:
        graph = _graph()
        claims = graph.token.claims()
    except PolicyExecutionError as error:
        yield Check("log-in", ok=False, detail=str(error), remedy=_LOG_IN)
        return
    yield Check("log-in", ok=True, detail=f"tenant {claims.get('tid')}, as {claims.get('appid')}")
    yield from _permissions(claims)
    yield _activity(graph)
    yield _roles(graph)


def _graph() -> Graph:
    from c7n_azure.session import Session

    session = Session()
    logged_in(session.get_tenant_id)
    return graph_of(session)


def _permissions(claims: dict[str, Any]) -> Iterator[Check]:
    """The token lists what was granted: `roles` for an app, `scp` for a person."""
    granted = {*claims.get("roles", ()), *str(claims.get("scp", "")).split()}
    for permission in needed(enforce=False):
        yield Check(permission.name, permission.name in granted, permission.purpose, _GRANT)
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
        remedies = {
            UNLICENSED: "sign-in activity needs Microsoft Entra ID P1 or P2; there is no other way to it",
            DENIED: "grant AuditLog.Read.All and User.Read.All with admin consent",
        }
        remedy = remedies.get(error.code, "see the message")
        return Check("sign-in activity", ok=False, detail=str(error), remedy=remedy)
    return Check("sign-in activity", ok=True, detail="can be read")


def _roles(graph: Graph) -> Check:
    path = "/roleManagement/directory/roleEligibilitySchedules"
    try:
        graph.get(path, {"$select": "principalId", "$top": "1"})
    except GraphError as error:
        if error.code == NO_PIM:
            return Check("eligible roles", ok=True, detail="the tenant has no licence for them (Entra ID P2)")
        return Check(
            "eligible roles", ok=False, detail=str(error), remedy=f"RoleManagement.Read.Directory: {_GRANT}"
        )
    return Check("eligible roles", ok=True, detail="can be read")
