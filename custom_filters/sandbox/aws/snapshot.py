"""What an account's users and roles have, as plain data: to compare before and after, and for invariants."""

from __future__ import annotations

from typing import Any

from custom_filters.sandbox.aws.account import Account, extras


def snapshot(account: Account) -> dict[str, dict[str, Any]]:
    """User -> what the user has.

    `password` (bool), `keys`, `ssh_keys`, `certificates`, `service_credentials` (id -> status), `tags`
    (key -> value), `inline` (policy name -> document).
    """
    return {user.name: _user(account, user) for user in account.users()}


def roles_snapshot(account: Account) -> dict[str, dict[str, Any]]:
    """Role -> its `tags`, `inline` policies (name -> document) and `attached` ones (ARNs)."""
    return {
        role.name: {**_common(account, role), "attached": sorted(role.managed_policies)}
        for role in account.backend.roles.values()
    }


def _user(account: Account, user: Any) -> dict[str, Any]:
    services = extras(user).service_credentials
    return {
        "password": bool(user.password),
        "keys": {key.access_key_id: key.status for key in user.access_keys},
        "ssh_keys": {key.ssh_public_key_id: key.status for key in user.ssh_public_keys},
        "certificates": {made.id: made.status for made in user.signing_certificates.values()},
        "service_credentials": {made["ServiceSpecificCredentialId"]: made["Status"] for made in services},
        **_common(account, user),
    }


def _common(account: Account, entity: Any) -> dict[str, Any]:
    tags = {tag["Key"]: tag["Value"] for tag in account.tags(entity)}
    return {"tags": tags, "inline": dict(entity.policies)}
