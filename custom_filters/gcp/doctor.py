"""Looks at a Google customer and project before a run: log-in, delegation, privileges, APIs, schema, data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import google.auth.exceptions
from google.auth.transport.requests import Request

from custom_filters.core.doctor_check import Check
from custom_filters.core.times import format_time
from custom_filters.custodian import clock
from custom_filters.custodian.reach import unreachable
from custom_filters.gcp import accounts, activity, bound_keys, directory, recent_use, roles, usage_reports
from custom_filters.gcp.client import Api, Client, Login, login_of
from custom_filters.gcp.errors import GoogleError
from custom_filters.gcp.permissions import iam_permissions
from custom_filters.gcp.schema import SCHEMA, SCHEMAS_READ, get_schema, missing_fields

_LOG_IN = "set GOOGLE_APPLICATION_CREDENTIALS to the service account's key file"
_TIMEOUT = 6
_NO_PROJECT = "set GOOGLE_CLOUD_PROJECT to look at a project's service accounts"
_NO_SUBJECT = "set GOOGLE_WORKSPACE_SUBJECT to an administrator's address, and delegate the scopes"
_LOST = "without them, accounts that are not seen in use are unknown"


def log_in() -> Check:
    """Whether Google gives a token; answers within seconds without a network or with wrong credentials."""
    from c7n_gcp.client import Session

    try:
        session = Session()
        lost = _no_token(session)
    except google.auth.exceptions.RefreshError as error:  # a busy Google may answer the run itself
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
    detail = f"customer {login.customer}, on behalf of {login.subject or 'the service account itself'}"
    yield Check("subject", ok=bool(login.subject), detail=detail, remedy=_NO_SUBJECT)
    yield from _people(session, login)
    try:
        project = session.get_default_project()
    except ValueError as error:
        yield Check("project", ok=False, detail=str(error), remedy=_NO_PROJECT)
    else:
        yield from _project(session, project)


def _people(session: Any, login: Login) -> Iterator[Check]:
    customer, now = login.customer, clock.now()

    def client(api: Api) -> Client:
        return Client(session, api)

    def users(api: Api = directory.USERS_READ) -> str:
        client(api).call("list", customer=customer, maxResults=1, fields="users(id)")
        return "can be listed"

    def usage() -> str:
        newest = usage_reports.get_newest(client(usage_reports.USAGE), customer, now)
        until, count = format_time(newest.until), len(newest.values)
        return newest.problem or f"usage is known until {until}, of {count} users"

    def activities() -> str:
        subject = login.subject or "all"
        recent_use.get_recent_use(client(recent_use.ACTIVITIES), customer, subject, now, now)
        return "can be asked"

    def holders() -> str:
        client(roles.ASSIGNMENTS).call("list", customer=customer, maxResults=1)
        return "can be read"

    def members() -> str:
        """Of a group that does not exist: what counts is whether we may ask."""
        return _asked(client(roles.MEMBERS), "list", groupKey="c7n-unused-doctor", maxResults=1)

    def writing() -> str:
        """A read with the scope for writing; nothing is written."""
        users(directory.USERS_WRITE)
        return "the scope is delegated"

    yield _check("users", users)
    yield _check("usage reports", usage)
    yield _marks(client(SCHEMAS_READ), customer)
    yield _check("activities (optional: the last hours before users are suspended)", activities)
    yield _check("roles (only to mark and disable)", holders)
    yield _check("members of groups (only to mark and disable)", members)
    yield _check("writing users (only to mark and disable)", writing)


def _asked(client: Client, verb: str, **arguments: Any) -> str:
    """Whether we may ask, not what is found."""
    try:
        client.call(verb, **arguments)
    except GoogleError as error:
        if error.refused or error.status not in {400, 404}:
            raise
    return "can be read"


def _marks(schemas: Client, customer: str) -> Check:
    name = "custom schema (only to mark and disable)"
    try:
        missing = missing_fields(get_schema(schemas, customer))
    except GoogleError as error:
        return Check(name, ok=False, detail=error.text, remedy=error.remedy)
    detail = f"{SCHEMA} lacks {', '.join(missing)}" if missing else f"{SCHEMA} is there"
    return Check(name, ok=not missing, detail=detail, remedy="c7n-unused setup -p gcp")


def _project(session: Any, project: str) -> Iterator[Check]:
    def client(api: Api) -> Client:
        return Client(session, api)

    def listed() -> str:
        client(accounts.ACCOUNTS).call("list", name=f"projects/{project}", pageSize=1)
        return "can be listed"

    def analyzer() -> str:
        kind = activity.OF_ACCOUNTS.activity
        parent = f"projects/{project}/locations/global/activityTypes/{kind}"
        client(activity.ACTIVITIES).call("query", parent=parent, pageSize=1)
        return "can be asked"

    def monitoring() -> str:
        activity.get_seen(client(activity.SERIES), project, activity.OF_KEYS, clock.now(), "none")
        return "can be asked"

    def hmac_keys() -> str:
        return f"{len(bound_keys.get_hmac_keys(client(bound_keys.HMAC_KEYS), project))} are there"

    def api_keys() -> str:
        found = bound_keys.get_api_keys(client(bound_keys.API_KEYS), project)
        return f"{len(found)} bound to accounts are there"

    yield _permissions(client(accounts.POLICIES), project)
    yield _check(f"service accounts of {project}", listed)
    yield _check(f"Policy Analyzer in {project}", analyzer)
    yield _check(f"Monitoring in {project}", monitoring)
    yield _check(f"HMAC keys of {project} ({_LOST})", hmac_keys)
    yield _check(f"API keys of {project} ({_LOST})", api_keys)


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
