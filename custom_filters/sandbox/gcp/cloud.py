"""The Google part of the embedded clouds: one customer behind Google's host names.

`GcpCloud.hosts` goes to `custom_filters.sandbox.wire.Wire`, `GcpCloud.environment` to the child process that
runs unmodified c7n-gcp, google-auth and googleapiclient.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Mapping, MutableMapping
from typing import Any

from werkzeug import Request, Response

from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.cloud import Cloud, Settings
from custom_filters.sandbox.faults import Window
from custom_filters.sandbox.gcp import (
    admins,
    analyzer,
    errors,
    hands,
    iam,
    monitoring,
    reports,
    schemas,
    users,
)
from custom_filters.sandbox.gcp.call import Call, Handler, Pages
from custom_filters.sandbox.gcp.company import CLOUD_PERMISSIONS, DELEGATED_SCOPES, Company, company
from custom_filters.sandbox.gcp.documents import Method, documents, read_params
from custom_filters.sandbox.gcp.errors import ApiError, not_emulated
from custom_filters.sandbox.gcp.faults import TABLE
from custom_filters.sandbox.gcp.keyfile import KeyFile
from custom_filters.sandbox.gcp.people import Thing
from custom_filters.sandbox.gcp.selection import select
from custom_filters.sandbox.gcp.state import State
from custom_filters.sandbox.gcp.tokens import GrantError, Token, Tokens
from custom_filters.sandbox.rude import Rude

TOKEN_HOST = "oauth2.googleapis.com"  # a host name
ADMIN_HOST = "admin.googleapis.com"
MODULES = (users, schemas, admins, reports, iam, analyzer, monitoring)
HANDLERS: Mapping[str, Handler] = {name: handler for m in MODULES for name, handler in m.HANDLERS.items()}
OUTAGES = {
    429: "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'.",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
}
#: Fault -> the start of the method ids that it limits.
RATES = {"directory_rate": "admin.directory.", "reports_rate": "admin.reports."}
#: c7n-gcp takes the first of these that is set.
PROJECTS = (
    "GCP_PROJECT",
    "GOOGLE_PROJECT",
    "GCLOUD_PROJECT",
    "GOOGLE_CLOUD_PROJECT",
    "CLOUDSDK_CORE_PROJECT",
)
READING_POSTS = ("getIamPolicy", "testIamPermissions")


class GcpCloud(Cloud):
    """A Workspace customer with its Google Cloud projects; `close` removes the key file.

    Calls are counted by their discovery method id (the Admin SDK's get their `admin.`).
    permissions: the IAM permissions of the caller's service account; delegated: the scopes an administrator
    delegated to it. Both may be changed while it runs.
    """

    name = "gcp"
    FAULTS = TABLE

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        calls: Counter[str],
        faults: MutableMapping[str, str | float],
        *,
        accounts: int = 300,
    ) -> None:
        super().__init__(settings, clock, calls, faults)
        self.state, self.documents = State(clock.now), documents()
        self.permissions: set[str] = set(CLOUD_PERMISSIONS)
        self._pages: Pages = {}
        self._window = Window()
        self.tokens = Tokens(self.state, self.strikes)
        size = accounts if settings.users else 0
        self.company: Company = company(settings.users, settings.seed, clock.reference(), size)
        self.state.add(*self.company.things)
        self._key_file = KeyFile(self.company.delegate, self.company.delegate_key)
        self.tokens.public_keys[self.company.delegate_key.id] = self._key_file.public_key
        self.delegated = set(DELEGATED_SCOPES)
        self.tokens.delegated[self.company.delegate.unique_id] = self.delegated
        polite = Request.application(self._answer)
        self.hosts = dict.fromkeys(self.documents.hosts, Rude(polite, self.strikes, "gcp"))
        self.hosts[TOKEN_HOST] = Request.application(self._grant)

    @property
    def environment(self) -> dict[str, str]:
        """For the child process, beside what the wire adds; also overrides what the user's shell may have."""
        return {
            "GOOGLE_APPLICATION_CREDENTIALS": str(self._key_file.path),
            **dict.fromkeys(PROJECTS, self.company.projects[0].id),
            "GOOGLE_WORKSPACE_SUBJECT": self.company.subject.email,
            "GOOGLE_WORKSPACE_CUSTOMER": self.company.customer.id,
            "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT": "",
            "GOOGLE_API_USE_CLIENT_CERTIFICATE": "false",
            "GOOGLE_API_USE_MTLS_ENDPOINT": "never",  # another host name
            "NO_GCE_CHECK": "true",  # no metadata server
        }

    def add(self, *things: Thing) -> None:
        """Puts people, service accounts, keys and so on in, or replaces those with the same id."""
        self.state.add(*things)

    def hand(self, hand: str, who: str, **more: object) -> None:
        hands.act(self.state, hand, who, **more)

    def close(self) -> None:
        shutil.rmtree(self._key_file.path.parent, ignore_errors=True)

    def _grant(self, request: Request) -> Response:
        self.count("oauth2.token")
        try:
            return _json(self.tokens.grant(request.form), 200)
        except GrantError as error:
            return _json(error.body, error.code)

    def _answer(self, request: Request) -> Response:
        http = request.headers.get("X-HTTP-Method-Override", request.method).upper()
        routed = self.documents.route(request.host, http, request.path)
        if routed is None:
            return Response("<html><title>Error 404 (Not Found)!!1</title>", 404, content_type="text/html")
        method, path = routed
        self.count(method.id)
        time.sleep(self.settings.latency_ms / 1000)
        try:
            body = self._perform(method, path, request, http)
        except ApiError as error:
            answer = _json(error.body(legacy=request.host == ADMIN_HOST), error.code)
            wait = self.strikes.text("gcp_retry_after")
            if wait not in ("", "none") and (error.code in (429, 503) or error.domain == "usageLimits"):
                answer.headers["Retry-After"] = wait
            return answer
        return _json(body, 200)

    def _perform(self, method: Method, path: Mapping[str, str], request: Request, http: str) -> Any:
        token = self._authenticated(method, request)
        self._refuse(method, token, request.path)
        if method.scopes and not token.scopes & method.scopes:
            raise errors.scope_insufficient(method.service, method.id)
        overridden = http != request.method
        query = request.form if overridden else request.args
        params = read_params(method, path, {name: query.getlist(name) for name in query})
        if "pageToken" in params and self.strikes.text("page_token") == "expired":
            raise ApiError(400, "Invalid Input: pageToken")
        body = json.loads(request.get_data() or b"{}") if not overridden else {}
        handler = HANDLERS.get(method.id)
        if handler is None:
            raise not_emulated(method.id)
        held, now = frozenset(self.permissions), self.clock.now()
        call = Call(method, params, body, token, self.state, self.strikes, self._pages, held, now)
        answer = self._applied(handler, call)
        return select(answer, params["fields"]) if "fields" in params else answer

    def _applied(self, handler: Handler, call: Call) -> dict[str, Any]:
        is_write = call.method.http != "GET" and not call.method.id.endswith(READING_POSTS)
        self.tell(call.method.id, "before", is_write)
        with self.state.lock if is_write else contextlib.nullcontext():
            answer = handler(call)
        self.tell(call.method.id, "after", is_write)
        return answer

    def _authenticated(self, method: Method, request: Request) -> Token:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise errors.unauthenticated(method.service, "CREDENTIALS_MISSING")
        return self.tokens.use(text, method.service)

    def _refuse(self, method: Method, token: Token, path: str) -> None:
        """What faults refuse, whatever is asked."""
        projects = self.company.projects
        project = next((one for one in projects if f"projects/{one.id}/" in f"{path}/"), projects[0])
        if {method.service, f"{method.service}/{project.id}"} & self.strikes.names("disabled"):
            raise errors.service_disabled(method.service, method.title, project.number)
        if method.id in self.strikes.names("deny"):
            denied = errors.permission_denied(method.id, f"projects/{project.id}")
            raise errors.not_authorized() if method.service == ADMIN_HOST else denied
        for code, message in OUTAGES.items():
            if self.strikes.strikes(f"gcp_{code}"):
                raise ApiError(code, message)
        now = self.clock.now().timestamp()
        for fault, start in RATES.items():
            limit, key = self.strikes.number(fault), f"{fault} {token.subject}"
            if method.id.startswith(start) and self._window.wait(key, limit, 60, now):
                raise errors.too_fast(self.strikes.text("rate_reason") or "quotaExceeded")


def _json(body: Any, code: int) -> Response:
    return Response(json.dumps(body), status=code, content_type="application/json; charset=UTF-8")
