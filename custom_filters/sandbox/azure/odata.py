"""The OData conventions of Microsoft Graph: requests, answers, errors, $select, pages, opaque tokens."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

T = TypeVar("T")
Json = dict[str, object]
_EQUALS = re.compile(r"(\w+) eq (?:'((?:[^']|'')*)'|(true|false))")


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


def not_found(what: str) -> GraphError:
    """404 for a directory object, or a reference, that is not there."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present.",
    )


def denied() -> GraphError:
    """403: a permission is missing, or the object is out of the app's reach."""
    return GraphError(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


@dataclass(frozen=True)
class Call:
    """One Graph request, from the wire or a batch. origin: https://HOST; route: the path's template."""

    method: str
    origin: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    route: str = ""
    inner: bool = False

    def json(self) -> Json:
        """The body, which must be a JSON object."""
        try:
            body = json.loads(self.content)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise GraphError(400, "BadRequest", "Unable to read JSON request payload.")
        return body

    def allow(self, *options: str) -> None:
        """Refuses a query option that this resource is not played with, rather than to ignore it."""
        for option in self.query:
            if option not in options:
                raise GraphError(
                    501, "NotImplemented", f"The sandbox does not play {option} on {self.route}."
                )

    def select(self, known: Sequence[str] | frozenset[str], default: Sequence[str], kind: str) -> list[str]:
        """The properties asked for, each once; an unknown one is refused as Graph does."""
        asked = [name.strip() for name in self.query.get("$select", "").split(",") if name.strip()]
        for name in asked:
            if name not in known:
                raise GraphError(
                    400,
                    "BadRequest",
                    "Parsing OData Select and Expand failed: Could not find a property named "
                    f"'{name}' on type 'microsoft.graph.{kind}'.",
                )
        return list(dict.fromkeys(asked)) or list(default)

    def equals(self) -> tuple[str, object] | None:
        """`property eq literal`, the one kind of $filter that is played; others are refused."""
        text = self.query.get("$filter", "")
        if not text:
            return None
        match = _EQUALS.fullmatch(text.strip())
        if not match:
            raise GraphError(501, "NotImplemented", f"The sandbox does not play $filter={text}.")
        name, word, truth = match.groups()
        return name, truth == "true" if truth else word.replace("''", "'")


class Pages:
    """Cuts collections into pages; the tokens are random and hold nothing."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[str, dict[str, str], int]] = {}
        self._lock = threading.Lock()

    def size(self, call: Call, largest: int) -> int:
        """$top, 100 by default; one that is out of range is an error."""
        text = call.query.get("$top", "100")
        if not text.isdecimal() or not 1 <= int(text) <= largest:
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                f"Invalid page size specified: '{text}'. Must be between 1 and {largest} inclusive.",
            )
        return int(text)

    def offset(self, call: Call) -> int:
        """Where this page starts; a token is good for the very query that it was given for."""
        token = call.query.get("$skiptoken")
        if token is None:
            return 0
        path, query, offset = self._tokens.get(token, ("", {}, 0))
        if (path, query) != (call.path, _without_token(call)):
            raise GraphError(
                400,
                "Directory_ExpiredPageToken",
                "The specified page token value has expired and can no longer be included in your request.",
            )
        return offset

    def page(
        self,
        call: Call,
        items: Sequence[T],
        render: Callable[[T], Json],
        context: str,
        *,
        largest: int = 999,
        host: str = "",
        extra: Json | None = None,
    ) -> Answer:
        """The page that the call asks for. host: sends the nextLink elsewhere (a fault)."""
        offset, size = self.offset(call), self.size(call, largest)
        body: Json = {"@odata.context": f"{call.origin}/v1.0/$metadata#{context}", **(extra or {})}
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
        return f"/v1.0{quote(call.path)}?" + "&".join([*parts, f"$skiptoken={token}"])


def _without_token(call: Call) -> dict[str, str]:
    return {name: value for name, value in call.query.items() if name != "$skiptoken"}
