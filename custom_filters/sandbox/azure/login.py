"""login.microsoftonline.com and its national siblings: discovery and the client credentials grant."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from custom_filters.sandbox.azure.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Log-in host -> (Graph host, resource manager host); Microsoft's "national cloud deployments" page.
CLOUDS = {
    "login.microsoftonline.com": ("graph.microsoft.com", "management.azure.com"),
    "login.microsoftonline.us": ("graph.microsoft.us", "management.usgovcloudapi.net"),
    "login.partner.microsoftonline.cn": ("microsoftgraph.chinacloudapi.cn", "management.chinacloudapi.cn"),
    "login.chinacloudapi.cn": (
        "microsoftgraph.chinacloudapi.cn",
        "management.chinacloudapi.cn",
    ),  # older name
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

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def issue(self, app: App, audience: str, roles: Iterable[str], lifetime: float) -> str:
        """A bearer token for `audience` (https://HOST), valid for `lifetime` seconds."""
        now = time.time()
        claims: dict[str, object] = {"aud": audience, "appid": app.client, "tid": app.tenant, "idtyp": "app"}
        claims["oid"] = app.principal
        claims |= {"iss": f"https://sts.windows.net/{app.tenant}/", "roles": sorted(roles), "ver": "1.0"}
        claims |= {"iat": int(now), "nbf": int(now), "exp": now + lifetime, "uti": secrets.token_urlsafe(16)}
        head = _segment(json.dumps({"typ": "JWT", "alg": "RS256", "kid": "sandbox"}).encode())
        signed = f"{head}.{_segment(json.dumps(claims).encode())}"
        return f"{signed}.{self._sign(signed)}"

    def refusal(self, token: str, audience: str) -> str:
        """Why Graph refuses this token, in its words; "" when it does not."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._sign(signed), signature):
            return "CompactToken parsing failed with error code: 80049217"
        claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        if claims["aud"] != audience:
            return "Access token validation failure. Invalid audience."
        if claims["exp"] <= time.time():
            return "Lifetime validation failed, the token is expired."
        return ""

    def _sign(self, text: str) -> str:
        return _segment(hmac.digest(self._key, text.encode(), hashlib.sha256))


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class LoginError(Exception):
    """An error as the token endpoint words it (Microsoft Entra authentication error codes)."""

    def __init__(self, status: int, error: str, number: int, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.number, self.message = status, error, number, message


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
            status, body = error.status, _error(error)
        headers = {"x-ms-request-id": str(uuid.uuid4()), "Cache-Control": "no-store, no-cache"}
        response = Response(json.dumps(body), status, headers, content_type="application/json; charset=utf-8")
        return response(environ, start_response)

    def _answer(self, request: Request) -> tuple[int, dict[str, object]]:
        tenant, _, rest = request.path.lstrip("/").partition("/")
        if request.path == "/common/discovery/instance":
            self._count("azure:GET /common/discovery/instance")
            return 200, _instance(request)
        if rest == "v2.0/.well-known/openid-configuration" and request.method == "GET":
            self._count("azure:GET /v2.0/.well-known/openid-configuration")
            self._check_tenant(tenant)
            return 200, _configuration(request.host, self._app.tenant)
        if rest == "oauth2/v2.0/token" and request.method == "POST":
            self._count("azure:POST /oauth2/v2.0/token")
            self._check_tenant(tenant)
            return 200, self._token(request)
        return 404, {}

    def _check_tenant(self, tenant: str) -> None:
        if tenant.lower() != self._app.tenant:
            raise LoginError(
                400,
                "invalid_request",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are "
                "signing into the correct cloud. Check with your subscription administrator, this may happen "
                "if there are no active subscriptions for the tenant.",
            )

    def _token(self, request: Request) -> dict[str, object]:
        form = request.form
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                text = f"The request body must contain the following parameter: '{name}'."
                raise LoginError(400, "invalid_request", 900144, text)
        if form["grant_type"] != "client_credentials":
            text = f"The app requested an unsupported grant type '{form['grant_type']}'."
            raise LoginError(400, "unsupported_grant_type", 70003, text)
        self._check_client(form["client_id"], form.get("client_secret", ""))
        audience = self._audience(form["scope"], request.host)
        lifetime = self._faults.number("token_lifetime", 3599)
        token = self._tokens.issue(self._app, audience, self._roles(), lifetime)
        seconds = max(1, int(lifetime))
        return {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": token,
        }

    def _check_client(self, client: str, secret: str) -> None:
        if client.lower() != self._app.client:
            text = (
                f"Application with identifier '{client}' was not found in the directory '{self._app.tenant}'."
            )
            raise LoginError(400, "unauthorized_client", 700016, text)
        if self._faults.text("login") == "bad" or not hmac.compare_digest(secret, self._app.secret):
            raise LoginError(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client "
                f"secret value, not the client secret ID, for a secret added to app '{client}'.",
            )

    def _audience(self, scope: str, host: str) -> str:
        wanted = [part for part in scope.split() if part not in {"openid", "profile", "offline_access"}]
        resource, found, rest = (wanted[0] if len(wanted) == 1 else "").rpartition("/.default")
        if not found or rest:
            raise LoginError(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must have a "
                "scope value with /.default suffixed to the resource identifier (application ID URI).",
            )
        parts = urlsplit(resource)
        if parts.scheme != "https" or parts.hostname not in CLOUDS[host]:
            text = f"The resource principal named {resource} was not found in the tenant named Sandbox."
            raise LoginError(400, "invalid_resource", 500011, text)
        return f"https://{parts.hostname}"


def _error(error: LoginError) -> dict[str, object]:
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    return {
        "error": error.error,
        "error_description": f"AADSTS{error.number}: {error.message} Trace ID: {trace} "
        f"Correlation ID: {correlation} Timestamp: {when}",
        "error_codes": [error.number],
        "timestamp": when,
        "trace_id": trace,
        "correlation_id": correlation,
    }


def _instance(request: Request) -> dict[str, object]:
    authority = request.args.get("authorization_endpoint", "").partition("/oauth2/")[0]
    metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]} for host in CLOUDS]
    return {
        "tenant_discovery_endpoint": f"{authority}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": metadata,
    }


def _configuration(host: str, tenant: str) -> dict[str, object]:
    base = f"https://{host}/{tenant}"
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "msgraph_host": CLOUDS[host][0],
    }
