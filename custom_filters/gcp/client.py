"""Calls to Google's APIs on Custodian's session: retried, paged to the end, and every failure raised.

Custodian's own query code takes an API that is not enabled for an empty list, and shares one HTTP connection,
with its log-in, between sessions of a thread; so the session is asked for its clients and the calls are ours.
"""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import google.auth.exceptions
import google_auth_httplib2
import httplib2
from c7n.utils import local_session
from c7n_gcp.client import get_workspace_customer, get_workspace_subject
from google.auth.transport.requests import Request
from googleapiclient.errors import HttpError

from custom_filters.core.evidence import Unknown
from custom_filters.custodian.calls import count
from custom_filters.custodian.pacing import RateLimiter
from custom_filters.custodian.store import forget, shared
from custom_filters.custodian.waits import parse_retry_after
from custom_filters.gcp.errors import GoogleError, error_of, lost, no_token
from custom_filters.gcp.pace import again, given_up, shared_limiter

log = logging.getLogger("custodian.unused")

Json = dict[str, Any]
T = TypeVar("T")
_AUTH = "https://www.googleapis.com/auth/"


@dataclass(frozen=True)
class Api:
    """One collection of an API, such as `users` of the Directory API, and the OAuth scope for it.

    Without a scope it is asked as the service account itself, with one for GOOGLE_WORKSPACE_SUBJECT.
    """

    service: str
    version: str
    component: str
    scope: str | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scope as Google writes it."""
        return (_AUTH + self.scope,) if self.scope else ()


class Client:
    """Calls of one collection; safe to share between threads."""

    def __init__(self, session: Any, api: Api) -> None:
        """`session` is a c7n_gcp Session."""
        self._api = api
        self._limiter: RateLimiter = shared_limiter(session, api.service, api.version, api.component)
        self._client = session.client(api.service, api.version, api.component, scopes=api.scopes or None)
        collection = self._client.gcp_service
        for part in api.component.split("."):
            collection = getattr(collection, part)()
        self._collection = collection
        self._local = threading.local()

    def call(self, verb: str, **arguments: Any) -> Json:
        """One call's answer ({} for an empty one); raises GoogleError."""
        return self._execute(verb, getattr(self._collection, verb)(**arguments))

    def pages(self, verb: str, **arguments: Any) -> Iterator[Json]:
        """Every page of a list; raises GoogleError rather than end early."""
        request = getattr(self._collection, verb)(**arguments)
        while request is not None:
            page = self._execute(verb, request)
            yield page
            request = getattr(self._collection, f"{verb}_next")(request, page)

    def items(self, verb: str, key: str, **arguments: Any) -> Iterator[Json]:
        """Every item of a list whose pages hold it under `key`."""
        for page in self.pages(verb, **arguments):
            yield from page.get(key, ())

    def _execute(self, verb: str, request: Any) -> Json:
        method = f"{self._api.component}.{verb}"
        return self._limiter.call(lambda: self._attempt(method, request), GoogleError, again, given_up)

    def _attempt(self, method: str, request: Any) -> Json:
        count(f"{self._api.service}.{method}")
        try:
            answer = request.execute(http=self._http())
        except HttpError as error:
            found = error_of(method, int(error.resp.status), error.content)
            found.retry_after = parse_retry_after(error.resp.get("retry-after"))
            raise found from error
        except google.auth.exceptions.GoogleAuthError as error:
            if isinstance(error, google.auth.exceptions.TransportError) or error.retryable:
                raise lost(method, f"no access token yet: {error}") from error
            raise no_token(method, self._api.scopes, error) from error
        except (OSError, httplib2.HttpLib2Error, http.client.HTTPException) as error:
            raise lost(method, str(error) or "the connection was lost") from error
        if not isinstance(answer, dict):  # googleapiclient passes on what it cannot read as JSON
            raise lost(method, "the answer is not JSON")
        return answer

    def _http(self) -> Any:
        """httplib2 is not safe between threads: each has its own connections."""
        if not hasattr(self._local, "http"):
            self._local.http = google_auth_httplib2.AuthorizedHttp(
                self._client._credentials, http=self._client.get_http()
            )
        return self._local.http


@dataclass(frozen=True)
class Login:
    """Who asks: the service account and the key it signs with ("" if unknown), and the user it speaks for."""

    account: str
    key: str
    subject: str
    customer: str

    def __str__(self) -> str:
        account = self.account or "application default credentials"
        return f"{account} for {self.subject}" if self.subject else account


def login_of(session: Any) -> Login:
    """The log-in of a c7n_gcp Session and of the environment."""
    return _login(*_account_of(session))


def _login(account: str, key: str) -> Login:
    return Login(account, key, get_workspace_subject() or "", get_workspace_customer())


def _account_of(session: Any) -> tuple[str, str]:
    """The service account's address and the id of the key that signs."""
    credentials = session._credentials
    account = getattr(credentials, "service_account_email", None) or ""
    if account == "default":  # a machine's own account tells its name only once it has a token
        credentials.refresh(Request())
        account = credentials.service_account_email
    signer = getattr(credentials, "signer", None)
    return str(account), str(getattr(signer, "key_id", None) or "")


def session_of(manager: Any) -> Any:
    """The policy's c7n_gcp Session; of the calling thread, so to be asked for in the main one."""
    return local_session(manager.session_factory)


def shared_login(manager: Any) -> Login:
    """See login_of."""
    session = session_of(manager)
    return _login(*shared(session, ("gcp-account",), lambda: _account_of(session)))


def once(manager: Any, key: tuple[Hashable, ...], load: Callable[[], T]) -> T:
    """What `load` reads, once for all policies of a run with this log-in."""
    return shared(session_of(manager), (*key, shared_login(manager)), load)


def once_or_unknown(
    manager: Any, source: str, key: tuple[Hashable, ...], load: Callable[[], T]
) -> T | Unknown:
    """The same, or why it is unknown where Google refuses it; the rest of a run goes on, and says so once."""

    def read() -> T | Unknown:
        try:
            return load()
        except GoogleError as error:
            if not error.refused:
                raise
            tell_once(manager, f"{source} is not known here", str(error))
            return Unknown(f"{source} could not be read: {error}", source)

    return once(manager, key, read)


def tell_once(manager: Any, what: str, why: str) -> None:
    """Warn of something that Google refuses, once a run for each reason."""
    told: set[str] = once(manager, ("gcp-told",), set)
    if why not in told:
        told.add(why)
        log.warning("%s: %s", what, why)


def forget_once(manager: Any, *key: Hashable) -> None:
    """Have it read again: something was changed."""
    forget(session_of(manager), (*key, shared_login(manager)))


def shared_client(manager: Any, api: Api) -> Client:
    """The client of a collection; one for all policies of a run."""
    session = session_of(manager)
    return once(manager, ("gcp-client", api), lambda: Client(session, api))


def project_of(manager: Any) -> str:
    """The id of the project that the policy runs for."""
    return str(session_of(manager).get_default_project())


def found_or_none(call: Callable[[], Json]) -> Json | None:
    """The call's answer, or None where Google does not know it; other errors are raised."""
    try:
        return call()
    except GoogleError as error:
        if error.status == 404:
            return None
        raise
