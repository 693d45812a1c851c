"""The OData conventions of Microsoft Graph: requests, answers, errors, $select, $filter, pages."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

T = TypeVar("T")
Json = dict[str, object]
Matcher = Callable[[Json], bool]
_COMPARED = re.compile(r"(\w+) (eq|ge|le) (?:'((?:[^']|'')*)'|(true|false)|(\d{4}-\d\d-\d\dT[\d:.]+Z))")
_ANY = re.compile(r"(\w+)/any\((\w): ?\2(?:/(\w+))? eq '([^']*)'\)")


@dataclass(frozen=True)
class Answer:
    """A status, a JSON body (None: no body; str: text/plain) and headers besides the usual ones."""

    status: int
    body: Json | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class GraphError(Exception):
    """An error as Graph words it; becomes an ODataError body.

    Sources: Microsoft Graph error responses reference, and the threads named in the tests.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}

    def answer(self, inner: Json) -> Answer:
        """The ODataError; `inner` has request-id, client-request-id and date."""
        error = {"code": self.code, "message": self.message, "innerError": inner}
        return Answer(self.status, {"error": error}, self.headers)


def bad(message: str, code: str = "BadRequest") -> GraphError:
    """400 for a request that can't be understood or granted."""
    return GraphError(400, code, message)


def not_emulated(what: str) -> GraphError:
    """501 for what Graph can do and the sandbox can't: refused rather than ignored."""
    return GraphError(501, "NotImplemented", f"The sandbox does not emulate {what}.")


def not_found(what: str) -> GraphError:
    """404 for a directory object, or a reference, that is not there."""
    message = (
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present."
    )
    return GraphError(404, "Request_ResourceNotFound", message)


@dataclass(frozen=True)
class Call:
    """One Graph request, from the wire or a batch. origin: https://HOST; route: the path's template."""

    method: str
    origin: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    version: str = "v1.0"
    route: str = ""
    inner: bool = False

    def json(self) -> Json:
        body: Json = json.loads(self.content)
        return body

    def context(self, shape: str) -> Json:
        return {"@odata.context": f"{self.origin}/{self.version}/$metadata#{shape}"}

    def allow(self, *options: str) -> None:
        """Refuses a query option that is not emulated on this resource."""
        for option in self.query:
            if option not in options:
                raise not_emulated(f"{option} on {self.route}")

    def select(self, known: Collection[str], default: Sequence[str], kind: str) -> list[str]:
        """The properties asked for, each once; an unknown one is refused as Graph does."""
        asked = [name.strip() for name in self.query.get("$select", "").split(",") if name.strip()]
        for name in asked:
            if name not in known:
                raise bad(
                    "Parsing OData Select and Expand failed: Could not find a property named "
                    f"'{name}' on type 'microsoft.graph.{kind}'."
                )
        return list(dict.fromkeys(asked)) or list(default)

    def pick(self, whole: Json) -> Json:
        """What of an item is selected; its type always comes."""
        names = {part.strip() for part in self.query.get("$select", "").split(",") if part.strip()}
        kept = names | {"@odata.type"}
        return {name: value for name, value in whole.items() if name in kept} if names else whole

    def matchers(self) -> list[Matcher]:
        """$filter as tests of an item; emulated are eq, ge, le and any(), joined by `and`."""
        text = self.query.get("$filter", "").strip()
        return [self._matcher(clause) for clause in text.split(" and ")] if text else []

    def _matcher(self, clause: str) -> Matcher:
        if match := _COMPARED.fullmatch(clause.strip()):
            name, operator, word, truth, moment = match.groups()
            value: object = truth == "true" if truth else moment or word.replace("''", "'")
            if operator == "eq":
                return lambda item: item.get(name) == value
            return lambda item: (
                (str(item.get(name)) >= str(value)) == (operator == "ge") or item[name] == value
            )
        if match := _ANY.fullmatch(clause.strip()):
            several, _, part, wanted = match.groups()
            return lambda item: wanted in [one[part] if part else one for one in _items(item, several)]
        raise not_emulated(f"$filter={clause}")


def _items(item: Json, name: str) -> Sequence[Any]:
    found = item.get(name)
    return found if isinstance(found, list) else ()


def matching(call: Call, items: Iterable[T], shown: Callable[[T], Json]) -> list[T]:
    tests = call.matchers()
    return [item for item in items if all(test(shown(item)) for test in tests)]


class Pages:
    """Cuts collections into pages; the tokens are random and hold nothing."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[str, dict[str, str], int]] = {}
        self._lock = threading.Lock()

    def size(self, call: Call, largest: int) -> int:
        """$top, 100 by default; one that is out of range is an error."""
        text = call.query.get("$top", "100")
        if not text.isdecimal() or not 1 <= int(text) <= largest:
            message = f"Invalid page size specified: '{text}'. Must be between 1 and {largest} inclusive."
            raise bad(message, "Request_UnsupportedQuery")
        return int(text)

    def offset(self, call: Call, *, expired: bool = False) -> int:
        """Where this page starts; a token is good for the very query that it was given for."""
        token = call.query.get("$skiptoken")
        if token is None:
            return 0
        path, query, offset = self._tokens.get(token, ("", {}, 0))
        if expired or (path, query) != (call.path, _without_token(call)):
            message = (
                "The specified page token value has expired and can no longer be included in your request."
            )
            raise bad(message, "Directory_ExpiredPageToken")
        return offset

    def number(self, call: Call) -> int:
        return self.offset(call) // self.size(call, 999) + 1

    def page(
        self,
        call: Call,
        items: Sequence[T],
        render: Callable[[T], Json],
        context: str,
        *,
        largest: int = 999,
        host: str = "",
    ) -> Answer:
        """The page that the call asks for. host: sends the nextLink elsewhere (a fault)."""
        offset, size = self.offset(call), self.size(call, largest)
        body: Json = call.context(context)
        if offset + size < len(items):
            origin = f"https://{host}" if host else call.origin
            body["@odata.nextLink"] = origin + self._link(call, offset + size)
        body["value"] = [render(item) for item in items[offset : offset + size]]
        return Answer(200, body)

    def _link(self, call: Call, offset: int) -> str:
        token, query = secrets.token_urlsafe(48), _without_token(call)
        with self._lock:
            self._tokens[token] = (call.path, query, offset)
        parts = [f"{name}={quote(value, safe=',()')}" for name, value in query.items()]
        return f"/{call.version}{quote(call.path)}?" + "&".join([*parts, f"$skiptoken={token}"])


def _without_token(call: Call) -> dict[str, str]:
    return {name: value for name, value in call.query.items() if name != "$skiptoken"}
