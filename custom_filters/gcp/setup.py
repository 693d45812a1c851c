"""`c7n-unused setup -p gcp`: makes the custom schema that holds our notes on users, once for a customer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from custom_filters.core.vocabulary import TAG
from custom_filters.gcp.client import Client, Json, login_of
from custom_filters.gcp.schema import SCHEMA, SCHEMAS_WRITE, get_schema, missing_fields

_DELAY = "Google may take some minutes, up to a day, until users can be read and written with it"


def steps(tag: str = TAG) -> Iterator[str]:
    """Make the schema, or add what it lacks for `tag`, and say what was done; doing it twice changes nothing.

    Logs in as policies do: by GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_WORKSPACE_SUBJECT and _CUSTOMER. Raises
    GoogleError.
    """
    from c7n_gcp.client import Session

    session = Session()
    yield ensure_schema(Client(session, SCHEMAS_WRITE), login_of(session).customer, tag)


def ensure_schema(schemas: Client, customer: str, tag: str = TAG) -> str:
    """Have our schema with every field that policies with `tag` need; says in a sentence what was done."""
    present = get_schema(schemas, customer)
    missing = missing_fields(present, tag)
    if present is None:
        body = {"schemaName": SCHEMA, "displayName": "c7n-unused", "fields": [_field(n) for n in missing]}
        schemas.call("insert", customerId=customer, body=body)
        return f"made the custom schema {SCHEMA} with {', '.join(missing)}; {_DELAY}"
    if missing:
        fields = [*present["fields"], *(_field(name) for name in missing)]
        schemas.call("patch", customerId=customer, schemaKey=SCHEMA, body={"fields": fields})
        return f"added {', '.join(missing)} to the custom schema {SCHEMA}; {_DELAY}"
    return f"the custom schema {SCHEMA} is there with all its fields; nothing was changed"


def _field(name: str) -> Json:
    """Administrators and the user may read it; only administrators write custom fields."""
    field: dict[str, Any] = {
        "fieldName": name,
        "fieldType": "STRING",
        "multiValued": False,
        "indexed": False,
        "readAccessType": "ADMINS_AND_SELF",
    }
    return field
