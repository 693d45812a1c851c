"""What an account's users and roles look like, written down precisely: `cloud.add(Person("amelia", ...))`.

A `When` is an aware datetime, or a timedelta: that long *before* the sandbox's now (negative: in the future).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TypeAlias

When: TypeAlias = datetime | timedelta
CODECOMMIT = "codecommit.amazonaws.com"
KEYSPACES = "cassandra.amazonaws.com"
BEDROCK = "bedrock.amazonaws.com"
REGION = "us-east-1"


def days(number: float) -> timedelta:
    """So many days ago, as a `When`."""
    return timedelta(days=number)


def resolve(when: When, now: datetime) -> datetime:
    """The moment meant, as aware UTC without microseconds (IAM has none)."""
    at = now - when if isinstance(when, timedelta) else when
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no zone: give an aware datetime")
    return at.astimezone(timezone.utc).replace(microsecond=0)


def trust(principal: str | Mapping[str, str]) -> str:
    """A trust policy (JSON) for one principal: `"*"`, `{"AWS": ARN}`, `{"Service": "ec2.amazonaws.com"}`."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass(frozen=True)
class Password:
    """A login profile; dates default to the user's creation. `used` None: never used, or no data."""

    used: When | None = None
    changed: When | None = None
    created: When | None = None
    region: str = REGION


@dataclass(frozen=True)
class Key:
    """An access key. `rotated` is what the report calls last_rotated; it defaults to `created`."""

    created: When | None = None
    used: When | None = None
    active: bool = True
    rotated: When | None = None
    service: str = "s3"
    region: str = REGION
    id: str | None = None
    secret: str | None = None


@dataclass(frozen=True)
class SshKey:
    """An SSH public key for CodeCommit."""

    uploaded: When | None = None
    active: bool = True
    id: str | None = None


@dataclass(frozen=True)
class ServiceCredential:
    """A service-specific credential: CodeCommit, Keyspaces or Bedrock. `expires` is only in Bedrock's."""

    service: str = CODECOMMIT
    created: When | None = None
    active: bool = True
    expires: When | None = None
    id: str | None = None


@dataclass(frozen=True)
class Certificate(SshKey):
    """An X.509 signing certificate."""


@dataclass(frozen=True)
class Event:
    """A CloudTrail management event; `access_key`: the id of the key that signed the call.

    request: the call's parameters (`userName`); resources: ARN, name or id -> type (`AWS::IAM::User`).
    """

    name: str
    at: When
    source: str = "signin.amazonaws.com"
    region: str = REGION
    read_only: bool = False
    access_key: str | None = None
    request: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """One IAM user.

    password_used: the date that a removed login profile leaves behind (with a password, Password.used counts)
    groups: made if need be; attached: AWS-managed policies by name, or ARNs; inline: name -> document.
    advisor: service namespace -> last authenticated; uses of keys are added to it, as AWS would.
    events: added to those that sign-ins and key uses leave in CloudTrail.
    in_report: False leaves the user out of every credential report, as if created just after it.
    """

    name: str
    path: str = "/"
    created: When = timedelta(days=400)
    password: Password | None = None
    password_used: When | None = None
    mfa: bool = False
    keys: tuple[Key, ...] = ()
    ssh_keys: tuple[SshKey, ...] = ()
    service_credentials: tuple[ServiceCredential, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    inline: Mapping[str, str] = field(default_factory=dict)
    advisor: Mapping[str, When] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    in_report: bool = True


@dataclass(frozen=True)
class Role:
    """One IAM role; `used` is shown as RoleLastUsed for 400 days.

    runs: what has the role in use, of `instance` (running, by an instance profile), `function` (Lambda) and
    `stack` (the role is a CloudFormation stack's, which then makes it).
    """

    name: str
    path: str = "/"
    created: When = timedelta(days=500)
    used: When | None = None
    region: str = REGION
    trust: str = trust({"Service": "ec2.amazonaws.com"})
    attached: tuple[str, ...] = ()
    inline: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    advisor: Mapping[str, When] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Root:
    """The root user's row in the credential report."""

    created: When = timedelta(days=2000)
    password: Password | None = field(default_factory=lambda: Password(used=timedelta(days=300)))
    mfa: bool = True
    keys: tuple[Key, ...] = ()
