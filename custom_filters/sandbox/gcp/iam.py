"""IAM API v1: service accounts and their keys; the HMAC keys and API keys that are bound to them.

Sources: IAM reference, projects.serviceAccounts and .keys; Storage JSON API, projects.hmacKeys; API Keys v2.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from typing import Any

from custom_filters.sandbox.gcp.call import Call, Handler, listed, rfc3339
from custom_filters.sandbox.gcp.errors import ApiError, permission_denied
from custom_filters.sandbox.gcp.people import BoundKey, Key, ServiceAccount

LONGEST = 256  # UTF-8 bytes of a description
ACCOUNT = "iam.serviceAccounts."
KEY = "iam.serviceAccountKeys."
REASON = "SERVICE_ACCOUNT_KEY_DISABLE_REASON_"
EXTENDED = "SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_"


def accounts_list(call: Call) -> dict[str, Any]:
    project = call.project(call.params["name"].partition("/")[2], ACCOUNT + "list")
    found = call.state.accounts.listed(call.lag("gcp_list_lag"))
    accounts = sorted((a for a in found if a.project == project.id), key=lambda a: a.email)
    return call.rows("accounts", accounts, resource, min(call.params.get("pageSize") or 20, 100))


def accounts_get(call: Call) -> dict[str, Any]:
    """serviceAccounts.get by address or unique id; the project may be `-`."""
    return resource(_account(call, "get", lag=call.lag("gcp_read_lag")))


def accounts_patch(call: Call) -> dict[str, Any]:
    """serviceAccounts.patch of the description; the display name is not emulated."""
    account = _account(call, "update")
    given, mask = call.body.get("serviceAccount") or {}, call.body.get("updateMask")
    if mask != "description":
        message = f"Invalid update mask: {mask!r}. Only description and display_name can be set."
        raise ApiError(400, message)
    if given.get("etag") not in (None, etag(account)):
        message = "There were concurrent changes. Please retry the read-modify-write."
        raise ApiError(409, message, status="ABORTED")
    text = given.get("description") or ""
    if len(text.encode()) > LONGEST:
        raise ApiError(400, f"The description must be at most {LONGEST} UTF-8 bytes.")
    return resource(call.state.change(account, description=text))


def accounts_switch(call: Call) -> dict[str, Any]:
    """serviceAccounts.enable and .disable; doing it twice is not an error."""
    verb = call.method.id.rpartition(".")[2]
    call.state.change(_account(call, verb), disabled=verb == "disable")
    return {}


def keys_list(call: Call) -> dict[str, Any]:
    """keys.list: all in one answer, also Google's own unless keyTypes says otherwise."""
    account = _account(call, "list", KEY)
    wanted = call.params.get("keyTypes") or ()
    found = call.state.keys_of(account, call.lag("gcp_list_lag"))
    return listed("keys", [key_resource(account, k) for k in found if not wanted or k.kind in wanted], {})


def keys_get(call: Call) -> dict[str, Any]:
    call.refuse("publicKeyType")
    return key_resource(*_key(call, "get", call.lag("gcp_read_lag")))


def keys_switch(call: Call) -> dict[str, Any]:
    """keys.enable and .disable, of user-managed keys only."""
    verb = call.method.id.rpartition(".")[2]
    _, key = _key(call, verb)
    if key.kind != "USER_MANAGED":
        raise ApiError(400, "Only user-managed keys can be changed.", status="FAILED_PRECONDITION")
    off = {"reason": "USER_INITIATED"} if verb == "disable" and not key.disabled else {}
    call.state.change(key, disabled=verb == "disable", **off)
    return {}


def allowed_locations(call: Call) -> dict[str, Any]:
    """IAM Credentials, getAllowedLocations: google-auth asks after each new token; `0x0`: no restriction."""
    return {"locations": [], "encodedLocations": "0x0"}


def hmac_keys_list(call: Call) -> dict[str, Any]:
    project = call.project(call.params["projectId"], "storage.hmacKeys.list")
    keys = [key for key in call.state.bound_keys("hmac", project) if key.state != "DELETED"]
    call.refuse("serviceAccountEmail", "showDeletedKeys")

    def show(key: BoundKey) -> dict[str, Any]:
        shown = {"accessId": key.id, "projectId": project.id, "serviceAccountEmail": key.account}
        return {**shown, "state": key.state, "timeCreated": rfc3339(key.created, millis=True)}

    return call.rows("items", keys, show, call.params.get("maxResults", 250))


def api_keys_list(call: Call) -> dict[str, Any]:
    project = call.project(call.params["parent"].split("/")[1], "apikeys.keys.list")

    def show(key: BoundKey) -> dict[str, Any]:
        name = f"projects/{project.number}/locations/global/keys/{key.id}"
        bound = {"serviceAccountEmail": key.account} if key.account else {}
        return {"name": name, "uid": key.id, "createTime": rfc3339(key.created), **bound}

    size = min(call.params.get("pageSize") or 50, 300)
    return call.rows("keys", call.state.bound_keys("api", project), show, size)


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
    """A ServiceAccountKey; what Google found of it stays in extendedStatus when it is enabled again."""
    body: dict[str, Any] = {
        "name": f"projects/{account.project}/serviceAccounts/{account.email}/keys/{key.id}",
        "validAfterTime": rfc3339(key.valid_after),
        "validBeforeTime": rfc3339(key.valid_before),
        "keyAlgorithm": "KEY_ALG_RSA_2048",
        "keyOrigin": "GOOGLE_PROVIDED",
        "keyType": key.kind,
    }
    body |= {"disabled": True, "disableReason": REASON + key.reason} if key.disabled else {}
    if key.reason != "USER_INITIATED":
        body["extendedStatus"] = [{"key": EXTENDED + key.reason, "value": "found in a public repository"}]
    return body


def etag(account: ServiceAccount) -> str:
    return base64.b64encode(zlib.crc32(repr(account).encode()).to_bytes(4, "big")).decode()


def _account(call: Call, verb: str, kind: str = ACCOUNT, lag: float = 0) -> ServiceAccount:
    match = re.match(r"projects/([^/]+)/serviceAccounts/([^/]+)", call.params["name"])
    assert match is not None  # noqa: S101  # the route's own pattern
    project, key = match.groups()
    call.require_permission(kind + verb, match[0])
    account, owner = call.state.account(key, lag), call.state.project(project)
    if account is not None and {account.email, account.unique_id} & call.faults.names("deny_user"):
        raise permission_denied(kind + verb, match[0])
    if account is not None and (project == "-" or (owner and owner.id == account.project)):
        if verb not in ("get", "list") and account.email in call.faults.names("patch_fail"):
            raise ApiError(500, "Internal error encountered.")
        return account
    if project == "-":
        raise permission_denied(kind + verb, match[0])
    raise ApiError(404, "Unknown service account")


def _key(call: Call, verb: str, lag: float = 0) -> tuple[ServiceAccount, Key]:
    account = _account(call, verb, KEY)
    key_id = call.params["name"].rpartition("/")[2]
    key = next((key for key in call.state.keys_of(account, lag) if key.id == key_id), None)
    if key is None:
        raise ApiError(404, f"Service account key {key_id} does not exist.")
    return account, key


_ACCOUNTS = "iam.projects.serviceAccounts."
HANDLERS: Mapping[str, Handler] = {
    _ACCOUNTS + "list": accounts_list,
    _ACCOUNTS + "get": accounts_get,
    _ACCOUNTS + "patch": accounts_patch,
    _ACCOUNTS + "enable": accounts_switch,
    _ACCOUNTS + "disable": accounts_switch,
    _ACCOUNTS + "keys.list": keys_list,
    _ACCOUNTS + "keys.get": keys_get,
    _ACCOUNTS + "keys.enable": keys_switch,
    _ACCOUNTS + "keys.disable": keys_switch,
    "iamcredentials.projects.serviceAccounts.getAllowedLocations": allowed_locations,
    "storage.projects.hmacKeys.list": hmac_keys_list,
    "apikeys.projects.locations.keys.list": api_keys_list,
}
