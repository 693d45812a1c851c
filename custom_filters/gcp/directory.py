"""The customer's users, listed once for all policies of a run.

https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list: at most 500 a page, and
a page token lives three days. Never signed in is written as 1970-01-01.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from c7n.exceptions import PolicyExecutionError

from custom_filters.core.evidence import Unknown
from custom_filters.custodian.progress import counted
from custom_filters.gcp.client import (
    Api,
    Client,
    Json,
    forget_once,
    found_or_none,
    once,
    once_or_unknown,
    shared_client,
    shared_login,
)
from custom_filters.gcp.errors import GoogleError
from custom_filters.gcp.schema import SCHEMA, SCHEMAS_READ, get_schema

USERS_READ = Api("admin", "directory_v1", "users", "admin.directory.user.readonly")
USERS_WRITE = Api("admin", "directory_v1", "users", "admin.directory.user")
SSO = Api("cloudidentity", "v1", "inboundSsoAssignments", "cloud-identity.inboundsso.readonly")
_PAGE = 500
_BAD_REQUEST = 400
#: What a resource has; addresses, phone numbers and the like are never fetched.
_FIELDS = (
    "id,primaryEmail,customerId,name/fullName,aliases,orgUnitPath,creationTime,lastLoginTime,"
    "suspended,suspensionReason,suspensionTime,archived,isGuestUser,isMailboxSetup,isAdmin,isDelegatedAdmin,isEnrolledIn2Sv,"
    "isEnforcedIn2Sv,relations,customSchemas"
)


@dataclass(frozen=True)
class Listing:
    """The users of one customer, as users.list gives them, with the values of our custom schema."""

    users: tuple[Json, ...]
    by_id: Mapping[str, Json] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the users by id."""
        object.__setattr__(self, "by_id", {user["id"]: user for user in self.users})


def shared_listing(manager: Any) -> Listing:
    """The customer's listing, read once for all policies of a run."""
    return once(manager, ("gcp-users",), lambda: get_listing(manager, shared_login(manager).customer))


def forget_listing(manager: Any) -> None:
    """Have the next policy list again: users were marked or changed."""
    forget_once(manager, "gcp-users")
    forget_once(manager, "gcp-users-again")


def get_listing(manager: Any, customer: str) -> Listing:
    """Every user; an empty list is an error, since at least our own subject exists."""
    pages = shared_client(manager, USERS_READ).items(
        "list",
        "users",
        customer=customer,
        maxResults=_PAGE,
        fields=f"nextPageToken,users({_FIELDS})",
        **projection(shared_schema(manager)),
    )
    users = {user["id"]: user for user in counted(_with_hint(pages), "users read")}
    if not users:
        raise PolicyExecutionError(
            f"Google lists no users of customer {customer}; check GOOGLE_WORKSPACE_CUSTOMER and that "
            "GOOGLE_WORKSPACE_SUBJECT may read users"
        )
    return Listing(tuple(users.values()))


def _with_hint(users: Iterable[Json]) -> Iterator[Json]:
    try:
        yield from users
    except GoogleError as error:
        if error.status != _BAD_REQUEST:
            raise
        remedy = (
            f"run again; if the custom schema {SCHEMA} was made lately, Google may not know it for users yet"
        )
        raise GoogleError(error.method, error.status, error.reason, error.message, remedy) from error


def projection(schema: Json | Unknown | None) -> dict[str, str]:
    """Arguments that have users come with our notes; without our schema nobody can be marked."""
    if schema is None or isinstance(schema, Unknown):
        return {"projection": "basic"}
    return {"projection": "custom", "customFieldMask": SCHEMA}


def shared_schema(manager: Any) -> Json | Unknown | None:
    """Our custom schema, asked for once a run; Unknown where Google refuses to tell."""
    customer, client = shared_login(manager).customer, shared_client(manager, SCHEMAS_READ)
    return once_or_unknown(manager, "custom schema", ("gcp-schema",), lambda: get_schema(client, customer))


def shared_subject(manager: Any) -> Json | None:
    """Our own subject (GOOGLE_WORKSPACE_SUBJECT), read once a run."""
    subject, users = shared_login(manager).subject, shared_client(manager, USERS_READ)
    if not subject:
        return None
    return once(manager, ("gcp-subject",), lambda: get_user(users, subject, projection(None)))


def get_user(users: Client, key: str, projection: Mapping[str, str]) -> Json | None:
    """One user by id or address, as it is now; None when it is gone."""
    return found_or_none(lambda: users.call("get", userKey=key, fields=_FIELDS, **projection))


def shared_sso_problem(manager: Any) -> Unknown | None:
    """Why lastLoginTime alone proves nothing where another identity provider signs users in; read once a run.

    https://cloud.google.com/identity/docs/reference/rest/v1/inboundSsoAssignments/list: any assignment makes
    it unknown for everybody, since which one holds for which user is not resolved.
    """
    customer, client = shared_login(manager).customer, shared_client(manager, SSO)
    if not once(manager, ("gcp-sso",), lambda: uses_sso(client, customer)):
        return None
    reason = "users sign in through another identity provider: add `reports` to `evidence:`"
    return Unknown(reason, "single-sign-on")


def uses_sso(client: Client, customer: str) -> bool:
    """Whether any organizational unit or group is sent to another identity provider."""
    assignments = client.items(
        "list", "inboundSsoAssignments", filter=f'customer=="customers/{customer}"', pageSize=100
    )
    return any(item.get("ssoMode") != "SSO_OFF" for item in assignments)
