"""Directory API: custom schemas and the values that users hold in them.

Source: Admin SDK reference, schemas, and "Manage custom user fields". Users can't write these fields.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler
from custom_filters.sandbox.gcp.errors import ApiError, not_found

LONGEST = 500
Values = Mapping[str, Mapping[str, Any]]


def known_schemas(call: Call) -> frozenset[str]:
    """The schemas that the users' methods know: a new one takes a while to arrive (fault schema_delay)."""
    delay = timedelta(seconds=call.faults.number("schema_delay"))
    return frozenset(name for name, made in call.state.schema_times.items() if call.now >= made + delay)


def schemas_get(call: Call) -> dict[str, Any]:
    _check(call, "SCHEMA_RETRIEVE")
    return dict(_found(call))


def schemas_insert(call: Call) -> dict[str, Any]:
    _check(call, "SCHEMA_MANAGEMENT")
    name = call.body.get("schemaName") or ""
    if name in call.state.schemas:
        raise ApiError(409, "Entity already exists.")
    schema = {"schemaId": uuid.uuid4().hex, "schemaName": name, "fields": _fields(call)}
    call.state.schemas[name] = schema
    call.state.schema_times[name] = call.now
    return schema


def schemas_patch(call: Call) -> dict[str, Any]:
    _check(call, "SCHEMA_MANAGEMENT")
    schema = {**_found(call), "fields": _fields(call)}
    call.state.schemas[schema["schemaName"]] = schema
    return schema


def merged(call: Call, before: Values, change: Mapping[str, Any] | None) -> Values:
    """A user's values after a change: what is not named stays; null removes a field or a whole schema."""
    after = {name: dict(values) for name, values in before.items()} if change is not None else {}
    for name, fields in (change or {}).items():
        known = {field["fieldName"] for field in call.state.schemas.get(name, {}).get("fields", ())}
        texts = [value for value in (fields or {}).values() if value is not None]
        fits = all(isinstance(text, str) and len(text) <= LONGEST for text in texts)
        if name not in known_schemas(call) or not known.issuperset(fields or ()) or not fits:
            raise ApiError(400, "Invalid Input: custom_schema")
        held = {**after.get(name, {}), **fields} if fields is not None else {}
        after[name] = {field: value for field, value in held.items() if value is not None}
    return {name: values for name, values in after.items() if values}


def _fields(call: Call) -> list[dict[str, Any]]:
    """What was given, as far as it is emulated: single texts."""
    fields = [dict(field) for field in call.body.get("fields") or ()]
    for field in fields:
        if field.get("fieldType") != "STRING" or field.get("multiValued"):
            raise ApiError(501, "The sandbox emulates custom fields that are one STRING only")
    return fields


def _check(call: Call, privilege: str) -> None:
    call.check_customer(call.params["customerId"])
    call.require_privilege(privilege)


def _found(call: Call) -> Mapping[str, Any]:
    for schema in call.state.schemas.values():
        if call.params["schemaKey"] in (schema["schemaName"], schema["schemaId"]):
            return schema
    raise not_found("schemaKey")


HANDLERS: Mapping[str, Handler] = {
    "admin.directory.schemas.get": schemas_get,
    "admin.directory.schemas.insert": schemas_insert,
    "admin.directory.schemas.patch": schemas_patch,
}
