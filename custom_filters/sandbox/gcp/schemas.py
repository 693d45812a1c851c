"""Directory API: custom schemas and the values that users hold in them.

Source: Admin SDK reference, schemas, and "Manage custom user fields".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler
from custom_filters.sandbox.gcp.errors import ApiError, not_authorized, not_found

FIELD_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "BOOL": bool,
    "DATE": str,
    "DOUBLE": (int, float),
    "EMAIL": str,
    "INT64": (int, str),
    "PHONE": str,
    "STRING": str,
}
READ_ACCESS = ("ALL_DOMAIN_USERS", "ADMINS_AND_SELF")
MAX_SCHEMAS = 100
Values = Mapping[str, Mapping[str, Any]]


def known_schemas(call: Call) -> frozenset[str]:
    """The schemas that the users' methods know: a new one takes a while to arrive (fault schema_delay)."""
    delay = timedelta(seconds=call.faults.number("schema_delay"))
    times = call.state.schema_times
    return frozenset(name for name, made in times.items() if call.now >= made + delay)


def schemas_list(call: Call) -> dict[str, Any]:
    """schemas.list: all of them, in one answer."""
    _check(call, "SCHEMA_RETRIEVE")
    body: dict[str, Any] = {"kind": "admin#directory#schemas", "etag": '"schemas"'}
    return body | ({"schemas": list(call.state.schemas.values())} if call.state.schemas else {})


def schemas_get(call: Call) -> dict[str, Any]:
    """schemas.get by name or id."""
    _check(call, "SCHEMA_RETRIEVE")
    return dict(_found(call))


def schemas_insert(call: Call) -> dict[str, Any]:
    """schemas.insert: 409 when the name is taken."""
    _check(call, "SCHEMA_MANAGEMENT")
    name = call.body.get("schemaName") or ""
    if not re.fullmatch(r"[A-Za-z][\w-]*", name) or not call.body.get("fields"):
        raise ApiError(400, "Invalid Input: schema")
    if name in call.state.schemas:
        raise ApiError(409, "Entity already exists.")
    if len(call.state.schemas) >= MAX_SCHEMAS:
        raise ApiError(412, "Limit reached.", reason="limitExceeded", status="FAILED_PRECONDITION")
    schema = {
        "kind": "admin#directory#schema",
        "schemaId": uuid.uuid4().hex,
        "etag": f'"{name}"',
        "schemaName": name,
        "displayName": call.body.get("displayName") or name,
        "fields": [_field(raw) for raw in call.body["fields"]],
    }
    call.state.schemas[name] = schema
    call.state.schema_times[name] = call.now
    return schema


def schemas_patch(call: Call) -> dict[str, Any]:
    """schemas.patch and schemas.update: display name and fields; a field's type stays."""
    _check(call, "SCHEMA_MANAGEMENT")
    schema = dict(_found(call))
    if call.body.get("displayName"):
        schema["displayName"] = call.body["displayName"]
    if call.body.get("fields"):
        types = {field["fieldName"]: field["fieldType"] for field in schema["fields"]}
        fields = [_field(raw) for raw in call.body["fields"]]
        if any(types.get(f["fieldName"], f["fieldType"]) != f["fieldType"] for f in fields):
            raise ApiError(400, "Invalid Input: fieldType")
        schema["fields"] = fields
    call.state.schemas[schema["schemaName"]] = schema
    return schema


def merged(call: Call, before: Values, change: Mapping[str, Any] | None) -> Values:
    """A user's values after a change: what is not named stays; null removes a field or a whole schema."""
    if change is None:
        return {}
    after = {name: dict(values) for name, values in before.items()}
    for name, fields in change.items():
        if name not in known_schemas(call):
            raise ApiError(400, "Invalid Input: custom_schema")
        if fields is None:
            after.pop(name, None)
            continue
        held = after.setdefault(name, {})
        held.update(_checked(call.state.schemas[name], fields))
        after[name] = {field: value for field, value in held.items() if value is not None}
    return {name: values for name, values in after.items() if values}


def _checked(schema: Mapping[str, Any], fields: Any) -> Mapping[str, Any]:
    specs = {spec["fieldName"]: spec for spec in schema["fields"]}
    if not isinstance(fields, dict) or not set(fields) <= set(specs):
        raise ApiError(400, "Invalid Input: custom_schema")
    for name, value in fields.items():
        multiple = specs[name].get("multiValued", False)
        if multiple and not (value is None or isinstance(value, list)):
            raise ApiError(400, f"Invalid Input: {name}")
        for single in (item.get("value") for item in value or ()) if multiple else (value,):
            if single is not None and not isinstance(single, FIELD_TYPES[specs[name]["fieldType"]]):
                raise ApiError(400, f"Invalid Input: {name}")
    return fields


def _field(raw: Mapping[str, Any]) -> dict[str, Any]:
    access = raw.get("readAccessType", READ_ACCESS[0])
    if not raw.get("fieldName") or raw.get("fieldType") not in FIELD_TYPES or access not in READ_ACCESS:
        raise ApiError(400, "Invalid Input: fields")
    return {
        "kind": "admin#directory#schema#fieldspec",
        "fieldId": uuid.uuid5(uuid.NAMESPACE_OID, raw["fieldName"]).hex,
        "etag": f'"{raw["fieldName"]}"',
        "fieldName": raw["fieldName"],
        "fieldType": raw["fieldType"],
        "displayName": raw.get("displayName") or raw["fieldName"],
        "multiValued": bool(raw.get("multiValued")),
        "indexed": bool(raw.get("indexed", True)),
        "readAccessType": access,
    }


def _check(call: Call, privilege: str) -> None:
    if call.params["customerId"] not in ("my_customer", call.state.customer.id):
        raise not_authorized()
    call.require_privilege(privilege)


def _found(call: Call) -> Mapping[str, Any]:
    key = call.params["schemaKey"]
    for schema in call.state.schemas.values():
        if key in (schema["schemaName"], schema["schemaId"]):
            return schema
    raise not_found("schemaKey")


HANDLERS: Mapping[str, Handler] = {
    "admin.directory.schemas.list": schemas_list,
    "admin.directory.schemas.get": schemas_get,
    "admin.directory.schemas.insert": schemas_insert,
    "admin.directory.schemas.patch": schemas_patch,
    "admin.directory.schemas.update": schemas_patch,
}
