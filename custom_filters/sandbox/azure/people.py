"""What an embedded Entra tenant holds: people, groups, and the built-in directory roles."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

NULL_DATE = datetime.min.replace(tzinfo=timezone.utc)  # sent as 0001-01-01T00:00:00Z; it means "no date"
_NAMESPACE = uuid.UUID("5b0e1b0a-6a5f-4c0c-9a0e-3a5d2f0b7c11")

# Template ids of built-in roles are the same in every tenant (Microsoft Entra built-in roles reference).
ROLES = {
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "Security Administrator": "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "Helpdesk Administrator": "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "Directory Readers": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
}


def object_id(kind: str, name: str) -> str:
    """The same id for the same name: a seeded tenant is the same every time."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{name.lower()}"))


@dataclass(frozen=True, slots=True)
class Activity:
    """signInActivity; dates are aware UTC, None (sent as null) or NULL_DATE.

    interactive counts failed attempts too; successful is interactive or not, known since December 2023.
    """

    interactive: datetime | None = None
    non_interactive: datetime | None = None
    successful: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A user. `activity` None: never signed in. roles/eligible/groups are names; manager/sponsors are UPNs.

    purpose: what the mailbox is for (user, shared, room, equipment), None: there is none; licenses: SKU ids.
    properties: directory extensions by whole name.
    case: what this person is an example of, for tests; Graph never sends it.
    """

    upn: str
    name: str
    created: datetime | None
    activity: Activity | None = None
    enabled: bool = True
    user_type: str | None = "Member"
    mail: str | None = None
    external_state: str | None = None  # PendingAcceptance, Accepted
    external_changed: datetime | None = None
    synced: bool | None = None
    restricted: bool | None = None
    department: str | None = None
    hired: datetime | None = None
    licenses: tuple[str, ...] = ()
    purpose: str | None = "user"
    manager: str | None = None
    sponsors: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    eligible: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    sessions_valid_from: datetime | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    case: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", object_id("user", self.upn))


@dataclass(frozen=True, slots=True)
class Group:
    """A security group; roles/eligible need `assignable`. groups: those that it is a member of."""

    name: str
    assignable: bool = False
    roles: tuple[str, ...] = ()
    eligible: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    id: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", object_id("group", self.name))


@dataclass(frozen=True, slots=True)
class Company:
    """A tenant's people and groups."""

    people: list[Person] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
