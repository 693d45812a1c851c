"""`c7n-unused setup -p azure`: makes the app registration whose directory extension holds our notes, once.

https://learn.microsoft.com/graph/api/application-post-extensionproperty: a property belongs to an app; if
that is deleted, what users hold in it cannot be found until app and service principal are restored.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from c7n.exceptions import PolicyExecutionError

from custom_filters.azure.client import Graph, Json, log_in
from custom_filters.azure.notes import APP_VARIABLE, properties_for
from custom_filters.core.vocabulary import TAG

NAME = "c7n-unused notes"
_DELAY = "Entra may take some minutes until users can be read and written with them"


def steps(tag: str = TAG) -> Iterator[str]:
    """Make what notes need, and say what was done; doing it twice changes nothing.

    Logs in as policies do; needs Application.ReadWrite.OwnedBy. The last line is the variable for the runs.
    Raises GraphError and PolicyExecutionError.
    """
    graph = log_in()
    app = _app(graph)
    if app is None:
        app = _post(graph, "/applications", {"displayName": NAME, "signInAudience": "AzureADMyOrg"})
        yield f"made the app registration {NAME!r}"
    client = app["appId"]
    if not list(graph.items("/servicePrincipals", {"$filter": f"appId eq '{client}'", "$select": "id"})):
        _post(graph, "/servicePrincipals", {"appId": client})
        yield "made its service principal"
    made = list(_properties(graph, app, tag))
    yield f"made the properties {', '.join(made)}; {_DELAY}" if made else "its properties are all there"
    yield f"{APP_VARIABLE}={client}"


def _app(graph: Graph) -> Json | None:
    """The app that the variable names, or the one of our name."""
    named = os.environ.get(APP_VARIABLE)
    by = f"appId eq '{named}'" if named else f"displayName eq '{NAME}'"
    found = list(graph.items("/applications", {"$filter": by, "$select": "id,appId"}))
    if named and not found:
        raise PolicyExecutionError(
            f"the tenant has no app registration {named}: correct or unset {APP_VARIABLE}"
        )
    if len(found) > 1:
        ids = ", ".join(app["appId"] for app in found)
        raise PolicyExecutionError(
            f"{len(found)} app registrations are called {NAME!r} ({ids}): set {APP_VARIABLE} to the right one"
        )
    return found[0] if found else None


def _properties(graph: Graph, app: Json, tag: str) -> Iterator[str]:
    """Make the properties that are missing; their names."""
    path = f"/applications/{app['id']}/extensionProperties"
    there = {found["name"].lower() for found in graph.items(path, {"$select": "name"})}
    wanted = properties_for(app["appId"], {TAG, tag})
    for note in wanted.names if wanted else ():
        if wanted and wanted.of(note).lower() not in there:
            name = note.replace("-", "_")
            _post(graph, path, {"name": name, "dataType": "String", "targetObjects": ["User"]})
            yield name


def _post(graph: Graph, path: str, body: Json) -> Any:
    return graph.request("POST", f"{graph.endpoint}/v1.0{path}", body=body)
