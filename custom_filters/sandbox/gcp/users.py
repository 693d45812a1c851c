"""Directory API: users. Source: Admin SDK reference, users, and "Manage user accounts"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, listed, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError, not_authorized, not_emulated, not_found
from custom_filters.sandbox.gcp.people import Person
from custom_filters.sandbox.gcp.schemas import known_schemas, merged

NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)
WRITABLE = frozenset({"suspended", "archived", "customSchemas"})
#: The reference: such fields in an update are ignored.
READ_ONLY = frozenset({"id", "isAdmin", "lastLoginTime", "suspensionReason", "suspensionTime"})


def users_list(call: Call) -> dict[str, Any]:
    call.refuse("domain", "query", "orderBy", "showDeleted", "event", "viewType")
    if "customer" not in call.params:
        raise ApiError(400, "Bad Request", reason="badRequest")
    call.check_customer(call.params["customer"])
    call.require_privilege("USERS_RETRIEVE")
    shown, lag = _shown_schemas(call), call.lag("gcp_list_lag")

    ids = [p.id for p in sorted(call.state.people.listed(lag), key=lambda person: person.email)]
    part, more = call.page(ids, call.params.get("maxResults", 100))
    people = [person for key in part if (person := call.state.people.seen(key, lag))]
    return listed("users", [resource(call, _as_listed(call, person), shown) for person in people], more)


def users_get(call: Call) -> dict[str, Any]:
    call.require_privilege("USERS_RETRIEVE")
    return resource(call, _found(call, call.lag("gcp_read_lag")), _shown_schemas(call))


def users_patch(call: Call) -> dict[str, Any]:
    """users.patch leaves alone what is not named; null clears; all of it or nothing."""
    person, body = _found(call), call.body
    call.require_privilege("USERS_SUSPEND" if set(body) == {"suspended"} else "USERS_UPDATE")
    if (person.admin or person.delegated_admin) and not (call.caller and call.caller.admin):
        raise not_authorized()  # only a super administrator changes an administrator
    if unknown := set(body) - WRITABLE - READ_ONLY:
        raise not_emulated(f"changes of {', '.join(sorted(unknown))}")
    if {person.id, person.email} & call.faults.names("patch_fail"):
        raise ApiError(500, "Internal error encountered.")
    changes: dict[str, Any] = {name: bool(body[name]) for name in ("suspended", "archived") if name in body}
    if "suspended" in changes and changes["suspended"] != person.suspended:
        off = changes["suspended"]
        changes |= {"suspension_reason": "ADMIN" if off else "", "suspended_at": call.now if off else None}
    if "customSchemas" in body:
        changes["custom"] = merged(call, person.custom, body["customSchemas"])
    changed = call.state.change(person, **changes)
    return resource(call, changed, frozenset(changed.custom))


def resource(call: Call, person: Person, schemas: frozenset[str]) -> dict[str, Any]:
    """A User as the API shows it, with the values of these custom schemas."""
    custom = {name: dict(values) for name, values in person.custom.items() if name in schemas and values}
    return {
        "id": person.id,
        "primaryEmail": person.email,
        "name": {"fullName": f"{person.given} {person.family}".strip()},
        "isAdmin": person.admin,
        "isDelegatedAdmin": person.delegated_admin,
        "creationTime": rfc3339(person.created, millis=True),
        "suspended": person.suspended,
        "archived": person.archived,
        "customerId": call.state.customer.id,
        "orgUnitPath": person.org_unit,
        "isMailboxSetup": not person.guest,
        "isEnrolledIn2Sv": not person.guest,
        "isEnforcedIn2Sv": False,
        "isGuestUser": person.guest,
        **_optional(call, person),
        **({"customSchemas": custom} if custom else {}),
    }


def _optional(call: Call, person: Person) -> dict[str, Any]:
    body: dict[str, Any] = {}
    lag = call.lag("login_lag", 3600)
    then = call.state.people.seen(person.id, lag) or replace(person, last_login=None)
    known = then.last_login if lag else person.last_login
    if not person.login_time_missing:
        body["lastLoginTime"] = rfc3339(known or NEVER, millis=True)
    if person.suspended:
        body["suspensionReason"] = person.suspension_reason or "ADMIN"
    if person.suspended and person.suspended_at:
        body["suspensionTime"] = rfc3339(person.suspended_at, millis=True)
    if person.aliases:
        body["aliases"] = list(person.aliases)
    if person.manager:
        body["relations"] = [{"value": person.manager, "type": "manager"}]
    return body


def _shown_schemas(call: Call) -> frozenset[str]:
    """The custom schemas whose values are asked for. Raises ApiError 400 for one that is not there."""
    projection, known = call.params.get("projection", "basic"), known_schemas(call)
    if projection == "custom":
        asked = frozenset(filter(None, call.params.get("customFieldMask", "").split(",")))
        if not asked or not asked <= known:
            raise ApiError(400, "Invalid Input: custom_field_mask")
        return asked
    return known if projection == "full" else frozenset()


def _found(call: Call, lag: float = 0) -> Person:
    person = call.state.person(call.params["userKey"], lag)
    if person is None:
        raise not_found("userKey")
    if {person.id, person.email} & call.faults.names("deny_user"):
        raise not_authorized()
    return person


def _as_listed(call: Call, person: Person) -> Person:
    """users.list as it has been seen to differ from users.get: no or an older sign-in for some users."""
    if {person.id, person.email} & call.faults.names("omit_list"):
        return replace(person, login_time_missing=True)
    conflict = call.faults.text("conflict") and person.last_login is not None
    if not conflict or person.last_login is None or person.last_login < call.now - timedelta(days=60):
        return person
    chosen = 0 if person.case == "list-conflict" else int(person.id[-3:]) % 20
    if chosen == 0:
        return replace(person, last_login=max(person.created, person.last_login - timedelta(days=300)))
    return replace(person, login_time_missing=True) if chosen == 1 else person


HANDLERS: Mapping[str, Handler] = {
    "admin.directory.users.list": users_list,
    "admin.directory.users.get": users_get,
    "admin.directory.users.patch": users_patch,
}
