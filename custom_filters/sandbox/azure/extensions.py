"""Open extensions on users (Graph v1.0 "openTypeExtension"): two an app and object, 2 KB each.

On directory objects PATCH replaces: a property that the body does not name is gone. Users can write them on
themselves.
"""

from __future__ import annotations

import json

from custom_filters.sandbox.azure.odata import Answer, Call, GraphError, Json, bad
from custom_filters.sandbox.azure.people import Person
from custom_filters.sandbox.azure.tenant import Route, Tenant

MAX_EXTENSIONS = 2
MAX_BYTES = 2048
KIND = "microsoft.graph.openTypeExtension"
WRITE = [{"User.ReadWrite.All"}, {"Directory.ReadWrite.All"}]
_OWN = frozenset({"extensionName", "id"})


def expanded(call: Call, person: Person) -> Json:
    """What $expand=extensions adds to a user."""
    context = call.context(f"users('{person.id}')/extensions")["@odata.context"]
    shown = [_shown(name, body) for name, body in person.extensions.items()]
    return {"extensions@odata.context": context, "extensions": shown}


def create_extension(tenant: Tenant, call: Call, user: str) -> Answer:
    """201; 409 when the name is taken, 400 beyond the limits."""
    person, body = tenant.person(user), call.json()
    name = body.get("extensionName")
    if str(body.get("@odata.type", "")).lstrip("#").lower() != KIND.lower():
        raise bad(f"The property '@odata.type' must be '{KIND}'.")
    if not isinstance(name, str) or not name:
        raise bad("The property 'extensionName' is required.")
    if name in person.extensions:
        raise GraphError(409, "Conflict", f"An extension with the name '{name}' already exists.")
    if len(person.extensions) >= MAX_EXTENSIONS:
        text = f"An app can add at most {MAX_EXTENSIONS} open extensions to a resource instance."
        raise bad(text, "Request_BadRequest")
    custom = _custom(body)
    tenant.directory.extend(person, {**person.extensions, name: custom})
    context = call.context(f"users('{person.id}')/extensions/$entity")
    return Answer(201, {**context, **_shown(name, custom)})


def update_extension(tenant: Tenant, call: Call, user: str, name: str) -> Answer:
    """204; replaces all of the app's properties."""
    person = tenant.person(user)
    if name not in person.extensions:
        raise GraphError(404, "ResourceNotFound", "Extension with given id not found.")
    tenant.directory.extend(person, {**person.extensions, name: _custom(call.json())})
    return Answer(204)


def delete_extension(tenant: Tenant, call: Call, user: str, name: str) -> Answer:
    """204, and 404 when it is gone already."""
    person = tenant.person(user)
    if name not in person.extensions:
        raise GraphError(404, "ResourceNotFound", "Extension with given id not found.")
    kept = {key: held for key, held in person.extensions.items() if key != name}
    tenant.directory.extend(person, kept)
    return Answer(204)


def _custom(body: Json) -> Json:
    custom = {key: value for key, value in body.items() if key not in _OWN and "@odata." not in key}
    for key, value in custom.items():
        values = value if isinstance(value, list) else [value]
        if any(isinstance(item, (dict, list)) for item in values):
            raise bad(f"The property '{key}' must be a primitive type or an array of primitive types.")
    if len(json.dumps(custom, ensure_ascii=False).encode()) > MAX_BYTES:
        raise bad(f"The open extension exceeds {MAX_BYTES} bytes.", "Request_BadRequest")
    return custom


def _shown(name: str, body: Json) -> Json:
    return {"@odata.type": f"#{KIND}", **body, "id": name, "extensionName": name}


ROUTES = [
    Route("POST", "/users/<user>/extensions", create_extension, WRITE),
    Route("PATCH", "/users/<user>/extensions/<name>", update_extension, WRITE),
    Route("DELETE", "/users/<user>/extensions/<name>", delete_extension, WRITE),
]
