"""The discovery documents inside google-api-python-client: they route every request and check what is in it.

A request that the documents do not describe (path, parameter, type, field of the body) is refused as Google's
front end refuses it. The same documents check the answers in the tests (`Documents.response_errors`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]

from custom_filters.sandbox.gcp.errors import ApiError, invalid_payload

SERVED = (
    *("admin.directory_v1", "admin.reports_v1", "apikeys.v2", "cloudidentity.v1", "cloudresourcemanager.v1"),
    *("iam.v1", "iamcredentials.v1", "monitoring.v3", "policyanalyzer.v1", "storage.v1"),
)
FORMATS = {
    "int64": r"^-?\d+$",
    "uint64": r"^\d+$",
    "date-time": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
    "google-datetime": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$",
    "google-duration": r"^-?\d+(\.\d+)?s$",
    "date": r"^\d{4}-\d\d-\d\d$",
    "byte": r"^[A-Za-z0-9+/_-]*={0,2}$",
}


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


READERS: Mapping[str, Callable[[str], Any]] = {"integer": int, "number": float, "boolean": _boolean}


@dataclass(frozen=True)
class Method:
    """One API method. `id` is canonical: the Admin SDK's own ids lack the leading `admin.`."""

    id: str
    http: str
    version: str
    service: str
    title: str
    path: re.Pattern[str]
    parameters: Mapping[str, Mapping[str, Any]]
    scopes: frozenset[str]
    request: str = ""
    response: str = ""
    document: Document | None = field(default=None, repr=False, compare=False)

    def path_params(self, path: str) -> dict[str, str] | None:
        """The path's parameters, or None if this is not the method's path."""
        match = self.path.fullmatch(path)
        return {_unname(k): v for k, v in match.groupdict().items()} if match else None


@dataclass(frozen=True)
class Document:
    """One API's discovery document."""

    raw: Mapping[str, Any]

    @property
    def host(self) -> str:
        """The host that serves it."""
        return str(self.raw["rootUrl"]).removeprefix("https://").strip("/")

    def methods(self) -> Iterator[Method]:
        """Every method in it."""
        shared = self.raw["parameters"]
        for raw in _walk(self.raw):
            name = raw["id"]
            prefix = f"{self.raw['name']}."
            yield Method(
                id=name if name.startswith(prefix) else prefix + name,
                http=raw["httpMethod"],
                version=self.raw["version"],
                service=self.host,
                title=self.raw["title"],
                path=_pattern(self.raw["servicePath"] + raw["path"], raw.get("parameters", {})),
                parameters={**shared, **raw.get("parameters", {})},
                scopes=frozenset(raw.get("scopes", ())),
                request=raw.get("request", {}).get("$ref", ""),
                response=raw.get("response", {}).get("$ref", ""),
                document=self,
            )

    @cached_property
    def requests(self) -> Mapping[str, Any]:
        """The schemas as JSON Schema, as bodies sent: null clears a field, an int64 may be a number."""
        return {name: _json_schema(raw, sent=True) for name, raw in self.raw["schemas"].items()}

    @cached_property
    def responses(self) -> Mapping[str, Any]:
        """The schemas as JSON Schema, as answers."""
        return {name: _json_schema(raw, sent=False) for name, raw in self.raw["schemas"].items()}


@cache
def documents() -> Documents:
    """The documents that are served, read once."""
    return Documents()


class Documents:
    """All the documents that are served."""

    def __init__(self, names: Sequence[str] = SERVED) -> None:
        folder = files("googleapiclient") / "discovery_cache" / "documents"
        documents = [Document(json.loads((folder / f"{name}.json").read_text("utf-8"))) for name in names]
        self._methods: dict[tuple[str, str], list[Method]] = {}
        for document in documents:
            for method in document.methods():
                self._methods.setdefault((document.host, method.http), []).append(method)
        for methods in self._methods.values():  # `{+name}:disable` before `{+name}`
            methods.sort(key=lambda method: -len(re.sub(r"\(.*?\)", "", method.path.pattern)))

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that the documents name."""
        return frozenset(host for host, _ in self._methods)

    @cached_property
    def ids(self) -> frozenset[str]:
        """Every method id."""
        return frozenset(method.id for methods in self._methods.values() for method in methods)

    def route(self, host: str, http: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method behind a request and its path parameters, or None."""
        for method in self._methods.get((host, http), ()):
            params = method.path_params(path.lstrip("/"))
            if params is not None:
                return method, params
        return None

    @staticmethod
    def response_errors(method: Method, body: Any) -> list[str]:
        """What in an answer's body the document does not allow."""
        if not method.response:
            return [] if body is None else [f"{method.id} has no response, got {body!r}"]
        assert method.document is not None  # noqa: S101  # every routed method has one
        return [
            f"{error.json_path}: {error.message}"
            for error in _validator(method.document.responses, method.response).iter_errors(body)
        ]


def read_params(
    method: Method, path: Mapping[str, str], query: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The request's parameters, typed. Raises ApiError 400 for what the document does not allow."""
    values: dict[str, Any] = dict(path)
    for name, texts in query.items():
        spec = method.parameters.get(name)
        if spec is None or spec["location"] != "query":
            raise invalid_payload(
                f'Unknown name "{name}": Cannot bind query parameter. '
                f"Field '{name}' could not be found in request message."
            )
        typed = [_typed(name, text, spec) for text in texts]
        values[name] = typed if spec.get("repeated") else typed[-1]
    for name, spec in method.parameters.items():
        if spec.get("required") and name not in values:
            raise ApiError(400, f"Required parameter: {name}", reason="required")
    return values


def check_body(method: Method, body: Any) -> None:
    """Raises ApiError 400 unless the document describes this body."""
    if not method.request:
        if body:
            raise invalid_payload("Unexpected body: the method takes none.")
        return
    assert method.document is not None  # noqa: S101  # every routed method has one
    for error in _validator(method.document.requests, method.request).iter_errors(body):
        raise invalid_payload(_complaint(error))


def _complaint(error: ValidationError) -> str:
    where = error.json_path.removeprefix("$").lstrip(".")
    at = f" at '{where}'" if where else ""
    if error.validator == "additionalProperties":
        unknown = sorted(set(error.instance) - set(error.schema.get("properties", {})))
        return f'Unknown name "{unknown[0]}"{at}: Cannot find field.'
    return f"Invalid value{at}: {error.message}"


def _typed(name: str, text: str, spec: Mapping[str, Any]) -> Any:
    kind = spec["type"]
    try:
        value: Any = READERS.get(kind, str)(text)
    except ValueError:
        raise invalid_payload(f"Invalid value at '{name}' ({kind}), \"{text}\"") from None
    if "enum" in spec and text not in spec["enum"]:
        allowed = ", ".join(spec["enum"])
        message = f"Invalid string value: '{text}'. Allowed values: [{allowed}]"
        raise ApiError(400, message, reason="invalidParameter")
    low, high = int(spec.get("minimum", -(2**63))), int(spec.get("maximum", 2**63))
    if kind == "integer" and not low <= value <= high:
        message = f"Invalid value '{value}'. Values must be within the range: [{low}, {high}]"
        raise ApiError(400, message, reason="invalidParameter")
    if spec.get("pattern") and not re.fullmatch(spec["pattern"], text):
        message = (
            f"Invalid value '{text}'. Value must match the following regular expression: '{spec['pattern']}'"
        )
        raise ApiError(400, message, reason="invalidParameter")
    return value


def _walk(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from node.get("methods", {}).values()
    for child in node.get("resources", {}).values():
        yield from _walk(child)


def _pattern(template: str, parameters: Mapping[str, Mapping[str, Any]]) -> re.Pattern[str]:
    """`v1/{+name}:disable` and the parameter's own pattern as one expression with a group per parameter."""

    def group(match: re.Match[str]) -> str:
        reserved, name = match.groups()
        own = str(parameters[name].get("pattern", "")).removeprefix("^").removesuffix("$")
        inner = own if reserved and own else "[^/]+"
        return f"(?P<{_name(name)}>{inner})"

    parts = re.split(r"(\{\+?[^}]+\})", template)
    return re.compile("".join(_group_or_text(part, group) for part in parts))


def _group_or_text(part: str, group: Any) -> str:
    return re.sub(r"\{(\+?)([^}]+)\}", group, part) if part.startswith("{") else re.escape(part)


def _name(parameter: str) -> str:
    return parameter.replace(".", "__dot__")


def _unname(group: str) -> str:
    return group.replace("__dot__", ".")


def _validator(schemas: Mapping[str, Any], name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schemas})


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
        _string(raw, schema, sent=sent)
    return schema


def _string(raw: Mapping[str, Any], schema: dict[str, Any], *, sent: bool) -> None:
    if "enum" in raw:
        schema["enum"] = [*raw["enum"], *([None] if sent else [])]
    if raw.get("format") in FORMATS:
        schema["pattern"] = FORMATS[raw["format"]]
    if sent and raw.get("format") in ("int64", "uint64"):
        schema["type"] = ["string", "integer", "null"]
