"""/users: lists, single users, changes, revokeSignInSessions, manager, sponsors, what a mailbox is for.

Sources: the Graph v1.0 pages "List users", "Get a user", "Update user", "user: revokeSignInSessions",
"mailboxSettings", and the user resource type (signInActivity: by id only, absent for who never signed in).
"""

from __future__ import annotations

from collections.abc import Callable

from custom_filters.sandbox.azure.odata import Answer, Call, GraphError, Json, bad, not_emulated, not_found
from custom_filters.sandbox.azure.people import Activity, Person, object_id
from custom_filters.sandbox.azure.tenant import USER_READ, Route, Tenant, one_of, text

EVERYTHING = one_of("User.ReadWrite.All", "Directory.ReadWrite.All")
ENABLE = [{"User.EnableDisableAccount.All", "User.Read.All"}, *EVERYTHING]
REVOKE = [{"User.RevokeSessions.All"}, *EVERYTHING]
MAILBOX = one_of("MailboxSettings.Read", "MailboxSettings.ReadWrite")
MAX_WITH_ACTIVITY = 500
LONGEST_PROPERTY = 256
VALUES: dict[str, Callable[[Person], object]] = {
    "accountEnabled": lambda person: person.enabled,
    "assignedLicenses": lambda person: [{"skuId": sku, "disabledPlans": []} for sku in person.licenses],
    "createdDateTime": lambda person: text(person.created),
    "department": lambda person: person.department,
    "displayName": lambda person: person.name,
    "employeeHireDate": lambda person: text(person.hired),
    "externalUserState": lambda person: person.external_state,
    "externalUserStateChangeDateTime": lambda person: text(person.external_changed),
    "givenName": lambda person: person.name.partition(" ")[0],
    "id": lambda person: person.id,
    "isManagementRestricted": lambda person: person.restricted,
    "mail": lambda person: person.mail,
    "onPremisesSyncEnabled": lambda person: person.synced,
    "signInSessionsValidFromDateTime": lambda person: text(person.sessions_valid_from or person.created),
    "surname": lambda person: person.name.partition(" ")[2],
    "userPrincipalName": lambda person: person.upn,
    "userType": lambda person: person.user_type,
}
DEFAULT = ("displayName", "givenName", "mail", "surname", "userPrincipalName", "id")
KNOWN = frozenset(VALUES) | {"signInActivity"}


def list_users(tenant: Tenant, call: Call) -> Answer:
    """One page; 100 by default, 999 at most, 500 with signInActivity."""
    call.allow("$select", "$top", "$skiptoken")
    names = _selected(tenant, call)
    people, largest = tenant.listed(), 999
    if "signInActivity" in names:
        _check_activity(tenant)
        largest = MAX_WITH_ACTIVITY
    omitted = tenant.faults.names("omit_list")
    bare = tenant.faults.number("omit_page") == tenant.pages.number(call)
    render = _renderer(tenant, call, names, lambda person: bare or bool(omitted & {person.id, person.upn}))
    shape, host = _shape(call, names), tenant.faults.text("nextlink_host")
    return tenant.pages.page(call, people, render, shape, largest=largest, host=host)


def count_users(tenant: Tenant, call: Call) -> Answer:
    """The number of users as text; an advanced query, so it needs ConsistencyLevel: eventual."""
    if call.headers.get("consistencylevel", "").lower() != "eventual":
        raise bad("$count is not currently supported.", "Request_BadRequest")
    return Answer(200, str(len(tenant.listed())))


def get_user(tenant: Tenant, call: Call, user: str) -> Answer:
    call.allow("$select")
    names = _selected(tenant, call)
    if "signInActivity" in names:
        if "@" in user:
            raise bad("Get By Key only supports UserId and the key has to be a valid Guid")
        _check_activity(tenant)
    render = _renderer(tenant, call, names)
    return Answer(200, {**call.context(f"{_shape(call, names)}/$entity"), **render(tenant.seen(user))})


def update_user(tenant: Tenant, call: Call, user: str) -> Answer:
    """Sets accountEnabled and directory extensions, all or nothing; 204.

    Refuses who is mastered elsewhere, in a restricted unit, or privileged.
    """
    person = tenant.person(user)
    changes = call.json()
    properties = {name: changes.pop(name) for name in list(changes) if name.startswith("extension_")}
    if set(changes) - {"accountEnabled"}:
        raise not_emulated("changes of accountEnabled and directory extensions only: more")
    tenant.require(*(EVERYTHING if properties else ENABLE))
    enabled = bool(changes.get("accountEnabled", person.enabled))
    _check_properties(tenant, properties)
    if tenant.faults.names("patch_fail") & {person.id, person.upn}:
        raise GraphError(500, "Service_InternalServerError", "Encountered an internal server error.")
    if person.restricted or (changes and tenant.directory.protected(person) and not tenant.app_roles):
        raise tenant.denied()
    if person.synced and changes:
        message = "Unable to update the specified properties for on-premises mastered Directory Sync objects."
        raise bad(message, "Request_BadRequest")
    merged = {name: text for name, text in {**person.properties, **properties}.items() if text is not None}
    changed = tenant.directory.change(person, enabled=enabled, properties=merged)
    if person.enabled != enabled:
        tenant.note("Enable account" if enabled else "Disable account", changed)
    return Answer(204)


def _check_properties(tenant: Tenant, properties: Json) -> None:
    known = tenant.directory.properties()
    for name, value in properties.items():
        fits = value is None or (isinstance(value, str) and 0 < len(value) <= LONGEST_PROPERTY)
        if name not in known or not fits:
            raise bad(f"Invalid value specified for property '{name}'.", "Request_BadRequest")


def revoke_sessions(tenant: Tenant, call: Call, user: str) -> Answer:
    """Refresh tokens end now; 200 with value true."""
    fault = tenant.faults.text("revoke_fail")
    if fault == "403":
        raise tenant.denied("User.RevokeSessions.All")
    if fault:
        raise GraphError(500, "Service_InternalServerError", "Encountered an internal server error.")
    tenant.directory.change(tenant.person(user), sessions_valid_from=tenant.clock.now())
    return Answer(200, {**call.context("Edm.Boolean"), "value": True})


def get_manager(tenant: Tenant, call: Call, user: str) -> Answer:
    call.allow("$select")
    manager = tenant.directory.find(tenant.person(user).manager or "")
    if manager is None:
        raise not_found("manager")
    return Answer(200, {**call.context("directoryObjects/$entity"), **call.pick(_related(manager))})


def list_sponsors(tenant: Tenant, call: Call, user: str) -> Answer:
    sponsors = [tenant.directory.find(upn) for upn in tenant.person(user).sponsors]
    return tenant.answer_list(call, [one for one in sponsors if one], _related, "directoryObjects")


def _related(person: Person) -> Json:
    names = {"id": person.id, "displayName": person.name, "userPrincipalName": person.upn}
    return {"@odata.type": "#microsoft.graph.user", **names, "mail": person.mail}


def get_user_purpose(tenant: Tenant, call: Call, user: str) -> Answer:
    """What the mailbox is for; 404 for a user without one."""
    person = tenant.seen(user)
    if person.purpose is None:
        message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
        raise GraphError(404, "MailboxNotEnabledForRESTAPI", message)
    shape = f"users('{person.id}')/mailboxSettings/userPurpose"
    return Answer(200, {**call.context(shape), "value": person.purpose})


def _check_activity(tenant: Tenant) -> None:
    """What signInActivity needs besides: rate, AuditLog.Read.All, a licence."""
    tenant.check_rate("rate_limit", 60)
    tenant.require({"AuditLog.Read.All"})
    tenant.check_license()


def _selected(tenant: Tenant, call: Call) -> list[str]:
    return call.select(KNOWN | tenant.directory.properties().keys(), DEFAULT, "user")


def _shape(call: Call, names: list[str]) -> str:
    return f"users({','.join(names)})" if "$select" in call.query else "users"


def _renderer(
    tenant: Tenant, call: Call, names: list[str], omitted: Callable[[Person], bool] = lambda person: False
) -> Callable[[Person], Json]:
    """How to show a person with these properties; made once a page.

    A directory extension without a value is left out.
    """
    plain = [(name, VALUES[name]) for name in names if name in VALUES]
    properties = [name for name in names if name.startswith("extension_")]
    active = "signInActivity" in names and tenant.faults.text("activity") != "missing"
    lag, silent = tenant.faults.number("activity_lag") * 3600, tenant.faults.names("omit")

    def render(person: Person) -> Json:
        shown: Json = {name: value(person) for name, value in plain}
        shown |= {name: person.properties[name] for name in properties if name in person.properties}
        then = tenant.directory.people.seen(person.id, lag) if lag else person
        if active and then and then.activity and not (silent & {person.id, person.upn} or omitted(person)):
            shown["signInActivity"] = _activity(then.activity)
        return shown

    return render


def _activity(activity: Activity) -> Json:
    kinds = {"": activity.interactive, "NonInteractive": activity.non_interactive}
    shown: Json = {}
    for name, moment in {**kinds, "Successful": activity.successful}.items():
        date = text(moment)
        shown[f"last{name}SignInDateTime"] = date
        shown[f"last{name}SignInRequestId"] = object_id("sign-in", date) if date else None
    return shown


ROUTES = [
    Route("GET", "/users", list_users, USER_READ),
    Route("GET", "/users/$count", count_users, USER_READ),
    Route("GET", "/users/<user>", get_user, USER_READ),
    Route("PATCH", "/users/<user>", update_user, ENABLE),
    Route("POST", "/users/<user>/revokeSignInSessions", revoke_sessions, REVOKE),
    Route("GET", "/users/<user>/manager", get_manager, USER_READ),
    Route("GET", "/users/<user>/sponsors", list_sponsors, USER_READ),
    Route("GET", "/users/<user>/mailboxSettings/userPurpose", get_user_purpose, MAILBOX),
]
