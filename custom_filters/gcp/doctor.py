"""Looks at a Google customer and project before a run: log-in, delegation, privileges, APIs, schema, data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import google.auth.exceptions
from google.auth.transport.requests import Request

from custom_filters.core.doctor_check import Check
from custom_filters.custodian import clock
from custom_filters.custodian.reach import unreachable
from custom_filters.gcp import bound_keys, recent_use, usage_reports
from custom_filters.gcp.accounts import ACCOUNTS, POLICIES
from custom_filters.gcp.activity import ACTIVITIES, OF_ACCOUNTS, OF_KEYS, SERIES, get_seen
from custom_filters.gcp.client import Api, Client, Login, login_of
from custom_filters.gcp.directory import USERS_READ, USERS_WRITE, projection
from custom_filters.gcp.errors import GoogleError
from custom_filters.gcp.permissions import iam_permissions
from custom_filters.gcp.roles import ASSIGNMENTS
from custom_filters.gcp.schema import SCHEMA, SCHEMAS_READ, get_schema, missing_fields

_LOG_IN = "set GOOGLE_APPLICATION_CREDENTIALS to the service account's key file"
_TIMEOUT = 6
_NO_PROJECT = "set GOOGLE_CLOUD_PROJECT to look at a project's service accounts"


def log_in() -> Check:
    """Whether Google gives a token; soon said where there is no network, or the log-in is refused."""
    from c7n_gcp.client import Session

    try:
        session = Session()
        lost = _no_token(session)
    except google.auth.exceptions.RefreshError as error:  # that Google is busy is no reason not to run
        return Check("log-in", error.retryable, str(error.args[0]), _LOG_IN)
    except google.auth.exceptions.GoogleAuthError as error:
        return Check("log-in", ok=False, detail=str(error.args[0]), remedy=_LOG_IN)
    return lost or Check("log-in", ok=True, detail=str(login_of(session)))


def _no_token(session: Any) -> Check | None:
    """Have the log-in give a token; a failed check when it can't be reached. Raises GoogleAuthError."""
    credentials = session._credentials
    address = getattr(credentials, "_token_uri", None)
    if address and (lost := unreachable(address)):
        return lost
    credentials.refresh(partial(Request(), timeout=_TIMEOUT))
    return None


def checks() -> Iterator[Check]:
    """Each thing that a run needs of Google; what depends on a log-in that failed is left out."""
    from c7n_gcp.client import Session

    found = log_in()
    yield found
    if not found.ok:
        return
    session = Session()
    login = login_of(session)
    yield _subject(login)
    yield from _people(session, login)
    yield from _project(session)


def _subject(login: Login) -> Check:
    detail = f"customer {login.customer}, on behalf of {login.subject or 'the service account itself'}"
    remedy = "set GOOGLE_WORKSPACE_SUBJECT to an administrator's address, and delegate the scopes"
    return Check("subject", ok=bool(login.subject), detail=detail, remedy=remedy)


def _people(session: Any, login: Login) -> Iterator[Check]:
    def client(api: Api) -> Client:
        return Client(session, api)

    yield _check("users", lambda: _users(client(USERS_READ), client(SCHEMAS_READ), login.customer))
    yield _check("usage reports", lambda: _usage(client(usage_reports.USAGE), login.customer))
    yield _marks(session, login.customer)
    yield _check(
        "activities (optional: the last hours before users are suspended)",
        lambda: _activities(client(recent_use.ACTIVITIES), login),
    )
    yield _check("roles (only to mark and disable)", lambda: _roles(client(ASSIGNMENTS), login.customer))
    yield _check("writing users (only to mark and disable)", lambda: _write(client(USERS_WRITE), login))


def _users(users: Client, schemas: Client, customer: str) -> str:
    shown = projection(get_schema(schemas, customer))
    users.call("list", customer=customer, maxResults=1, fields="users(id)", **shown)
    return "can be listed"


def _usage(client: Client, customer: str) -> str:
    return usage_reports.describe(usage_reports.get_newest(client, customer, clock.now()))


def _activities(client: Client, login: Login) -> str:
    now = clock.now()
    recent_use.get_recent_use(client, login.customer, login.subject or "all", now, now)
    return "can be asked"


def _marks(session: Any, customer: str) -> Check:
    name = "custom schema (only to mark and disable)"
    try:
        missing = missing_fields(get_schema(Client(session, SCHEMAS_READ), customer))
    except GoogleError as error:
        return Check(name, ok=False, detail=error.text, remedy=error.remedy)
    detail = f"{SCHEMA} lacks {', '.join(missing)}" if missing else f"{SCHEMA} is there"
    return Check(name, ok=not missing, detail=detail, remedy="c7n-unused setup -p gcp")


def _roles(client: Client, customer: str) -> str:
    client.call("list", customer=customer, maxResults=1)
    return "can be read"


def _write(client: Client, login: Login) -> str:
    """A read with the scope for writing: the scope is delegated. Nothing is written."""
    client.call("list", customer=login.customer, maxResults=1, fields="users(id)")
    return "the scope is delegated"


def _project(session: Any) -> Iterator[Check]:
    try:
        project = session.get_default_project()
    except ValueError as error:
        yield Check("project", ok=False, detail=str(error), remedy=_NO_PROJECT)
        return
    yield _permissions(Client(session, POLICIES), project)
    yield _check(f"service accounts of {project}", lambda: _accounts(session, project))
    yield _check(f"Policy Analyzer in {project}", lambda: _analyzer(session, project))
    yield _check(f"Monitoring in {project}", lambda: _monitoring(session, project))
    lost = "without them, accounts that are not seen in use are unknown"
    yield _check(f"HMAC keys of {project} ({lost})", lambda: _hmac_keys(session, project))
    yield _check(f"API keys of {project} ({lost})", lambda: _api_keys(session, project))


def _accounts(session: Any, project: str) -> str:
    Client(session, ACCOUNTS).call("list", name=f"projects/{project}", pageSize=1)
    return "can be listed"


def _analyzer(session: Any, project: str) -> str:
    parent = f"projects/{project}/locations/global/activityTypes/{OF_ACCOUNTS.activity}"
    Client(session, ACTIVITIES).call("query", parent=parent, pageSize=1)
    return "can be asked"


def _monitoring(session: Any, project: str) -> str:
    get_seen(Client(session, SERIES), project, OF_KEYS, clock.now(), "none")
    return "can be asked"


def _hmac_keys(session: Any, project: str) -> str:
    return f"{len(bound_keys.get_hmac_keys(Client(session, bound_keys.HMAC_KEYS), project))} are there"


def _api_keys(session: Any, project: str) -> str:
    found = bound_keys.get_api_keys(Client(session, bound_keys.API_KEYS), project)
    return f"{len(found)} bound to accounts are there"


def _permissions(projects: Client, project: str) -> Check:
    """Asking which permissions one has needs none."""
    name = f"IAM permissions in {project}"
    wanted = [need.name for need in iam_permissions(enforce=True)]
    try:
        held = projects.call("testIamPermissions", resource=project, body={"permissions": wanted})
    except GoogleError as error:
        return Check(name, ok=False, detail=error.text, remedy=error.remedy)
    missing = [permission for permission in wanted if permission not in held.get("permissions", ())]
    to_report = {need.name for need in iam_permissions(enforce=False)}
    needed = [permission for permission in missing if permission in to_report]
    detail = f"missing: {', '.join(missing)}" if missing else "all are there"
    if missing and not needed:
        detail += " (only to mark and disable)"
    return Check(
        name, ok=not missing, detail=detail, remedy=f"grant them to the service account in {project}"
    )


def _check(name: str, call: Callable[[], str]) -> Check:
    try:
        detail = call()
    except GoogleError as error:
        return Check(name, ok=False, detail=error.text, remedy=error.remedy or "see the message")
    return Check(name, ok=True, detail=detail)
