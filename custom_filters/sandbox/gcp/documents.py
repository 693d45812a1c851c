"""The discovery documents inside google-api-python-client: they route every request and name its parameters.

A request that they do not describe (path, parameter, type) is refused as Google's front end refuses it. The
bodies on both ways are checked against the same documents by the tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from custom_filters.sandbox.gcp.errors import ApiError, invalid_payload

SERVED = (
    *("admin.directory_v1", "admin.reports_v1", "apikeys.v2", "cloudidentity.v1", "cloudresourcemanager.v1"),
    *("iam.v1", "iamcredentials.v1", "monitoring.v3", "policyanalyzer.v1", "storage.v1"),
)
READERS: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "number": float,
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
}


@dataclass(frozen=True)
class Method:
    """One API method. `id` is canonical: the Admin SDK's own ids lack the leading `admin.`."""

    id: str
    http: str
    service: str
    title: str
    path: re.Pattern[str]
    parameters: Mapping[str, Mapping[str, Any]]
    scopes: frozenset[str]
    request: str = ""
    response: str = ""
    schemas: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@cache
def documents() -> Documents:
    return Documents()


class Documents:
    """All the documents that are served."""

    def __init__(self) -> None:
        folder = files("googleapiclient") / "discovery_cache" / "documents"
        raw = [json.loads((folder / f"{name}.json").read_text("utf-8")) for name in SERVED]
        self._methods: dict[tuple[str, str], list[Method]] = {}
        for method in (method for document in raw for method in _methods(document)):
            self._methods.setdefault((method.service, method.http), []).append(method)
        for methods in self._methods.values():  # `{+name}:disable` before `{+name}`
            methods.sort(key=lambda method: -len(re.sub(r"\(.*?\)", "", method.path.pattern)))
        self.hosts = frozenset(host for host, _ in self._methods)
        self.ids = frozenset(method.id for methods in self._methods.values() for method in methods)

    def route(self, host: str, http: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method behind a request and its path parameters, or None."""
        for method in self._methods.get((host, http), ()):
            if match := method.path.fullmatch(path.lstrip("/")):
                return method, {name.replace("__", "."): value for name, value in match.groupdict().items()}
        return None


def read_params(
    method: Method, path: Mapping[str, str], query: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The request's parameters, typed. Raises ApiError 400 for what the document does not allow."""
    values: dict[str, Any] = dict(path)
    for name, texts in query.items():
        spec = method.parameters.get(name)
        if spec is None or spec["location"] != "query":
            raise invalid_payload(f'Unknown name "{name}": Cannot bind query parameter.')
        typed = [_typed(name, text, spec) for text in texts]
        values[name] = typed if spec.get("repeated") else typed[-1]
    for name, spec in method.parameters.items():
        if spec.get("required") and name not in values:
            raise ApiError(400, f"Required parameter: {name}", reason="required")
    return values


def _typed(name: str, text: str, spec: Mapping[str, Any]) -> Any:
    kind = spec["type"]
    try:
        value: Any = READERS.get(kind, str)(text)
    except (ValueError, KeyError):
        raise invalid_payload(f"Invalid value at '{name}' ({kind}), \"{text}\"") from None
    if "enum" in spec and text not in spec["enum"]:
        raise ApiError(400, f"Invalid string value: '{text}'. Allowed values: [{', '.join(spec['enum'])}]")
    low, high = int(spec.get("minimum", -(2**63))), int(spec.get("maximum", 2**63))
    if kind == "integer" and not low <= value <= high:
        raise ApiError(400, f"Invalid value '{value}'. Values must be within the range: [{low}, {high}]")
    return value


def _methods(document: Mapping[str, Any]) -> Iterator[Method]:
    prefix, waiting = f"{document['name']}.", [document]
    while waiting:
        node = waiting.pop()
        waiting += node.get("resources", {}).values()
        for raw in node.get("methods", {}).values():
            own = raw.get("parameters", {})
            yield Method(
                id=raw["id"] if raw["id"].startswith(prefix) else prefix + raw["id"],
                http=raw["httpMethod"],
                service=document["rootUrl"].removeprefix("https://").strip("/"),
                title=document["title"],
                path=_pattern(document["servicePath"] + raw["path"], own),
                parameters={**document["parameters"], **own},
                scopes=frozenset(raw.get("scopes", ())),
                request=raw.get("request", {}).get("$ref", ""),
                response=raw.get("response", {}).get("$ref", ""),
                schemas=document["schemas"],
            )


def _pattern(template: str, parameters: Mapping[str, Mapping[str, Any]]) -> re.Pattern[str]:
    """`v1/{+name}:disable` and the parameter's own pattern as one expression with a group per parameter."""
    text = ""
    for part in re.split(r"(\{\+?[^}]+\})", template):
        name = part.strip("{+}")
        own = str(parameters.get(name, {}).get("pattern", "")).removeprefix("^").removesuffix("$")
        inner = own if part.startswith("{+") and own else "[^/]+"
        text += f"(?P<{name.replace('.', '__')}>{inner})" if part.startswith("{") else re.escape(part)
    return re.compile(text)
