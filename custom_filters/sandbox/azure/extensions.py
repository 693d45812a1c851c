"""Open extensions on users (Graph v1.0 "openTypeExtension"): two an app and object, 2 KB each.

On directory objects PATCH replaces: a property that the body does not name is gone.
"""

from __future__ import annotations

import json

from custom_filters.sandbox.azure.odata import Answer, Call, GraphError, Json
from custom_filters.sandbox.azure.people import Person
from custom_filters.sandbox.azure.tenant import USER_READ, Route, Tenant

MAX_EXTENSIONS = 2
MAX_BYTES = 2048
KIND = "microsoft.graph.openTypeExtension"
WRITE = [{"User.ReadWrite.All"}, {"Directory.ReadWrite.All"}]
_OWN = frozenset({"extensionName", "id"})


def expanded(tenant: Tenant, call: Call, person: Person) -> Json:
    """What $expand=extensions adds to a user."""
    context = f"{call.origin}/v1.0/$metadata#users('{person.id}')/extensions"
    shown = [_shown(name, body) for name, body in tenant.directory.extensions.get(person.id, {}).items()]
    return {"extensions@odata.context": context, "extensions": shown}


def list_extensions(tenant: Tenant, call: Call, user: str) -> Answer:
    """Every extension of the user."""
    person = tenant.person(user)
    context = f"{call.origin}/v1.0/$metadata#users('{person.id}')/extensions"
    shown = [_shown(name, body) for name, body in tenant.directory.extensions.get(person.id, {}).items()]
    return Answer(200, {"@odata.context": context, "value": shown})


def create_extension(tenant: Tenant, call: Call, user: str) -> Answer:
    """201; 409 when the name is taken, 400 beyond the limits."""
    person, body = tenant.person(user), call.json()
    name = body.get("extensionName")
    if str(body.get("@odata.type", "")).lstrip("#").lower() != KIND.lower():
        raise GraphError(400, "BadRequest", f"The property '@odata.type' must be '{KIND}'.")
    if not isinstance(name, str) or not name:
        raise GraphError(400, "BadRequest", "The property 'extensionName' is required.")
    theirs = tenant.directory.extensions.setdefault(person.id, {})
    if name in theirs:
        raise GraphError(409, "Conflict", f"An extension with the name '{name}' already exists.")
    if len(theirs) >= MAX_EXTENSIONS:
        text = f"An app can add at most {MAX_EXTENSIONS} open extensions to a resource instance."
        raise GraphError(400, "Request_BadRequest", text)
    theirs[name] = _custom(body)
    context = f"{call.origin}/v1.0/$metadata#users('{person.id}')/extensions/$entity"
    return Answer(201, {"@odata.context": context, **_shown(name, theirs[name])})


def get_extension(tenant: Tenant, call: Call, user: str, name: str) -> Answer:
    """One extension, by its name."""
    person = tenant.person(user)
    name, body = _named(tenant, person, name)
    context = f"{call.origin}/v1.0/$metadata#users('{person.id}')/extensions/$entity"
    return Answer(200, {"@odata.context": context, **_shown(name, body)})


def update_extension(tenant: Tenant, call: Call, user: str, name: str) -> Answer:
    """204; replaces all of the app's properties."""
    person = tenant.person(user)
    name, _ = _named(tenant, person, name)
    tenant.directory.extensions[person.id][name] = _custom(call.json())
    return Answer(204)


def delete_extension(tenant: Tenant, call: Call, user: str, name: str) -> Answer:
    """204, and 404 when it is gone already."""
    person = tenant.person(user)
    name, _ = _named(tenant, person, name)
    del tenant.directory.extensions[person.id][name]
    return Answer(204)


def _named(tenant: Tenant, person: Person, name: str) -> tuple[str, Json]:
    """By name, or by the fully qualified name that the documentation also allows."""
    theirs = tenant.directory.extensions.get(person.id, {})
    short = name.removeprefix(f"{KIND}.")
    for candidate in (name, short):
        if candidate in theirs:
            return candidate, theirs[candidate]
    raise GraphError(404, "ResourceNotFound", "Extension with given id not found.")


def _custom(body: Json) -> Json:
    custom = {key: value for key, value in body.items() if key not in _OWN and "@odata." not in key}
    for key, value in custom.items():
        values = value if isinstance(value, list) else [value]
        if any(isinstance(item, (dict, list)) for item in values):
            text = f"The property '{key}' must be a primitive type or an array of primitive types."
            raise GraphError(400, "BadRequest", text)
    if len(json.dumps(custom, ensure_ascii=False).encode()) > MAX_BYTES:
        raise GraphError(400, "Request_BadRequest", f"The open extension exceeds {MAX_BYTES} bytes.")
    return custom


def _shown(name: str, body: Json) -> Json:
    return {"@odata.type": f"#{KIND}", **body, "id": name, "extensionName": name}


ROUTES = [
    Route("GET", "/users/<user>/extensions", list_extensions, USER_READ),
    Route("POST", "/users/<user>/extensions", create_extension, WRITE),
    Route("GET", "/users/<user>/extensions/<name>", get_extension, USER_READ),
    Route("PATCH", "/users/<user>/extensions/<name>", update_extension, WRITE),
    Route("DELETE", "/users/<user>/extensions/<name>", delete_extension, WRITE),
]
