"""Directory API: users. Source: Admin SDK reference, users, "Search for users", "Manage user accounts"."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError, not_authorized, not_found
from custom_filters.sandbox.gcp.people import Customer, Person
from custom_filters.sandbox.gcp.schemas import known_schemas, merged

NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)
WRITABLE = frozenset({"suspended", "archived", "name", "orgUnitPath", "customSchemas"})
READ_ONLY = frozenset(  # the reference: such fields in an update are ignored
    [
        "agreedToTerms",
        "aliases",
        "archivalTime",
        "creationTime",
        "customerId",
        "deletionTime",
        "etag",
        "id",
        "isAdmin",
        "isDelegatedAdmin",
        "isEnforcedIn2Sv",
        "isEnrolledIn2Sv",
        "isGuestUser",
        "isMailboxSetup",
        "kind",
        "lastLoginTime",
        "nonEditableAliases",
        "suspensionReason",
        "suspensionTime",
        "thumbnailPhotoEtag",
        "thumbnailPhotoUrl",
    ]
)
FLAGS: Mapping[str, Callable[[Person], bool]] = {
    "isSuspended": lambda person: person.suspended,
    "isArchived": lambda person: person.archived,
    "isAdmin": lambda person: person.admin,
    "isDelegatedAdmin": lambda person: person.delegated_admin,
}
ORDER: Mapping[str, Callable[[Person], str]] = {
    "email": lambda person: person.email.lower(),
    "givenName": lambda person: person.given.lower(),
    "familyName": lambda person: person.family.lower(),
}
Matcher = Callable[[Person], bool]


def check_customer(call: Call, customer: str | None) -> None:
    """Raises unless `customer` is the subject's own (`my_customer` or the id)."""
    if customer == "my_customer" and call.caller is None:
        raise ApiError(400, "Invalid Input")  # a service account alone belongs to no customer
    if customer not in ("my_customer", call.state.customer.id):
        raise not_authorized()


def users_list(call: Call) -> dict[str, Any]:
    """users.list: 100 a page, at most 500; deleted users only with showDeleted."""
    params = call.params
    in_scope = _scope(call)
    call.require_privilege("USERS_RETRIEVE")
    matches = _query(params.get("query", ""))
    deleted = params.get("showDeleted") == "true"
    shown = _shown_schemas(call)

    def listing() -> list[str]:
        everybody = (call.state.people[key] for key in call.state.ordered())
        people = [p for p in everybody if in_scope(p) and bool(p.deleted) == deleted and matches(p)]
        if "orderBy" in params:
            people.sort(key=ORDER[params["orderBy"]], reverse=params.get("sortOrder") == "DESCENDING")
        return [person.id for person in people]

    part, more = call.page(listing, params.get("maxResults", 100))
    listed = (_as_listed(call, call.state.people[key]) for key in part)
    body: dict[str, Any] = {"kind": "admin#directory#users", "etag": '"list"', **more}
    if part:  # an empty collection is left out
        body["users"] = [resource(person, call.state.customer, shown) for person in listed]
    return body


def users_get(call: Call) -> dict[str, Any]:
    """users.get by id, address or alias."""
    call.require_privilege("USERS_RETRIEVE")
    return resource(_found(call), call.state.customer, _shown_schemas(call))


def users_change(call: Call) -> dict[str, Any]:
    """users.patch and users.update, which both leave alone what is not named; null clears."""
    person, body = _found(call), call.body
    call.require_privilege("USERS_SUSPEND" if set(body) == {"suspended"} else "USERS_UPDATE")
    caller = call.caller
    if (person.admin or person.delegated_admin) and not (caller and caller.admin):
        raise not_authorized()  # only a super administrator changes an administrator
    unplayed = set(body) - WRITABLE - READ_ONLY
    if unplayed:
        raise ApiError(501, f"The sandbox does not play changes of: {', '.join(sorted(unplayed))}")
    changed = replace(person, **_changes(call, person))
    call.state.add(changed)
    return resource(changed, call.state.customer, frozenset(changed.custom))


def users_sign_out(call: Call) -> None:
    """users.signOut: ends web and device sessions."""
    call.require_privilege("USER_SECURITY_ALL")
    call.state.signed_out.append(_found(call).email)


def resource(person: Person, customer: Customer, schemas: frozenset[str]) -> dict[str, Any]:
    """A User as the API shows it, with the values of these custom schemas."""
    body: dict[str, Any] = {
        "kind": "admin#directory#user",
        "id": person.id,
        "etag": f'"{zlib.crc32(repr(person).encode()):08x}"',
        "primaryEmail": person.email,
        "name": {
            "givenName": person.given,
            "familyName": person.family,
            "fullName": f"{person.given} {person.family}".strip(),
        },
        "isAdmin": person.admin,
        "isDelegatedAdmin": person.delegated_admin,
        "creationTime": rfc3339(person.created, millis=True),
        "agreedToTerms": person.last_login is not None,
        "suspended": person.suspended,
        "archived": person.archived,
        "changePasswordAtNextLogin": False,
        "ipWhitelisted": False,
        "emails": [
            {"address": person.email, "primary": True},
            *({"address": alias} for alias in person.aliases),
        ],
        "customerId": customer.id,
        "orgUnitPath": person.org_unit,
        "isMailboxSetup": not person.guest,
        "isEnrolledIn2Sv": not person.guest,
        "isEnforcedIn2Sv": False,
        "includeInGlobalAddressList": True,
        "isGuestUser": person.guest,
    }
    body |= _optional(person)
    custom = {name: dict(values) for name, values in person.custom.items() if name in schemas and values}
    return body | ({"customSchemas": custom} if custom else {})


def _optional(person: Person) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if not person.login_time_missing:
        body["lastLoginTime"] = rfc3339(person.last_login or NEVER, millis=True)
    if person.suspended:
        body["suspensionReason"] = person.suspension_reason or "ADMIN"
    if person.aliases:
        body["aliases"] = list(person.aliases)
    if person.manager:
        body["relations"] = [{"value": person.manager, "type": "manager"}]
    if person.deleted:
        body["deletionTime"] = rfc3339(person.deleted, millis=True)
    return body


def _scope(call: Call) -> Matcher:
    customer, domain = call.params.get("customer"), call.params.get("domain")
    if customer is None and domain is None:
        raise ApiError(400, "Bad Request", reason="badRequest")
    if domain is None:
        check_customer(call, customer)
        return lambda person: True
    own = call.state.customer
    if domain not in (own.domain, *own.domains):
        raise ApiError(404, "Domain not found.")
    return lambda person: person.email.endswith(f"@{domain}")


def _shown_schemas(call: Call) -> frozenset[str]:
    """The custom schemas whose values are asked for. Raises ApiError 400 for one that is not there."""
    projection, mask = call.params.get("projection", "basic"), call.params.get("customFieldMask")
    if call.params.get("viewType", "admin_view") != "admin_view":
        raise ApiError(501, "The sandbox does not play viewType=domain_public")
    known = known_schemas(call)
    if projection == "custom":
        asked = frozenset(filter(None, (mask or "").split(",")))
        if not asked or not asked <= known:
            raise ApiError(400, "Invalid Input: custom_field_mask")
        return asked
    return known if projection == "full" else frozenset()


def _found(call: Call) -> Person:
    person = call.state.person(call.params["userKey"])
    if person is None or person.deleted:
        raise not_found("userKey")
    return person


def _changes(call: Call, person: Person) -> dict[str, Any]:
    body = call.body
    changes: dict[str, Any] = {}
    for name in ("suspended", "archived"):
        if name in body:
            changes[name] = bool(body[name])
    if "suspended" in changes:
        changes["suspension_reason"] = "ADMIN" if changes["suspended"] else ""
    if "orgUnitPath" in body:
        changes["org_unit"] = body["orgUnitPath"]
    names = body.get("name") or {}
    changes |= {
        ours: names[theirs]
        for ours, theirs in (("given", "givenName"), ("family", "familyName"))
        if theirs in names
    }
    if "customSchemas" in body:
        changes["custom"] = merged(call, person.custom, body["customSchemas"])
    return changes


def _query(text: str) -> Matcher:
    """The clauses that are played: flags, email, orgUnitPath; anything else is refused, never ignored."""
    clauses = re.findall(r"(\w+)([=:])('[^']*'|\S+)", text)
    rebuilt = "".join(field + operator + value for field, operator, value in clauses)
    if rebuilt.replace(" ", "") != text.replace(" ", ""):
        raise ApiError(400, "Invalid Input: query")
    tests = [_clause(field, operator, value.strip("'")) for field, operator, value in clauses]
    return lambda person: all(test(person) for test in tests)


def _clause(field: str, operator: str, value: str) -> Matcher:
    if field in FLAGS and operator == "=" and value.lower() in ("true", "false"):
        return lambda person: FLAGS[field](person) == (value.lower() == "true")
    if field == "email" and operator == "=":
        return lambda person: value.lower() in (person.email, *person.aliases)
    if field == "email" and value.endswith("*"):
        return lambda person: person.email.startswith(value[:-1].lower())
    if field == "orgUnitPath" and operator == "=":
        return lambda person: person.org_unit == value or person.org_unit.startswith(value.rstrip("/") + "/")
    raise ApiError(400, "Invalid Input: query")


def _as_listed(call: Call, person: Person) -> Person:
    """users.list as it has been seen to differ from users.get: no or an older sign-in for some users."""
    if not call.faults.on("conflict") or person.last_login is None:
        return person
    if person.last_login < call.now - timedelta(days=60):
        return person
    chosen = 0 if person.case == "list-conflict" else int(person.id[-3:]) % 20
    if chosen == 0:
        return replace(person, last_login=max(person.created, person.last_login - timedelta(days=300)))
    return replace(person, login_time_missing=True) if chosen == 1 else person


HANDLERS: Mapping[str, Handler] = {
    "admin.directory.users.list": users_list,
    "admin.directory.users.get": users_get,
    "admin.directory.users.patch": users_change,
    "admin.directory.users.update": users_change,
    "admin.directory.users.signOut": users_sign_out,
}
