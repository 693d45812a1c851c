"""Microsoft Graph as a WSGI application: token, faults, routing, batches, envelopes."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from custom_filters.sandbox.azure import apps, batch, logs, roles, users
from custom_filters.sandbox.azure.login import Tokens
from custom_filters.sandbox.azure.odata import Answer, Call, GraphError, bad
from custom_filters.sandbox.azure.tenant import Route, Tenant, retry_after

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Hook = Callable[[str, str, bool], None]
JSON_TYPE = (
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
)
STATUS_FAULTS = {
    429: ("TooManyRequests", "Too many requests"),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    500: ("InternalServerError", "An internal server error occurred."),
}
ROUTES = [*users.ROUTES, *apps.ROUTES, *logs.ROUTES, *roles.ROUTES]
BETA = frozenset({"/auditLogs/signIns"})


class Graph:
    """Every Graph host; `count` gets a key a request, `hook` its action, phase and if it writes."""

    def __init__(
        self, tenant: Tenant, tokens: Tokens, count: Callable[[str], None], hook: Hook, latency_ms: float
    ) -> None:
        self._tenant, self._tokens, self._count, self._hook = tenant, tokens, count, hook
        self._latency = latency_ms / 1000
        rules = [Rule(r.path, methods=[r.method], endpoint=number) for number, r in enumerate(ROUTES)]
        self._routes = Map(rules, merge_slashes=False).bind("graph")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """One request; may raise ConnectionDroppedError."""
        request = Request(environ)
        time.sleep(self._latency)
        ids = {"request-id": str(uuid.uuid4())}
        ids["client-request-id"] = request.headers.get("client-request-id", ids["request-id"])
        answer = self._guarded(lambda: self._answer(request), ids)
        return _response(answer, ids)(environ, start_response)

    def _guarded(self, answer: Callable[[], Answer], ids: Mapping[str, str]) -> Answer:
        try:
            return answer()
        except GraphError as error:
            return error.answer({"date": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S}", **ids})

    def _answer(self, request: Request) -> Answer:
        origin = f"https://{request.host}"
        self._authenticate(request, origin)
        _, version, path = request.path.split("/", 2)
        versions = ("v1.0",) if self._tenant.faults.text("beta") == "missing" else ("v1.0", "beta")
        if version not in versions:
            raise bad("Invalid version specified.")
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, origin, f"/{path}", request.args, headers, request.get_data(), version)
        if (call.method, path) != ("POST", "$batch"):
            return self._dispatch(call)
        self._count("POST /$batch")
        self._strike()
        return Answer(200, {"responses": batch.run(call, self._inner, self._tenant.faults.shuffle)})

    def _inner(self, call: Call) -> Answer:
        ids = {"request-id": str(uuid.uuid4()), "client-request-id": str(uuid.uuid4())}
        return self._guarded(lambda: self._dispatch(call), ids)

    def _dispatch(self, call: Call) -> Answer:
        try:
            number, parts = self._routes.match(call.path, call.method)
        except HTTPException:
            raise bad(f"Resource not found for the segment '{call.path.rsplit('/', 1)[-1]}'.") from None
        route = ROUTES[number]
        if call.version == "beta" and route.path not in BETA:
            raise GraphError(501, "NotImplemented", f"The sandbox does not emulate {route.path} of beta.")
        template = re.sub("<.*?>", lambda match: "{name}" if match[0] == "<name>" else "{id}", route.path)
        named = ("/beta" if call.version == "beta" else "") + template
        self._count(f"{'batch:' if call.inner else ''}{call.method} {named}")
        self._strike()
        self._fail_page(call, template)
        return self._run(replace(call, route=named), route, dict(parts))

    def _run(self, call: Call, route: Route, parts: dict[str, str]) -> Answer:
        action, is_write = f"{call.method} {call.route}", call.method != "GET"
        self._hook(action, "before", is_write)
        with self._tenant.lock:
            answer = route.run(self._tenant, call, parts)
        self._hook(action, "after", is_write)
        return answer

    def _authenticate(self, request: Request, origin: str) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        bearer = kind.lower() == "bearer" and token
        refusal = self._tokens.refusal(token, origin) if bearer else "Access token is empty."
        if refusal:
            why = 'error="invalid_token"'
            if refusal == "claims":
                claims = {"access_token": {"nbf": {"essential": True, "value": str(int(time.time()))}}}
                asked = base64.b64encode(json.dumps(claims).encode()).decode()
                why = f'error="insufficient_claims", claims="{asked}"'
                refusal = "Continuous access evaluation resulted in challenge: InteractionRequired"
            headers = {"WWW-Authenticate": f'Bearer realm="", {why}'}
            raise GraphError(401, "InvalidAuthenticationToken", refusal, headers)

    def _strike(self) -> None:
        faults = self._tenant.faults
        for status, (code, message) in STATUS_FAULTS.items():
            if faults.strikes(f"graph_{status}"):
                headers = {} if status == 500 else retry_after(faults.text("graph_429_retry_after") or "1")
                raise GraphError(status, code, message, headers)

    def _fail_page(self, call: Call, template: str) -> None:
        faults, pages = self._tenant.faults, self._tenant.pages
        pages.offset(call, expired=faults.text("graph_page_token") == "expired")
        failing, path = faults.number("page_fail"), faults.text("page_fail_path") or "/users"
        if template == path and failing and pages.number(call) == failing:
            raise GraphError(500, *STATUS_FAULTS[500])


def _response(answer: Answer, ids: Mapping[str, str]) -> Response:
    headers = {**ids, **answer.headers, "OData-Version": "4.0", "Cache-Control": "no-cache"}
    if answer.body is None:
        return Response(b"", answer.status, headers)
    if isinstance(answer.body, str):
        return Response(answer.body, answer.status, headers, content_type="text/plain")
    body = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, answer.status, headers, content_type=JSON_TYPE)
