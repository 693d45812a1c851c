"""/users: lists, single users, accountEnabled, revokeSignInSessions, manager, sponsors.

Sources: the Graph v1.0 pages "List users", "Get a user", "Update user", "user: revokeSignInSessions", and
the user resource type (signInActivity: by id only, absent for those who never signed in).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from custom_filters.sandbox.azure.extensions import expanded
from custom_filters.sandbox.azure.odata import Answer, Call, GraphError, Json, denied, not_found
from custom_filters.sandbox.azure.people import Activity, Person, object_id
from custom_filters.sandbox.azure.tenant import USER_READ, Route, Tenant, text

CHANGE = [
    {"User.EnableDisableAccount.All", "User.Read.All"},
    {"User.ReadWrite.All"},
    {"Directory.ReadWrite.All"},
]
REVOKE = [{"User.RevokeSessions.All"}, {"User.ReadWrite.All"}, {"Directory.ReadWrite.All"}]
MAX_WITH_ACTIVITY = 500
DEFAULT = [
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
]
# Properties of the resource type that nobody in the tenant has a value for.
EMPTY = frozenset(
    [
        "ageGroup",
        "city",
        "companyName",
        "consentProvidedForMinor",
        "country",
        "creationType",
        "deletedDateTime",
        "employeeHireDate",
        "employeeId",
        "employeeLeaveDateTime",
        "employeeType",
        "faxNumber",
        "isResourceAccount",
        "jobTitle",
        "lastPasswordChangeDateTime",
        "legalAgeGroupClassification",
        "mobilePhone",
        "officeLocation",
        "onPremisesDistinguishedName",
        "onPremisesDomainName",
        "onPremisesImmutableId",
        "onPremisesLastSyncDateTime",
        "onPremisesSamAccountName",
        "onPremisesSecurityIdentifier",
        "onPremisesUserPrincipalName",
        "passwordPolicies",
        "postalCode",
        "preferredDataLocation",
        "preferredLanguage",
        "securityIdentifier",
        "showInAddressList",
        "state",
        "streetAddress",
        "usageLocation",
    ]
)
VALUES: dict[str, Callable[[Person], object]] = {
    "accountEnabled": lambda person: person.enabled,
    "businessPhones": lambda person: [],
    "createdDateTime": lambda person: text(person.created),
    "department": lambda person: person.department,
    "displayName": lambda person: person.name,
    "externalUserState": lambda person: person.external_state,
    "externalUserStateChangeDateTime": lambda person: text(person.external_changed),
    "givenName": lambda person: person.name.partition(" ")[0],
    "id": lambda person: person.id,
    "isManagementRestricted": lambda person: person.restricted,
    "mail": lambda person: person.mail,
    "mailNickname": lambda person: person.upn.partition("@")[0],
    "onPremisesSyncEnabled": lambda person: person.synced,
    "otherMails": lambda person: [],
    "proxyAddresses": lambda person: [],
    "signInSessionsValidFromDateTime": lambda person: text(person.sessions_valid_from or person.created),
    "surname": lambda person: person.name.partition(" ")[2],
    "userPrincipalName": lambda person: person.upn,
    "userType": lambda person: person.user_type,
}
KNOWN = frozenset(VALUES) | EMPTY | {"signInActivity"}


def list_users(tenant: Tenant, call: Call) -> Answer:
    """One page; 100 by default, 999 at most, 500 with signInActivity."""
    call.allow("$select", "$top", "$skiptoken", "$expand", "$count")
    names = call.select(KNOWN, DEFAULT, "user")
    order, faults = tenant.directory.order, tenant.faults
    extra: Json = {}
    if call.query.get("$count", "false") == "true" and _eventual(call):
        extra["@odata.count"] = len(order)
    largest = 999
    if "signInActivity" in names:
        tenant.check_activity()
        largest = MAX_WITH_ACTIVITY
    render = renderer(tenant, call, names)
    people = tenant.directory.people
    return tenant.pages.page(
        call,
        order,
        lambda key: render(people[key]),
        f"users({','.join(names)})" if "$select" in call.query else "users",
        largest=largest,
        host=faults.text("nextlink_host"),
        extra=extra,
    )


def count_users(tenant: Tenant, call: Call) -> Answer:
    """The number of users as text; an advanced query, so it needs ConsistencyLevel: eventual."""
    if not _eventual(call):
        raise GraphError(400, "Request_BadRequest", "$count is not currently supported.")
    return Answer(200, str(len(tenant.directory.order)))


def get_user(tenant: Tenant, call: Call, user: str) -> Answer:
    """By id or UPN; signInActivity by id only."""
    call.allow("$select", "$expand")
    names = call.select(KNOWN, DEFAULT, "user")
    if "signInActivity" in names:
        if not _is_guid(user):
            raise GraphError(
                400, "BadRequest", "Get By Key only supports UserId and the key has to be a valid Guid"
            )
        tenant.check_activity()
    person = tenant.person(user)
    shape = f"users({','.join(names)})" if "$select" in call.query else "users"
    context = f"{call.origin}/v1.0/$metadata#{shape}/$entity"
    return Answer(200, {"@odata.context": context, **renderer(tenant, call, names)(person)})


def update_user(tenant: Tenant, call: Call, user: str) -> Answer:
    """Sets accountEnabled only; refuses who is mastered elsewhere, in a restricted unit, or privileged."""
    person = tenant.person(user)
    changes = {name: value for name, value in call.json().items() if not name.startswith("@odata.")}
    if set(changes) - {"accountEnabled"}:
        raise GraphError(501, "NotImplemented", "The sandbox plays changes of accountEnabled only.")
    enabled = changes.get("accountEnabled")
    if not isinstance(enabled, bool):
        raise GraphError(400, "Request_BadRequest", "Invalid value specified for property 'accountEnabled'.")
    if tenant.faults.names("patch_fail") & {person.id, person.upn}:
        raise GraphError(500, "Service_InternalServerError", "Encountered an internal server error.")
    if person.restricted or (tenant.directory.protected(person) and not tenant.app_roles):
        raise denied()
    if person.synced:
        raise GraphError(
            400,
            "Request_BadRequest",
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or "
            "objects currently undergoing migration.",
        )
    tenant.directory.change(person, enabled=enabled)
    return Answer(204)


def revoke_sessions(tenant: Tenant, call: Call, user: str) -> Answer:
    """Refresh tokens end now; 200 with value true."""
    tenant.directory.change(tenant.person(user), sessions_valid_from=tenant.clock.now())
    return Answer(200, {"@odata.context": f"{call.origin}/v1.0/$metadata#Edm.Boolean", "value": True})


def get_manager(tenant: Tenant, call: Call, user: str) -> Answer:
    """The manager, 404 when there is none."""
    call.allow("$select")
    names = call.select(KNOWN, DEFAULT, "user")
    manager = tenant.directory.find(tenant.person(user).manager or "")
    if manager is None:
        raise not_found("manager")
    context = f"{call.origin}/v1.0/$metadata#directoryObjects/$entity"
    kind = {"@odata.type": "#microsoft.graph.user"}
    return Answer(200, {"@odata.context": context, **kind, **renderer(tenant, call, names)(manager)})


def list_sponsors(tenant: Tenant, call: Call, user: str) -> Answer:
    """The sponsors, possibly none."""
    call.allow("$select", "$top", "$skiptoken")
    render = renderer(tenant, call, call.select(KNOWN, DEFAULT, "user"))
    sponsors = [tenant.directory.find(upn) for upn in tenant.person(user).sponsors]
    return tenant.pages.page(
        call,
        [sponsor for sponsor in sponsors if sponsor],
        lambda person: {"@odata.type": "#microsoft.graph.user", **render(person)},
        "directoryObjects",
    )


def me(tenant: Tenant, call: Call) -> Answer:
    """There is no me in an app's token."""
    raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")


def renderer(tenant: Tenant, call: Call, names: list[str]) -> Callable[[Person], Json]:
    """How to show a person with these properties and the call's $expand; made once a page."""
    expand = call.query.get("$expand", "")
    if expand not in {"", "extensions"}:
        raise GraphError(501, "NotImplemented", f"The sandbox does not play $expand={expand}.")
    plain = [(name, VALUES.get(name, _none)) for name in names if name != "signInActivity"]
    active = "signInActivity" in names and tenant.faults.text("activity") != "missing"

    def render(person: Person) -> Json:
        shown: Json = {name: value(person) for name, value in plain}
        if active and person.activity:
            shown["signInActivity"] = _activity(person.activity)
        if expand:
            shown |= expanded(tenant, call, person)
        return shown

    return render


def _activity(activity: Activity) -> Json:
    moments = {
        "": activity.interactive,
        "NonInteractive": activity.non_interactive,
        "Successful": activity.successful,
    }
    shown: Json = {}
    for name, moment in moments.items():
        date = text(moment)
        shown[f"last{name}SignInDateTime"] = date
        shown[f"last{name}SignInRequestId"] = object_id("sign-in", date) if date else None
    return shown


def _none(person: Person) -> None:
    return None


def _eventual(call: Call) -> bool:
    return call.headers.get("consistencylevel", "").lower() == "eventual"


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


ROUTES = [
    Route("GET", "/users", list_users, USER_READ),
    Route("GET", "/users/$count", count_users, USER_READ),
    Route("GET", "/users/<user>", get_user, USER_READ),
    Route("PATCH", "/users/<user>", update_user, CHANGE),
    Route("POST", "/users/<user>/revokeSignInSessions", revoke_sessions, REVOKE),
    Route("GET", "/users/<user>/manager", get_manager, USER_READ),
    Route("GET", "/users/<user>/sponsors", list_sponsors, USER_READ),
    Route("GET", "/me", me),
]
