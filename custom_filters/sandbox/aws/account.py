"""One AWS account: moto's IAM backend plus what moto does not keep; and all accounts of a sandbox."""

from __future__ import annotations

import hashlib
import secrets
import threading
from base64 import b32encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from moto.iam.models import iam_backends

from custom_filters.sandbox.aws.faults import Buckets, targets
from custom_filters.sandbox.aws.grants import load_managed_policies
from custom_filters.sandbox.aws.people import Event, Root
from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.cloud import Cloud, Settings

Faults = MutableMapping[str, str | float]
ACCOUNTS = "c7n_unused.accounts"  # where the gateway leaves the accounts in a request's environ
TRACKED = timedelta(days=400)  # of a role's last use, and by Access Advisor


@dataclass
class Extras:
    """What a user or role has beside moto's object. Dates are naive UTC, as moto's are.

    service_credentials: as the API shows them; stack: the Region of a role's CloudFormation stack.
    """

    password_created: datetime | None = None
    password_changed: datetime | None = None
    rotated: dict[str, datetime] = field(default_factory=dict)
    service_credentials: list[dict[str, Any]] = field(default_factory=list)
    advisor: dict[str, datetime] = field(default_factory=dict)
    in_report: bool = True
    stack: str | None = None


class Recorded(NamedTuple):
    """An event in CloudTrail's history: who did it, by name and id, and when (aware UTC)."""

    user: str | None
    principal: str
    event: Event
    at: datetime


class AdvisorJob(NamedTuple):
    """A last-accessed job: `services` was taken when it was started."""

    created: datetime
    ready: datetime
    services: list[dict[str, Any]]


class Use(NamedTuple):
    """When (naive UTC) and where a key was last used."""

    at: datetime
    service: str
    region: str


class Account:
    """An account's id, clock and faults, and all its state beside moto's backend."""

    def __init__(self, account_id: str, clock: Clock, faults: Mapping[str, str | float]) -> None:
        self.id, self.clock, self.faults = account_id, clock, faults
        self.root = Root()
        self.report: tuple[str, datetime] | None = None  # the credential report, and when it is ready
        self.jobs: dict[str, AdvisorJob] = {}
        self.history: list[Recorded] = []
        self.changes: list[Any] = []  # for reads that lag: see lag.Change
        #: Service -> what is made when it is first asked.
        self.pending: dict[str, list[Callable[[], None]]] = {}
        self._by_principal: dict[str, list[Recorded]] = {}

    @property
    def backend(self) -> Any:
        """The IAM backend, moto's, of this account (partition aws)."""
        return iam_backends[self.id]["aws"]

    def now(self) -> datetime:
        """The clock's time as moto has it: naive UTC, whole seconds."""
        return naive(self.clock.now())

    def users(self, path_prefix: str = "/") -> list[Any]:
        found = (user for user in list(self.backend.users.values()) if user.path.startswith(path_prefix))
        return sorted(found, key=lambda user: collate(user.name))

    def tags(self, user: Any) -> list[dict[str, str]]:
        """The tags of a user or role, as the API lists them."""
        if hasattr(user, "assume_role_policy_document"):
            return list(user.tags or [])
        found: list[dict[str, str]] = self.backend.tagger.list_tags_for_resource(user.arn)["Tags"]
        return found

    def record(self, user: str | None, principal: str, event: Event, at: datetime | None = None) -> None:
        """Adds an event to CloudTrail's history; `at` defaults to now."""
        made = Recorded(user, principal, event, at or self.clock.now())
        self.history.append(made)
        self._by_principal.setdefault(principal, []).append(made)

    def omits(self, what: str, name: str) -> bool:
        """Whether the fault `aws_omit` leaves this out for a user."""
        return (what, name) in targets(self.faults.get("aws_omit"))

    def password_used(self, user: Any) -> datetime | None:
        """PasswordLastUsed as far as it is known by now: evidence may lag, or be left out."""
        if self.omits("used", user.name):
            return None
        return self._known(user.password_last_used, user.id, lambda event: event.name == "ConsoleLogin")

    def key_used(self, user: Any, key: Any) -> Use | None:
        """A key's last use as far as it is known by now."""
        last = key.last_used
        at = self._known(
            last and last.timestamp, user.id, lambda event: event.access_key == key.access_key_id
        )
        return Use(at, last.service, last.region) if at else None

    def role_used(self, role: Any) -> datetime | None:
        """A role's last use: told for 400 days, as far as it is known by now."""
        at = self._known(role.last_used, role.id, lambda event: event.name == "AssumeRole")
        return at if at and at >= self.now() - TRACKED else None

    def _known(self, last: datetime | None, principal: str, fits: Callable[[Event], bool]) -> datetime | None:
        until = self.now() - timedelta(hours=float(self.faults.get("aws_evidence_lag", 0)))
        if last is None or last <= until or "aws_evidence_lag" not in self.faults:
            return last
        earlier = self._by_principal.get(principal, ())
        return newest(naive(one.at) for one in earlier if fits(one.event) and naive(one.at) <= until)

    def identifier(self, prefix: str, *parts: object, length: int = 20) -> str:
        """An id that is the same for the same account and parts."""
        digest = hashlib.sha256("\0".join((self.id, *map(str, parts))).encode()).digest()
        return (prefix + b32encode(digest).decode())[:length]


class Accounts(Cloud):
    """The accounts of one sandbox, and what they share."""

    def __init__(
        self, settings: Settings, clock: Clock, calls: Counter[str], faults: Faults, account_id: str
    ) -> None:
        super().__init__(settings, clock, calls, faults)
        self.account_id = account_id
        self.lock = threading.RLock()
        self.buckets = Buckets()
        self.foreign: set[str] = set()  # access keys of sessions that are not counted, hooked or disturbed
        self.known: dict[str, Account] = {}

    def account(self, account_id: str | None = None) -> Account:
        """An account, made at its first use; without an id the main one."""
        account_id = account_id or self.account_id
        with self.lock:
            if account_id not in self.known:
                self.known[account_id] = Account(account_id, self.clock, self.faults)
                load_managed_policies(self.known[account_id].backend, account_id)
            return self.known[account_id]


def extras(user: Any) -> Extras:
    """What we keep of a moto user or role, made at its first use."""
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
    return max((date for date in dates if date), default=None)
