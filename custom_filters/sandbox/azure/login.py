"""login.microsoftonline.com and its national siblings: discovery and the client credentials grant."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

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
    900144: (400, "invalid_request", "The request body must contain the following parameter: '{}'."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type '{}'."),
    700016: (400, "unauthorized_client", "Application with identifier '{}' was not found in the directory."),
    7000215: (401, "invalid_client", "Invalid client secret provided for app '{}'. Send the secret's value."),
    1002012: (400, "invalid_scope", "The scope {} is not valid: it must end in /.default for this flow."),
    500011: (400, "invalid_resource", "The resource principal named {} was not found in the tenant."),
}


@dataclass(frozen=True)
class App:
    """The app registration that clients log in as; the secret is made at start."""

    tenant: str
    client: str
    principal: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(30), repr=False)


class Tokens:
    """Issues and checks tokens that look like Entra's; they live in real time, not by the sandbox's clock."""

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
        head = _segment(json.dumps({"typ": "JWT", "alg": "RS256", "kid": "sandbox"}).encode())
        signed = f"{head}.{_segment(json.dumps(held).encode())}"
        return f"{signed}.{self._sign(signed)}"

    def refusal(self, token: str, audience: str) -> str:
        """Why Graph refuses this token, in its words; `claims`: with a claims challenge; "": it does not."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._sign(signed), signature):
            return "CompactToken parsing failed with error code: 80049217"
        claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        if claims["aud"] != audience:
            return "Access token validation failure. Invalid audience."
        self._uses[token] += 1
        worn = 0 < self._faults.number("token_calls") < self._uses[token]
        if worn or claims["exp"] <= time.time():
            return "Lifetime validation failed, the token is expired."
        if self._faults.text("cae") and not claims["challenged"]:
            return "claims" if self._uses[token] > self._faults.number("cae") else ""
        return ""

    def _sign(self, text: str) -> str:
        return _segment(hmac.digest(self._key, text.encode(), hashlib.sha256))


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class LoginError(Exception):
    """An error as the token endpoint words it: its AADSTS number, and what the message is about."""

    def __init__(self, number: int, about: str) -> None:
        super().__init__(number, about)
        self.number = number
        self.status, self.error, text = ERRORS[number]
        self.message = text.format(about)

    def body(self) -> dict[str, object]:
        """The JSON body."""
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
        form = request.form
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                raise LoginError(900144, name)
        if form["grant_type"] != "client_credentials":
            raise LoginError(70003, form["grant_type"])
        if form["client_id"].lower() != self._app.client:
            raise LoginError(700016, form["client_id"])
        secret = form.get("client_secret", "")
        if self._faults.text("login") == "bad" or not hmac.compare_digest(secret, self._app.secret):
            raise LoginError(7000215, form["client_id"])
        audience = _audience(form["scope"], request.host)
        lifetime = self._faults.number("token_lifetime", 3599)
        claims = form.get("claims", "")
        token = self._tokens.issue(self._app, audience, self._roles(), lifetime, claims)
        seconds = dict.fromkeys(("expires_in", "ext_expires_in"), max(1, int(lifetime)))
        return {"token_type": "Bearer", **seconds, "access_token": token}

    def _configuration(self, request: Request) -> dict[str, object]:
        base = f"https://{request.host}/{self._app.tenant}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "msgraph_host": CLOUDS[request.host][0],
        }


def _audience(scope: str, host: str) -> str:
    wanted = [part for part in scope.split() if part not in {"openid", "profile", "offline_access"}]
    resource, found, rest = (wanted[0] if len(wanted) == 1 else "").rpartition("/.default")
    if not found or rest:
        raise LoginError(1002012, scope)
    parts = urlsplit(resource)
    if parts.scheme != "https" or parts.hostname not in CLOUDS[host]:
        raise LoginError(500011, resource)
    return f"https://{parts.hostname}"


def _instance(request: Request) -> dict[str, object]:
    authority = request.args.get("authorization_endpoint", "").partition("/oauth2/")[0]
    metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]} for host in CLOUDS]
    return {
        "tenant_discovery_endpoint": f"{authority}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": metadata,
    }
