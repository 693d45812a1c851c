"""Our notes on a user: fields of a custom schema, one for each name that elsewhere is a tag.

https://developers.google.com/workspace/admin/directory/v1/guides/manage-schemas: a field that an update
does not name stays as it is and null removes it, so that two runners never overwrite each other's notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custom_filters.core.notes import EXEMPT, RECORD
from custom_filters.core.notes_writing import Place
from custom_filters.core.vocabulary import STOCK_TAG
from custom_filters.core.vocabulary import TAG as DEFAULT_TAG
from custom_filters.gcp.client import Api, Client, Json, found_or_none

SCHEMAS_READ = Api("admin", "directory_v1", "schemas", "admin.directory.userschema.readonly")
SCHEMAS_WRITE = Api("admin", "directory_v1", "schemas", "admin.directory.userschema")
SCHEMA = "c7n_unused"
#: A field takes 500 characters.
PLACE = Place(500)
#: A note's name as policies write it. Letters, digits and hyphens, so that it is a field's name too.
TAG_PATTERN = f"^({DEFAULT_TAG}[a-z0-9-]*|{STOCK_TAG})$"
TAG: dict[str, Any] = {"type": "string", "pattern": TAG_PATTERN, "maxLength": 60}


def field_of(tag: str) -> str:
    """The schema's field for a note."""
    return tag.replace("-", "_")


def field_names(tag: str = DEFAULT_TAG) -> tuple[str, ...]:
    """The fields that policies with this `tag` need."""
    return tuple(map(field_of, (tag, RECORD, EXEMPT)))


def notes_of(user: Mapping[str, Any]) -> dict[str, str]:
    """Our notes on a user that was read with the schema, by the names that policies use."""
    values = (user.get("customSchemas") or {}).get(SCHEMA) or {}
    return {_tag_of(name): str(value) for name, value in values.items()}


def _tag_of(name: str) -> str:
    return name if name == STOCK_TAG else name.replace("_", "-")


def body_of(changes: Mapping[str, str | None]) -> Json:
    """What a users.patch takes to set notes, and to remove those that are None or empty."""
    return {"customSchemas": {SCHEMA: {field_of(name): value or None for name, value in changes.items()}}}


def get_schema(schemas: Client, customer: str) -> Json | None:
    """Our schema, or None."""
    return found_or_none(lambda: schemas.call("get", customerId=customer, schemaKey=SCHEMA))


def missing_fields(schema: Mapping[str, Any] | None, tag: str = DEFAULT_TAG) -> list[str]:
    """Which of the fields for `tag` the schema lacks."""
    there = {field["fieldName"] for field in (schema or {}).get("fields", ())}
    return [name for name in field_names(tag) if name not in there]
