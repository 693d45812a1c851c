"""One AWS account: moto's IAM backend plus what moto does not keep."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b32encode
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.iam.models import iam_backends

from custom_filters.sandbox.aws.people import Event, Root
from custom_filters.sandbox.clock import Clock


@dataclass
class ServiceSpecificCredential:
    """As the API shows it; the secret is made when asked for and never kept."""

    user_name: str
    service_specific_credential_id: str
    service_name: str
    service_user_name: str
    create_date: datetime
    status: str = "Active"
    expiration_date: datetime | None = None


@dataclass
class Extras:
    """What an IAM user has beside moto's `User`. Dates are naive UTC, as moto's are."""

    password_created: datetime | None = None
    password_changed: datetime | None = None
    rotated: dict[str, datetime] = field(default_factory=dict)
    service_credentials: list[ServiceSpecificCredential] = field(default_factory=list)
    advisor: dict[str, datetime] = field(default_factory=dict)
    in_report: bool = True


@dataclass(frozen=True)
class Recorded:
    """An event in CloudTrail's history, with the user it belongs to."""

    user: str
    event: Event
    at: datetime


@dataclass
class Report:
    """The credential report: its content is that of the moment it was asked for."""

    content: str
    asked: datetime
    ready: datetime


@dataclass(frozen=True)
class AdvisorJob:
    """A last-accessed job: `services` was taken when it was started."""

    id: str
    granularity: str
    created: datetime
    ready: datetime
    services: list[dict[str, Any]]
    entity: dict[str, Any]


class Account:
    """An account's id, clock and faults, and all its state beside moto's backend."""

    def __init__(self, account_id: str, clock: Clock, faults: MutableMapping[str, str | float]) -> None:
        self.id = account_id
        self.clock = clock
        self.faults = faults
        self.root = Root()
        self.report: Report | None = None
        self.jobs: dict[str, AdvisorJob] = {}
        self.history: list[Recorded] = []

    @property
    def backend(self) -> Any:
        """The IAM backend, moto's, of this account (partition aws)."""
        return iam_backends[self.id]["aws"]

    def now(self) -> datetime:
        """The clock's time as moto has it: naive UTC, whole seconds."""
        return naive(self.clock.now())

    def users(self, path_prefix: str = "/") -> list[Any]:
        """The users below a path, in AWS's order."""
        found = (user for user in list(self.backend.users.values()) if user.path.startswith(path_prefix))
        return sorted(found, key=lambda user: collate(user.name))

    def groups_of(self) -> dict[str, list[str]]:
        """User name -> names of the user's groups."""
        members: dict[str, list[str]] = {}
        for group in list(self.backend.groups.values()):
            for user in group.users:
                members.setdefault(user.name, []).append(group.name)
        return members

    def tags(self, user: Any) -> list[dict[str, str]]:
        """The user's tags, as the API lists them."""
        found: list[dict[str, str]] = self.backend.tagger.list_tags_for_resource(user.arn)["Tags"]
        return found

    def identifier(self, prefix: str, *parts: object, length: int = 20) -> str:
        """An id that is the same for the same account and parts."""
        digest = hashlib.sha256("\0".join((self.id, *map(str, parts))).encode()).digest()
        return (prefix + b32encode(digest).decode())[:length]


def extras(user: Any) -> Extras:
    """What we keep of a moto user, made at its first use."""
    kept = user.__dict__.get("c7n_unused")
    if kept is None:
        kept = user.c7n_unused = Extras()
    found: Extras = kept
    return found


def naive(at: datetime) -> datetime:
    """An aware UTC time as moto has it: naive, whole seconds."""
    return at.replace(tzinfo=None, microsecond=0)


def collate(name: str) -> tuple[str, str]:
    """IAM lists names without regard to case."""
    return name.lower(), name


def secret(length: int = 30) -> str:
    """A random secret, made when it is needed."""
    return secrets.token_urlsafe(length)


def newest(dates: Iterable[datetime | None]) -> datetime | None:
    """The latest of the dates there are."""
    return max((date for date in dates if date), default=None)
