"""What a Google customer consists of, as frozen values; times are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Customer:
    """A Workspace or Cloud Identity account; `id` is what the APIs call the customer id (`C...`)."""

    id: str
    domain: str
    created: datetime


@dataclass(frozen=True)
class Person:
    """A Directory user. `last_login` None means never; `login_time_missing`: the API tells nothing at all.

    `last_sso` and those below are seen by the Reports API only; `last_token`: an app got a token.
    `privileges`: what a delegated administrator may do. `case`: what the user stands for in the tests.
    """

    id: str
    email: str
    given: str
    family: str
    created: datetime
    last_login: datetime | None = None
    last_sso: datetime | None = None
    last_imap: datetime | None = None
    last_pop: datetime | None = None
    last_webmail: datetime | None = None
    last_drive: datetime | None = None
    last_token: datetime | None = None
    login_time_missing: bool = False
    admin: bool = False
    delegated_admin: bool = False
    privileges: frozenset[str] = frozenset()
    suspended: bool = False
    suspension_reason: str = ""
    suspended_at: datetime | None = None
    archived: bool = False
    guest: bool = False
    org_unit: str = "/"
    manager: str = ""
    aliases: tuple[str, ...] = ()
    custom: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    case: str = ""


@dataclass(frozen=True)
class Group:
    """A group; `members` are (address of a user, group or service account, or the customer's id; role)."""

    id: str
    email: str
    name: str
    members: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RoleAssignment:
    """A role given to a user, a group or a service account (`assignee` is its id)."""

    id: str
    role: str
    assignee: str
    assignee_type: str = "user"


@dataclass(frozen=True)
class SsoAssignment:
    """Sends an organizational unit or a group to an external identity provider."""

    id: str
    target_org_unit: str = ""
    target_group: str = ""
    profile: str = "inboundSamlSsoProfiles/0external"


@dataclass(frozen=True)
class Project:
    """A Google Cloud project; `bindings` is its IAM policy: role -> members."""

    id: str
    number: str
    created: datetime
    bindings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ServiceAccount:
    """A service account. IAM tells neither `created` nor any use: only analyzer and metrics do.

    `observed_days`: length of Policy Analyzer's observation period; None: it has no row for this account.
    `last_metric`: newest authentication that Monitoring saw (None: the same as `last_authenticated`).
    """

    project: str
    email: str
    unique_id: str
    created: datetime
    display_name: str = ""
    description: str = ""
    disabled: bool = False
    last_authenticated: datetime | None = None
    last_metric: datetime | None = None
    observed_days: int | None = 400
    case: str = ""


@dataclass(frozen=True)
class Key:
    """A key of a service account; `kind` USER_MANAGED or SYSTEM_MANAGED, the rest as in ServiceAccount.

    `reason`: the end of its disableReason: USER_INITIATED, EXPOSED, COMPROMISE_DETECTED.
    """

    id: str
    account: str
    valid_after: datetime
    valid_before: datetime
    kind: str = "USER_MANAGED"
    disabled: bool = False
    reason: str = "USER_INITIATED"
    last_authenticated: datetime | None = None
    last_metric: datetime | None = None
    observed_days: int | None = 400
    case: str = ""


@dataclass(frozen=True)
class BoundKey:
    """A key without authentication activity: an HMAC key (`state`), or an API key bound to an account."""

    id: str
    account: str
    project: str
    created: datetime
    kind: str = "hmac"  # or api
    state: str = "ACTIVE"


Thing = Customer | Person | Group | RoleAssignment | SsoAssignment | Project | ServiceAccount | Key | BoundKey
