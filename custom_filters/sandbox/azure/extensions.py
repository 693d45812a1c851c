"""Open extensions on users (Graph v1.0 "openTypeExtension"), which users can write on themselves too.

On directory objects PATCH replaces: a property that the body does not name is gone.
"""

from __future__ import annotations

from custom_filters.sandbox.azure.odata import Answer, Call, GraphError, Json, bad
from custom_filters.sandbox.azure.people import Person
from custom_filters.sandbox.azure.tenant import Route, Tenant

KIND = "microsoft.graph.openTypeExtension"
WRITE = [{"User.ReadWrite.All"}, {"Directory.ReadWrite.All"}]


def expanded(call: Call, person: Person) -> Json:
    """What $expand=extensions adds to a user."""
    context = call.context(f"users('{person.id}')/extensions")["@odata.context"]
    shown = [_shown(name, body) for name, body in person.extensions.items()]
    return {"extensions@odata.context": context, "extensions": shown}


def create_extension(tenant: Tenant, call: Call, user: str) -> Answer:
    """201; 409 when the name is taken."""
    person, body = tenant.person(user), call.json()
    name = str(body.get("extensionName", ""))
    if str(body.get("@odata.type", "")).lstrip("#").lower() != KIND.lower() or not name:
        raise bad(f"The property '@odata.type' must be '{KIND}', and 'extensionName' is required.")
    if name in person.extensions:
        raise GraphError(409, "Conflict", f"An extension with the name '{name}' already exists.")
    tenant.directory.extend(person, {**person.extensions, name: _custom(body)})
    context = call.context(f"users('{person.id}')/extensions/$entity")
    return Answer(201, {**context, **_shown(name, _custom(body))})


def change_extension(tenant: Tenant, call: Call, user: str, name: str) -> Answer:
    """204: PATCH replaces all of the app's properties, DELETE takes the extension away; 404 without one."""
    person = tenant.person(user)
    if name not in person.extensions:
        raise GraphError(404, "ResourceNotFound", "Extension with given id not found.")
    others = {key: held for key, held in person.extensions.items() if key != name}
    kept = {**others, name: _custom(call.json())} if call.method == "PATCH" else others
    tenant.directory.extend(person, kept)
    return Answer(204)


def _custom(body: Json) -> Json:
    return {key: body[key] for key in body if key not in {"extensionName", "id"} and "@odata." not in key}


def _shown(name: str, body: Json) -> Json:
    return {"@odata.type": f"#{KIND}", **body, "id": name, "extensionName": name}


ROUTES = [
    Route("POST", "/users/<user>/extensions", create_extension, WRITE),
    Route("PATCH", "/users/<user>/extensions/<name>", change_extension, WRITE),
    Route("DELETE", "/users/<user>/extensions/<name>", change_extension, WRITE),
]
