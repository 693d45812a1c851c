"""IAM API v1: service accounts and their keys. Source: IAM reference, projects.serviceAccounts and .keys."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError, permission_denied
from custom_filters.sandbox.gcp.people import Key, Project, ServiceAccount

LIMITS = {"description": 256, "displayName": 100}  # UTF-8 bytes
PATCHABLE = {"description": "description", "displayName": "display_name", "display_name": "display_name"}
ACCOUNT = "iam.serviceAccounts."
KEY = "iam.serviceAccountKeys."


def accounts_list(call: Call) -> dict[str, Any]:
    """serviceAccounts.list: 20 a page, at most 100."""
    project = found_project(call, call.params["name"].partition("/")[2], ACCOUNT + "list")
    accounts = sorted(
        (a for a in call.state.accounts.values() if a.project == project.id), key=lambda a: a.email
    )
    part, more = call.page(lambda: accounts, min(call.params.get("pageSize") or 20, 100))
    return ({"accounts": [resource(account) for account in part]} if part else {}) | more


def accounts_get(call: Call) -> dict[str, Any]:
    """serviceAccounts.get by address or unique id; the project may be `-`."""
    return resource(_account(call, "get", call.params["name"]))


def accounts_patch(call: Call) -> dict[str, Any]:
    """serviceAccounts.patch: what updateMask names, description and display name only."""
    account = _account(call, "update", call.params["name"])
    given = call.body.get("serviceAccount") or {}
    mask = [part for part in (call.body.get("updateMask") or "").split(",") if part]
    if not mask or not set(mask) <= set(PATCHABLE):
        raise ApiError(
            400, f"Invalid update mask: {','.join(mask)!r}. Only description and display_name can be set."
        )
    if given.get("etag") not in (None, etag(account)):
        raise ApiError(
            409, "There were concurrent changes. Please retry the read-modify-write.", status="ABORTED"
        )
    changes: dict[str, Any] = {PATCHABLE[part]: given.get(_camel(part)) or "" for part in mask}
    for part in mask:
        name = _camel(part)
        if len(changes[PATCHABLE[part]].encode()) > LIMITS[name]:
            raise ApiError(400, f"The {name} must be at most {LIMITS[name]} UTF-8 bytes.")
    changed = replace(account, **changes)
    call.state.add(changed)
    return resource(changed)


def accounts_switch(call: Call) -> dict[str, Any]:
    """serviceAccounts.enable and .disable; doing it twice is no error."""
    verb = call.method.id.rpartition(".")[2]
    account = _account(call, verb, call.params["name"])
    call.state.add(replace(account, disabled=verb == "disable"))
    return {}


def accounts_get_iam_policy(call: Call) -> dict[str, Any]:
    """serviceAccounts.getIamPolicy: nobody but the project's members has rights on them."""
    _account(call, "getIamPolicy", call.params["resource"])
    return {"etag": "ACAB"}


def accounts_test_permissions(call: Call) -> dict[str, Any]:
    """serviceAccounts.testIamPermissions: what the caller has of what it asks for."""
    _account(call, "get", call.params["resource"])
    held = [name for name in call.body.get("permissions") or () if call.granted(name)]
    return {"permissions": held} if held else {}


def keys_list(call: Call) -> dict[str, Any]:
    """keys.list: all in one answer, also Google's own unless keyTypes says otherwise."""
    account = _account(call, "list", call.params["name"], KEY)
    wanted = _strings(call.params.get("keyTypes"))
    keys = [k for k in call.state.keys.get(account.email, {}).values() if not wanted or k.kind in wanted]
    return {"keys": [key_resource(account, key) for key in keys]} if keys else {}


def keys_get(call: Call) -> dict[str, Any]:
    """keys.get; the public key is not played."""
    if call.params.get("publicKeyType", "TYPE_NONE") != "TYPE_NONE":
        raise ApiError(501, "The sandbox does not play publicKeyType")
    account, key = _key(call, "get")
    return key_resource(account, key)


def keys_switch(call: Call) -> dict[str, Any]:
    """keys.enable and .disable, of user-managed keys only."""
    verb = call.method.id.rpartition(".")[2]
    _, key = _key(call, verb)
    if key.kind != "USER_MANAGED":
        raise ApiError(400, "Only user-managed keys can be changed.", status="FAILED_PRECONDITION")
    call.state.add(replace(key, disabled=verb == "disable"))
    return {}


def allowed_locations(call: Call) -> dict[str, Any]:
    """IAM Credentials, getAllowedLocations: google-auth asks after each new token; `0x0`: no restriction."""
    return {"locations": [], "encodedLocations": "0x0"}


def found_project(call: Call, key: str, permission: str) -> Project:
    """The project by id or number; one that is not there and one that is not allowed give the same 403."""
    project = call.state.project(key)
    call.require_permission(permission, f"projects/{key}")
    if project is None:
        raise permission_denied(permission, f"projects/{key}")
    return project


def resource(account: ServiceAccount) -> dict[str, Any]:
    """A ServiceAccount; empty texts and false are left out, as everywhere in the newer APIs."""
    body: dict[str, Any] = {
        "name": f"projects/{account.project}/serviceAccounts/{account.email}",
        "projectId": account.project,
        "uniqueId": account.unique_id,
        "email": account.email,
        "displayName": account.display_name,
        "etag": etag(account),
        "description": account.description,
        "oauth2ClientId": account.unique_id,
        "disabled": account.disabled,
    }
    return {name: value for name, value in body.items() if value}


def key_resource(account: ServiceAccount, key: Key) -> dict[str, Any]:
    """A ServiceAccountKey."""
    body: dict[str, Any] = {
        "name": f"projects/{account.project}/serviceAccounts/{account.email}/keys/{key.id}",
        "validAfterTime": rfc3339(key.valid_after),
        "validBeforeTime": rfc3339(key.valid_before),
        "keyAlgorithm": "KEY_ALG_RSA_2048",
        "keyOrigin": "GOOGLE_PROVIDED",
        "keyType": key.kind,
    }
    off = {"disabled": True, "disableReason": "SERVICE_ACCOUNT_KEY_DISABLE_REASON_USER_INITIATED"}
    return body | (off if key.disabled else {})


def etag(account: ServiceAccount) -> str:
    """Changes whenever the account does."""
    return base64.b64encode(zlib.crc32(repr(account).encode()).to_bytes(4, "big")).decode()


def _account(call: Call, verb: str, name: str, kind: str = ACCOUNT) -> ServiceAccount:
    match = re.match(r"projects/([^/]+)/serviceAccounts/([^/]+)", name)
    assert match is not None  # noqa: S101  # the route's own pattern
    project, key = match.groups()
    call.require_permission(kind + verb, match[0])
    account = call.state.account(key)
    owner = call.state.project(project)
    if account is not None and (project == "-" or (owner and owner.id == account.project)):
        return account
    if project == "-":
        raise permission_denied(kind + verb, match[0])
    raise ApiError(404, "Unknown service account")


def _key(call: Call, verb: str) -> tuple[ServiceAccount, Key]:
    name = call.params["name"]
    account = _account(call, verb, name, KEY)
    key_id = name.rpartition("/")[2]
    key = call.state.keys.get(account.email, {}).get(key_id)
    if key is None:
        raise ApiError(404, f"Service account key {key_id} does not exist.")
    return account, key


def _strings(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _camel(name: str) -> str:
    return "displayName" if name == "display_name" else name


_ACCOUNTS = "iam.projects.serviceAccounts."
HANDLERS: Mapping[str, Handler] = {
    _ACCOUNTS + "list": accounts_list,
    _ACCOUNTS + "get": accounts_get,
    _ACCOUNTS + "patch": accounts_patch,
    _ACCOUNTS + "enable": accounts_switch,
    _ACCOUNTS + "disable": accounts_switch,
    _ACCOUNTS + "getIamPolicy": accounts_get_iam_policy,
    _ACCOUNTS + "testIamPermissions": accounts_test_permissions,
    _ACCOUNTS + "keys.list": keys_list,
    _ACCOUNTS + "keys.get": keys_get,
    _ACCOUNTS + "keys.enable": keys_switch,
    _ACCOUNTS + "keys.disable": keys_switch,
    "iamcredentials.projects.serviceAccounts.getAllowedLocations": allowed_locations,
}
