"""Microsoft Graph v1.0 as a WSGI application: token, faults, routing, batches, envelopes."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from custom_filters.sandbox.azure import batch, extensions, roles, users
from custom_filters.sandbox.azure.login import Tokens
from custom_filters.sandbox.azure.odata import Answer, Call, GraphError
from custom_filters.sandbox.azure.tenant import Route, Tenant
from custom_filters.sandbox.wire import ConnectionDroppedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Hook = Callable[[str, str, bool], None]
STATUS_FAULTS = {
    429: ("TooManyRequests", "Too many requests"),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    500: ("InternalServerError", "An internal server error occurred."),
}


class Graph:
    """Plays every Graph host; `count` gets a key a request, `hook` its action, phase and if it writes."""

    def __init__(
        self, tenant: Tenant, tokens: Tokens, count: Callable[[str], None], hook: Hook, latency_ms: float
    ) -> None:
        self._tenant, self._tokens, self._count, self._hook = tenant, tokens, count, hook
        self._latency = latency_ms / 1000
        routes = [*users.ROUTES, *extensions.ROUTES, *roles.ROUTES]
        self._routes = {f"{route.method} {route.path}": route for route in routes}
        rules = [
            Rule(route.path, methods=[route.method], endpoint=key) for key, route in self._routes.items()
        ]
        self._map = Map(rules, merge_slashes=False)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """One request; may raise ConnectionDroppedError, also half-way through the body."""
        request = Request(environ)
        time.sleep(self._latency)
        ids = {"request-id": str(uuid.uuid4())}
        ids["client-request-id"] = request.headers.get("client-request-id", ids["request-id"])
        drop = self._tenant.faults.strikes("graph_drop")
        if drop and request.method != "GET":
            raise ConnectionDroppedError
        answer = self._guarded(lambda: self._answer(request), ids)
        if request.method != "GET" and self._tenant.faults.strikes("graph_drop_after"):
            raise ConnectionDroppedError
        response = _response(answer, ids)
        return _broken(response, environ, start_response) if drop else response(environ, start_response)

    def _guarded(self, answer: Callable[[], Answer], ids: Mapping[str, str]) -> Answer:
        try:
            return answer()
        except GraphError as error:
            return error.answer({"date": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S}", **ids})

    def _answer(self, request: Request) -> Answer:
        origin = f"https://{request.host}"
        self._authenticate(request, origin)
        if not request.path.startswith("/v1.0/"):
            raise GraphError(400, "BadRequest", f"Invalid version: {request.path.split('/')[1]}")
        headers = {name.lower(): value for name, value in request.headers.items()}
        path, query = request.path.removeprefix("/v1.0"), request.args.to_dict()
        call = Call(request.method, origin, path, query, headers, request.get_data())
        if path != "/$batch":
            return self._dispatch(call)
        self._count("azure:POST /$batch")
        if request.method != "POST":
            raise GraphError(
                405, "BadRequest", "Specified HTTP method is not allowed for the request target."
            )
        self._strike()
        return Answer(200, {"responses": batch.run(call, self._inner, self._tenant.faults.shuffle)})

    def _inner(self, call: Call) -> Answer:
        path, _, query = call.path.partition("?")
        values = dict(parse_qsl(query, keep_blank_values=True))
        inner = Call(call.method, call.origin, unquote(path), values, call.headers, call.content, inner=True)
        ids = {"request-id": str(uuid.uuid4()), "client-request-id": str(uuid.uuid4())}
        return self._guarded(lambda: self._dispatch(inner), ids)

    def _dispatch(self, call: Call) -> Answer:
        adapter = self._map.bind("graph")
        try:
            key, parts = adapter.match(call.path, call.method)
        except MethodNotAllowed:
            text = "Specified HTTP method is not allowed for the request target."
            raise GraphError(405, "Request_BadRequest", text) from None
        except NotFound:
            segment = call.path.rsplit("/", 1)[-1]
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.") from None
        route = self._routes[key]
        template = _template(route.path)
        self._count(f"azure:{'batch:' if call.inner else ''}{call.method} {template}")
        self._strike()
        self._fail_page(call, template)
        named = Call(**{**vars(call), "route": template})
        return self._run(named, route, dict(parts))

    def _run(self, call: Call, route: Route, parts: dict[str, str]) -> Answer:
        action, is_write = f"{call.method} {call.route}", call.method != "GET"
        self._hook(action, "before", is_write)
        with self._tenant.lock:
            answer = route.run(self._tenant, call, parts)
        self._hook(action, "after", is_write)
        return answer

    def _authenticate(self, request: Request, origin: str) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        refusal = "Access token is empty."
        if kind.lower() == "bearer" and token:
            refusal = self._tokens.refusal(token, origin)
        if refusal:
            challenge = {"WWW-Authenticate": 'Bearer realm="", error="invalid_token"'}
            raise GraphError(401, "InvalidAuthenticationToken", refusal, challenge)

    def _strike(self) -> None:
        faults = self._tenant.faults
        for status, (code, message) in STATUS_FAULTS.items():
            if faults.strikes(f"graph_{status}"):
                headers = {} if status == 500 else _retry_after(faults.text("graph_429_retry_after"))
                raise GraphError(status, code, message, headers)

    def _fail_page(self, call: Call, template: str) -> None:
        failing = self._tenant.faults.number("page_fail")
        if failing and template == (self._tenant.faults.text("page_fail_path") or "/users"):
            pages = self._tenant.pages
            if pages.offset(call) // pages.size(call, 999) + 1 == failing:
                raise GraphError(500, "InternalServerError", "An internal server error occurred.")


def _template(path: str) -> str:
    names = {"<name>": "{name}", "<app>": "{app}"}
    return "".join(names.get(part, "{id}") if part[:1] == "<" else part for part in _split(path))


def _split(path: str) -> Iterator[str]:
    while path:
        before, found, rest = path.partition("<")
        yield before
        inside, _, path = rest.partition(">")
        if found:
            yield f"<{inside}>"


def _retry_after(how: str) -> dict[str, str]:
    if how == "none":
        return {}
    if how == "date":
        moment = datetime.now(timezone.utc) + timedelta(seconds=1)
        return {"Retry-After": format_datetime(moment, usegmt=True)}
    return {"Retry-After": how or "1"}


def _response(answer: Answer, ids: Mapping[str, str]) -> Response:
    headers = {**ids, **answer.headers, "OData-Version": "4.0", "Cache-Control": "no-cache"}
    if answer.body is None:
        return Response(b"", answer.status, headers)
    if isinstance(answer.body, str):
        return Response(answer.body, answer.status, headers, content_type="text/plain")
    kind = (
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
    )
    body = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, answer.status, headers, content_type=kind)


def _broken(response: Response, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    body = b"".join(response(environ, start_response))
    yield body[: len(body) // 2]
    raise ConnectionDroppedError
