"""From what Google says of service accounts and keys to identities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import Evidence, Unknown, Used
from custom_filters.core.exemption import Exemption
from custom_filters.core.record import Item
from custom_filters.core.times import parse_time
from custom_filters.core.vocabulary import GCP
from custom_filters.custodian.notes import with_restored
from custom_filters.gcp.accounts import PARENT
from custom_filters.gcp.client import Login
from custom_filters.gcp.description import parse_description

SERVICE_ACCOUNT = "service-account"
KEY = "service-account-key"
#: Made by Google for Compute Engine, App Engine and the APIs' own use; services break without them.
_DEFAULT = re.compile(
    r"\d+-compute@developer\.gserviceaccount\.com|.+@(?:appspot|cloudservices)\.gserviceaccount\.com"
)
#: Who may change who may do what.
_ADMIN = re.compile(r"roles/(?:owner|(?:iam|resourcemanager)\.\w*Admin)")


@dataclass(frozen=True)
class ProjectAccess:
    """What is known beside the resource itself: who asks, and every account's roles in the project."""

    login: Login
    roles: Mapping[str, frozenset[str]]


def transform_account(
    account: Mapping[str, Any], evidence: tuple[Evidence, ...], access: ProjectAccess, now: datetime
) -> Identity:
    """A service account as iam.v1 gives it; its keys are resources of their own."""
    ours = account["email"] == access.login.account
    credential = Credential(
        kind=SERVICE_ACCOUNT,
        id=SERVICE_ACCOUNT,
        status="off" if account.get("disabled") else "on",
        created=None,  # Google does not tell
        evidence=(*evidence, *([_in_use(now)] if ours else [])),
    )
    return _identity(account, account, credential, access)


def transform_key(
    key: Mapping[str, Any], evidence: tuple[Evidence, ...], access: ProjectAccess, now: datetime
) -> Identity:
    """A user-managed key with its account; the identity is the account, the key its one credential here."""
    account, name = key[PARENT], key_id(key)
    if account["email"] == access.login.account:
        evidence = (*evidence, _in_use(now) if name == access.login.key else _delegates(now))
    expired = parse_time(key["validBeforeTime"]) <= now
    off = key.get("disabled") or account.get("disabled") or expired
    born = parse_time(key["validAfterTime"])
    credential = Credential(KEY, name, "off" if off else "on", born, evidence, rotated=born)
    return _identity(key, account, credential, access)


def notes_of(resource: Mapping[str, Any]) -> dict[str, str]:
    """Our notes on an account or a key, by the names that policies use."""
    account = resource.get(PARENT, resource)
    key = key_id(resource) if PARENT in resource else ""
    item = Item(KEY, key) if key else Item(SERVICE_ACCOUNT, SERVICE_ACCOUNT)
    return parse_description(account.get("description", "")).notes_on(item, key)


def _identity(
    resource: Mapping[str, Any], account: Mapping[str, Any], credential: Credential, access: ProjectAccess
) -> Identity:
    credentials = with_restored([credential], notes_of(resource), "the service account's description")
    return Identity(
        provider=GCP,
        account=account["projectId"],
        name=account["email"],
        id=account["uniqueId"],
        credentials=credentials,
        user_type="service",
        privileged=is_privileged(access.roles.get(account["email"], frozenset())),
    )


def key_id(key: Mapping[str, Any]) -> str:
    """The key's id, the last part of its name."""
    return str(key["name"].rpartition("/")[2])


def _in_use(now: datetime) -> Evidence:
    return Used(now, "this run", observed_at=now, value="this policy runs as it")


def _delegates(now: datetime) -> Evidence:
    """The Admin SDK is outside Google Cloud: what this account does there is seen by no source."""
    return Unknown("use by domain-wide delegation is not seen", "this run", observed_at=now)


def is_privileged(roles: frozenset[str]) -> bool | None:
    """Owner, or administrator of IAM or of projects; None with a custom role, which may hold the same."""
    if any(_ADMIN.fullmatch(role) for role in roles):
        return True
    return None if any(not role.startswith("roles/") for role in roles) else False


def built_in_exemption(account: Mapping[str, Any], login: Login) -> Exemption | None:
    """Accounts that are left alone always: Google's default ones, and the one that policies run as."""
    reason = None
    if _DEFAULT.fullmatch(account["email"]):
        reason = "one of Google's default service accounts, on which services rely"
    if account["email"] == login.account:
        reason = "the service account that runs this policy"
    if reason is None:
        return None
    return Exemption(GCP, account["projectId"], account["email"], reason, None, None)
