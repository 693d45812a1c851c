"""login.microsoftonline.com and its national siblings: discovery and the client credentials grant."""

from __future__ import annotations

import hmac
import json
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jwt
from werkzeug.wrappers import Request, Response

from custom_filters.sandbox.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Log-in host -> (Graph host, resource manager host); Microsoft's "national cloud deployments" page.
_CHINA = ("microsoftgraph.chinacloudapi.cn", "management.chinacloudapi.cn")
CLOUDS = {
    "login.microsoftonline.com": ("graph.microsoft.com", "management.azure.com"),
    "login.microsoftonline.us": ("graph.microsoft.us", "management.usgovcloudapi.net"),
    "login.partner.microsoftonline.cn": _CHINA,
    "login.chinacloudapi.cn": _CHINA,  # older name
}
# AADSTS number -> (HTTP status, OAuth error, message); Microsoft Entra authentication error codes.
ERRORS = {
    90002: (400, "invalid_request", "Tenant '{}' not found. Check that you have the correct tenant ID."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type '{}'."),
    700016: (400, "unauthorized_client", "Application with identifier '{}' was not found in the directory."),
    7000215: (401, "invalid_client", "Invalid client secret provided for app '{}'. Send the secret's value."),
    1002012: (400, "invalid_scope", "The scope {} is not valid for this host: it must end in /.default."),
}


@dataclass(frozen=True)
class App:
    """The app registration that clients log in as; the secret is made at start."""

    tenant: str
    client: str
    principal: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(30), repr=False)


class Tokens:
    """Issues and checks bearer tokens; they live in real time, not by the sandbox's clock."""

    def __init__(self, faults: Faults) -> None:
        self._key = secrets.token_bytes(32)
        self._faults = faults
        self._uses: Counter[str] = Counter()

    def issue(self, app: App, audience: str, roles: Iterable[str], lifetime: float, claims: str) -> str:
        """A bearer token for `audience` (https://HOST), valid for `lifetime` seconds.

        claims: what the client sends on; after a claims challenge it holds `nbf`.
        """
        now = time.time()
        held: dict[str, object] = {"aud": audience, "appid": app.client, "tid": app.tenant, "idtyp": "app"}
        held |= {"oid": app.principal, "iss": f"https://sts.windows.net/{app.tenant}/", "ver": "1.0"}
        held |= {"roles": sorted(roles), "iat": int(now), "nbf": int(now), "exp": now + lifetime}
        held |= {"uti": secrets.token_urlsafe(16), "challenged": '"nbf"' in claims}
        return jwt.encode(held, self._key)

    def refusal(self, token: str, audience: str) -> str:
        """Why Graph refuses this token; `claims`: with a claims challenge; "": it does not."""
        try:
            claims = jwt.decode(token, self._key, ["HS256"], audience=audience)
        except jwt.InvalidTokenError as error:
            return f"Access token validation failure. {error}"
        self._uses[token] += 1
        if 0 < self._faults.number("token_calls") < self._uses[token]:
            return "Lifetime validation failed, the token is expired."
        if self._faults.text("cae") and not claims["challenged"]:
            return "claims" if self._uses[token] > self._faults.number("cae") else ""
        return ""


class LoginError(Exception):
    """An error as the token endpoint words it: its AADSTS number, and what the message is about."""

    def __init__(self, number: int, about: str) -> None:
        super().__init__(number, about)
        self.number = number
        self.status, self.error, text = ERRORS[number]
        self.message = text.format(about)

    def body(self) -> dict[str, object]:
        ids = {"trace_id": str(uuid.uuid4()), "correlation_id": str(uuid.uuid4())}
        when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        text = f"AADSTS{self.number}: {self.message} Trace ID: {ids['trace_id']} Timestamp: {when}"
        body: dict[str, object] = {"error": self.error, "error_description": text, "timestamp": when}
        return {**body, "error_codes": [self.number], **ids}


class Login:
    """The WSGI application of every log-in host."""

    def __init__(
        self,
        app: App,
        tokens: Tokens,
        faults: Faults,
        roles: Callable[[], Iterable[str]],
        count: Callable[[str], None],
    ) -> None:
        self._app, self._tokens, self._faults, self._roles, self._count = app, tokens, faults, roles, count

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers discovery and token requests; anything else is 404."""
        request = Request(environ)
        try:
            status, body = self._answer(request)
        except LoginError as error:
            status, body = error.status, error.body()
        headers = {"x-ms-request-id": str(uuid.uuid4()), "Cache-Control": "no-store, no-cache"}
        response = Response(json.dumps(body), status, headers, content_type="application/json; charset=utf-8")
        return response(environ, start_response)

    def _answer(self, request: Request) -> tuple[int, dict[str, object]]:
        tenant, _, rest = request.path.lstrip("/").partition("/")
        if request.path == "/common/discovery/instance":
            self._count("GET /common/discovery/instance")
            return 200, _instance(request)
        if (request.method, rest) == ("GET", "v2.0/.well-known/openid-configuration"):
            answer: Callable[[Request], dict[str, object]] = self._configuration
        elif (request.method, rest) == ("POST", "oauth2/v2.0/token"):
            answer = self._token
        else:
            return 404, {}
        self._count(f"{request.method} /{rest}")
        if tenant.lower() != self._app.tenant:
            raise LoginError(90002, tenant)
        return 200, answer(request)

    def _token(self, request: Request) -> dict[str, object]:
        form, client = request.form, request.form.get("client_id", "")
        if form.get("grant_type") != "client_credentials":
            raise LoginError(70003, form.get("grant_type", ""))
        if client.lower() != self._app.client:
            raise LoginError(700016, client)
        secret = form.get("client_secret", "")
        if self._faults.text("login") == "bad" or not hmac.compare_digest(secret, self._app.secret):
            raise LoginError(7000215, client)
        scope = form.get("scope", "").replace("//.default", "/.default")  # as of a resource that ends in /
        audience = {f"https://{host}/.default": f"https://{host}" for host in CLOUDS[request.host]}.get(scope)
        if audience is None:
            raise LoginError(1002012, scope)
        lifetime = self._faults.number("token_lifetime", 3599)
        token = self._tokens.issue(self._app, audience, self._roles(), lifetime, form.get("claims", ""))
        seconds = dict.fromkeys(("expires_in", "ext_expires_in"), max(1, int(lifetime)))
        return {"token_type": "Bearer", **seconds, "access_token": token}

    def _configuration(self, request: Request) -> dict[str, object]:
        base = f"https://{request.host}/{self._app.tenant}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "issuer": f"{base}/v2.0",
        }


def _instance(request: Request) -> dict[str, object]:
    authority = request.args.get("authorization_endpoint", "").partition("/oauth2/")[0]
    metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]} for host in CLOUDS]
    where = f"{authority}/v2.0/.well-known/openid-configuration"
    return {"tenant_discovery_endpoint": where, "api-version": "1.1", "metadata": metadata}
