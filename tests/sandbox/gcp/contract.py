"""Bodies, as sent and as answered, against Google's discovery documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from custom_filters.sandbox.gcp.documents import Method

FORMATS = {
    "int64": r"^-?\d+$",
    "uint64": r"^\d+$",
    "date-time": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
    "google-datetime": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$",
    "google-duration": r"^-?\d+(\.\d+)?s$",
    "date": r"^\d{4}-\d\d-\d\d$",
    "byte": r"^[A-Za-z0-9+/_-]*={0,2}$",
}


def errors(method: Method, body: Any, *, sent: bool) -> list[str]:
    """What in a body the document does not allow; in one that is sent null clears a field."""
    name = method.request if sent else method.response
    if not name:
        return [] if not body else [f"{method.id} has no such body, got {body!r}"]
    schemas = {key: _json_schema(raw, sent=sent) for key, raw in method.schemas.items()}
    validator = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schemas})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


def _json_schema(raw: Mapping[str, Any], *, sent: bool) -> dict[str, Any]:
    """A discovery schema (JSON Schema draft 3 with Google's formats) as draft 2020-12, closed."""
    if "$ref" in raw:
        return {"$ref": f"#/$defs/{raw['$ref']}"}  # every schema takes null itself, if sent
    kind = raw.get("type", "any")
    if kind == "any":
        return {}
    schema: dict[str, Any] = {"type": [kind, "null"] if sent else kind}
    if kind == "object":
        schema["properties"] = {k: _json_schema(v, sent=sent) for k, v in raw.get("properties", {}).items()}
        more = raw.get("additionalProperties")
        schema["additionalProperties"] = _json_schema(more, sent=sent) if more is not None else False
    elif kind == "array":
        schema["items"] = _json_schema(raw["items"], sent=sent)
    elif kind == "string":
        if "enum" in raw:
            schema["enum"] = [*raw["enum"], *([None] if sent else [])]
        if raw.get("format") in FORMATS:
            schema["pattern"] = FORMATS[raw["format"]]
    return schema
