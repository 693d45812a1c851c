"""A small client for Microsoft Graph v1.0, on the log-in of the policy's c7n-azure session."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from c7n.exceptions import PolicyExecutionError
from c7n.utils import local_session
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import parse_dict_header

from custom_filters.azure.errors import GraphError, error_of, lost
from custom_filters.azure.pace import Limits, again, given_up
from custom_filters.core.vocabulary import CLOUD_VARIABLE, CLOUDS
from custom_filters.custodian.calls import count
from custom_filters.custodian.pacing import RateLimiter, Turn
from custom_filters.custodian.store import shared
from custom_filters.custodian.waits import parse_retry_after

Json = dict[str, Any]

#: Calls under way at once.
CONCURRENCY = 10
_TIMEOUT = (30, 120)
#: A token is renewed this many seconds before it ends.
_MARGIN = 300


class Token:
    """The bearer token for one Graph endpoint, renewed when needed, by Custodian's order of log-ins."""

    def __init__(self, session: Any, scope: str) -> None:
        """`session` is a c7n_azure Session for Graph; `scope` ends in /.default."""
        self._session, self._scope = session, scope
        self._text, self._renew_at, self._challenge = "", 0.0, ""
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """The token; raises PolicyExecutionError when the log-in fails."""
        with self._lock:
            if time.time() >= self._renew_at:
                token = logged_in(self._ask)
                self._text, self._renew_at = token.token, token.expires_on - _MARGIN
                self._challenge = ""
            return self._text

    def _ask(self) -> Any:
        asked = {"claims": self._challenge, "enable_cae": True} if self._challenge else {}
        return self._session.get_credentials().get_token(self._scope, **asked)

    def renew(self, refused: str, challenge: str = "") -> None:
        """Have the next call ask for a new token in place of the one that was refused.

        `challenge` is the claims that Graph wants to see in it, as JSON, after continuous access evaluation.
        """
        with self._lock:
            if refused == self._text:
                self._renew_at, self._challenge = 0.0, challenge
                self._session.credentials = None  # they would give the same token once more

    def claims(self) -> Json:
        """What the token says of itself: `tid` (tenant), `oid` (who acts), `appid`, `roles` or `scp`.

        It is read, not verified: Graph does that. Raises PolicyExecutionError when it can't
        be read.
        """
        try:
            payload = self().split(".")[1]
            found: Json = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (IndexError, ValueError) as error:
            raise PolicyExecutionError(
                f"the Azure log-in gives a token that does not say whose it is ({error}); "
                "use another log-in, such as AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID"
            ) from error
        return found


def logged_in(ask: Callable[[], Any]) -> Any:
    """What `ask` returns. Where a log-in fails c7n-azure exits; we raise: other policies may still run."""
    try:
        return ask()
    except SystemExit as error:
        cause = str(error.__context__ or "see the log above").split("\n", 1)[0]
        raise PolicyExecutionError(
            f"the Azure log-in failed: {cause}; check AZURE_TENANT_ID, AZURE_CLIENT_ID and the secret, "
            "certificate or federated token"
        ) from error


class _Bearer(AuthBase):
    """As `auth`, so that no .netrc takes the header's place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Graph:
    """Graph v1.0 at `endpoint` (https://HOST); safe to share between threads."""

    def __init__(self, endpoint: str, token: Token) -> None:
        self.endpoint, self.token = endpoint.rstrip("/"), token
        self.limits = Limits()
        self._http = requests.Session()
        self._http.mount("https://", HTTPAdapter(pool_maxsize=CONCURRENCY))

    def get(self, path: str, params: Mapping[str, str] | None = None, **headers: str) -> Any:
        """The JSON (or text) at `path`, such as `/users`; raises GraphError."""
        return self.request("GET", f"{self.endpoint}/v1.0{path}", params=params, headers=headers)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        limiter: RateLimiter | None = None,
        turn: Turn | None = None,
    ) -> Any:
        """One request with its retries; the answer's JSON, its text, or None. Raises GraphError.

        `limiter` is that of the quota it counts for; None: by its path and parameters.
        """
        self._refuse_elsewhere(url)
        path = urlsplit(url).path.removeprefix("/v1.0").removeprefix("/beta")
        what = f"{method} {path}"
        return (limiter or self.limits.of(path, params)).call(
            lambda: self._attempt(what, method, url, params=params, headers=headers, json=body),
            GraphError,
            again,
            given_up,
            turn,
        )

    def _attempt(self, what: str, method: str, url: str, **details: Any) -> Any:
        token = self.token()
        response = self._send(what, method, url, token, **details)
        if response.status_code == requests.codes.unauthorized:
            self.token.renew(token, _challenge(response))  # it was revoked, ended, or lacks what is asked for
            response = self._send(what, method, url, self.token(), **details)
        body = _body(what, response)
        if not response.ok or response.is_redirect:
            wait = parse_retry_after(response.headers.get("Retry-After"))
            raise error_of(what, response.status_code, body, response.headers, wait)
        return body

    def _send(self, what: str, method: str, url: str, token: str, **details: Any) -> requests.Response:
        count("graph." + "/".join(what.split("/")[:2]))  # what follows may name somebody
        try:
            return self._http.request(
                method,
                url,
                auth=_Bearer(token),
                timeout=_TIMEOUT,
                allow_redirects=False,
                **details,
            )
        except requests.RequestException as error:
            raise lost(what, error) from error

    def _refuse_elsewhere(self, url: str) -> None:
        """A token goes to the endpoint that it is for, and nowhere else."""
        asked, ours = urlsplit(url), urlsplit(self.endpoint)
        if (asked.scheme, asked.netloc) != ("https", ours.netloc):
            raise GraphError(
                f"a link to {asked.scheme}://{asked.netloc}",
                None,
                "refused",
                f"it leads away from {self.endpoint}, and the token is not sent there",
            )

    def pages(self, path: str, params: Mapping[str, str], version: str = "v1.0") -> Iterator[list[Json]]:
        """Every page of a list, by following the opaque nextLink; raises GraphError rather than end early."""
        url: str | None = f"{self.endpoint}/{version}{path}"
        query: Mapping[str, str] | None = params
        seen: set[str] = set()
        limiter = self.limits.of(path, params)  # a nextLink is opaque
        while url:
            page = self.request("GET", url, params=query, limiter=limiter)
            values = page.get("value") if isinstance(page, Mapping) else None
            url, query = _next(page), None
            if not isinstance(values, list) or url in seen:
                raise GraphError(f"GET {path}", None, "broken list", "a page has no values or leads back")
            seen.add(url or "")
            yield values

    def items(self, path: str, params: Mapping[str, str], version: str = "v1.0") -> Iterator[Json]:
        """Every item of a list."""
        for page in self.pages(path, params, version=version):
            yield from page

    def ids(self, path: str, params: Mapping[str, str], name: str = "id") -> Iterator[str]:
        """The id of every item; raises GraphError where one has none."""
        for item in self.items(path, {"$select": name, **params}):
            found = item.get(name) if isinstance(item, Mapping) else None
            if not isinstance(found, str):
                raise GraphError(f"GET {path}", None, "broken answer", f"an item has no {name}")
            yield found


def _next(page: Any) -> str | None:
    link = page.get("@odata.nextLink") if isinstance(page, Mapping) else None
    return str(link) if link else None


def _challenge(response: requests.Response) -> str:
    """The claims that a refused token must have, as JSON; "" when Graph does not say.

    https://learn.microsoft.com/entra/identity-platform/claims-challenge
    """
    scheme, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
    found: Mapping[str, str | None] = parse_dict_header(rest)  # type: ignore[no-untyped-call]
    claims = found.get("claims") if scheme.lower() == "bearer" else None
    if not claims:
        return ""
    try:
        return base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).decode("utf-8")
    except ValueError:
        return ""


def _body(what: str, response: requests.Response) -> Any:
    if not response.content:
        return None
    if "json" not in response.headers.get("Content-Type", ""):
        return response.text
    try:
        return response.json()
    except requests.JSONDecodeError as error:
        raise lost(what, f"the answer is not JSON ({error})") from error


def shared_graph(manager: Any) -> Graph:
    """The client of the policy's session; one for all policies of a run."""
    session = local_session(manager.session_factory)
    return shared(session, ("graph",), lambda: graph_of(session))


def log_in() -> Graph:
    """A client outside of a policy, for the national cloud that the environment names.

    Raises PolicyExecutionError when the log-in fails or the cloud is unknown.
    """
    from c7n_azure.session import Session

    session = Session(cloud_endpoints=_cloud())
    logged_in(session.get_tenant_id)
    return graph_of(session)


def authority() -> str:
    """Where that cloud's log-ins are made (https://HOST); raises PolicyExecutionError as log_in does."""
    return os.environ.get("AZURE_AUTHORITY_HOST") or str(_cloud().endpoints.active_directory)


def _cloud() -> Any:
    from c7n_azure.provider import Azure

    cloud = os.environ.get(CLOUD_VARIABLE) or CLOUDS[0]
    if cloud not in CLOUDS:
        raise PolicyExecutionError(f"{CLOUD_VARIABLE}={cloud}: give one of {', '.join(CLOUDS)}")
    return Azure.region_to_cloud[cloud]


def graph_of(session: Any) -> Graph:
    """A client for the cloud (public or national) that a c7n_azure Session is for."""
    from c7n_azure.constants import MSGRAPH_RESOURCE_ID

    ours = session.get_session_for_resource(MSGRAPH_RESOURCE_ID)
    endpoint = str(ours.resource_endpoint).rstrip("/")
    return Graph(endpoint, Token(ours, f"{endpoint}/.default"))


def shared_tenant(manager: Any) -> str:
    """The id of the tenant that the log-in is for, by the token's own word."""
    tenant = shared_graph(manager).token.claims().get("tid")
    if not tenant:
        raise PolicyExecutionError("the Azure log-in's token names no tenant (tid); use another log-in")
    return str(tenant)
