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
from custom_filters.core.notes import Item
from custom_filters.core.times import parse_time
from custom_filters.core.vocabulary import GCP
from custom_filters.gcp.accounts import PARENT, UNREAD
from custom_filters.gcp.bound_keys import BoundKeys
from custom_filters.gcp.client import Login
from custom_filters.gcp.description import Description, parse_description
from custom_filters.gcp.roles import Holders

SERVICE_ACCOUNT = "service-account"
KEY = "service-account-key"
ITEM = Item(SERVICE_ACCOUNT, SERVICE_ACCOUNT)
#: Made by Google for Compute Engine, App Engine and the APIs' own use; services break without them.
_DEFAULT = re.compile(
    r"\d+-compute@developer\.gserviceaccount\.com|.+@(?:appspot|cloudservices)\.gserviceaccount\.com"
)
#: Who may change who may do what.
_ADMIN = re.compile(r"roles/(?:owner|(?:iam|resourcemanager)\.\w*Admin)")


@dataclass(frozen=True)
class ProjectAccess:
    """What is known beside the resource itself: who asks, and what every account may do.

    `roles` are those in the project's own policy by address, `holders` who has an administrator role in
    Workspace (nobody, where no user is spoken for); Unknown where Google refuses to tell. `bound` are keys of
    other kinds.
    """

    login: Login
    roles: Mapping[str, frozenset[str]] | Unknown
    holders: Holders | Unknown
    bound: BoundKeys

    def privileged(self, account: Mapping[str, Any]) -> bool | None:
        """Whether it administers IAM, projects or Workspace; None when that is not known."""
        if not isinstance(self.holders, Unknown) and account["uniqueId"] in self.holders:
            return True
        if isinstance(self.roles, Unknown):
            return None
        found = is_privileged(self.roles.get(account["email"], frozenset()))
        return found or (None if isinstance(self.holders, Unknown) else found)

    def unread(self) -> str | None:
        """Why nobody may be touched."""
        problem = next((x for x in (self.roles, self.holders) if isinstance(x, Unknown)), None)
        return f"its roles are not known: {problem.reason}" if problem else None


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
        evidence=(
            *evidence,
            *access.bound.evidence(account["email"], now),
            *([_in_use(now)] if ours else []),
        ),
    )
    bound = access.bound.credentials(account["email"], now)
    return _identity(account, (credential, *bound), access)


def transform_key(
    key: Mapping[str, Any], evidence: tuple[Evidence, ...], access: ProjectAccess, now: datetime
) -> Identity:
    """A user-managed key with its account; the identity is the account, the key its one credential here."""
    account, name = key[PARENT], key_id(key)
    if UNREAD in key:
        unread = Credential(KEY, name, "on", None, (Unknown(key[UNREAD], "keys.list", observed_at=now),))
        return _identity(account, (unread,), access)
    if account["email"] == access.login.account:
        evidence = (*evidence, _in_use(now) if name == access.login.key else _delegates(now))
    expired = parse_time(key["validBeforeTime"]) <= now
    off = key.get("disabled") or account.get("disabled") or expired
    born = parse_time(key["validAfterTime"])
    credential = Credential(KEY, name, "off" if off else "on", born, evidence, rotated=born)
    return _identity(account, (credential,), access)


def description_of(resource: Mapping[str, Any]) -> Description:
    """The description of an account, or of a key's account."""
    return parse_description(resource.get(PARENT, resource).get("description", ""))


def _identity(
    account: Mapping[str, Any], credentials: tuple[Credential, ...], access: ProjectAccess
) -> Identity:
    return Identity(
        provider=GCP,
        account=account["projectId"],
        name=account["email"],
        id=account["uniqueId"],
        credentials=credentials,
        user_type="service",
        privileged=access.privileged(account),
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
