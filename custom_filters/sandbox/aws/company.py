"""The crowd as IAM users: what each has to sign in and call with; dates are counted from now."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from custom_filters.sandbox.aws.people import (
    BEDROCK,
    CODECOMMIT,
    Key,
    Password,
    Person,
    ServiceCredential,
    SshKey,
    days,
)
from custom_filters.sandbox.company import Someone, crowd

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)  # any: only what lies between the dates is taken
GROUPS: Mapping[str, tuple[str, ...]] = {
    "administrators": ("AdministratorAccess",),
    "developers": ("PowerUserAccess",),
    "everyone": ("IAMUserChangePassword", "ReadOnlyAccess"),
    "contractors": ("AmazonS3ReadOnlyAccess",),
}
JOBS = ("backup", "deploy", "etl", "metrics", "mailer", "scanner", "terraform")
SERVICES = ("s3", "sts", "ec2", "dynamodb", "logs")
BREAK_GLASS = {"owner": "security@example.com", "c7n-unused-exempt": "break-glass access"}


@dataclass(frozen=True)
class Company:
    """The users of one account, and its groups: name -> AWS-managed policies."""

    people: tuple[Person, ...]
    groups: Mapping[str, tuple[str, ...]]


def company(users: int, seed: int) -> Company:
    """`users` people; about 12 % have nothing in use for 90 days, some can't be judged, some are new."""
    return Company(tuple(_person(someone) for someone in crowd(range(users), seed, NOW)), GROUPS)


def company_account(seed: int) -> tuple[str, str]:
    """Account id (12 digits) and alias, fixed for a seed."""
    return str(random.Random(f"account/{seed}").randrange(10**11, 10**12)), f"northwind-{seed}"


def _person(someone: Someone) -> Person:
    """Of fifty, six are machines, two are contractors, one is an administrator, ten are developers."""
    place = someone.number % 50
    if place == 19 and someone.number % 200 == 19:
        return _break_glass(someone)
    if place % 8 == 1:
        return _machine(someone)
    person = _human(someone)
    if someone.state != "on":  # who left: the password was taken away, the key forgotten
        left = _born(someone) / 2
        key = Key(_born(someone), left, active=someone.number % 2 == 0)
        return replace(person, password=None, password_used=left, keys=(key,), mfa=False)
    if place in (3, 28):
        path, contract = "/contractors/", {"contract-ends": "2027-12-31"}
        name = f"{someone.handle}+contractor@partner.example"
        tags = {**person.tags, **contract}
        return replace(person, name=name, path=path, tags=tags, groups=("contractors",))
    if place == 5:
        return replace(person, mfa=True, groups=("everyone", "administrators"))
    if place % 5 == 2:
        return replace(person, keys=_keys(someone), groups=("everyone", "developers"))
    return person


def _human(someone: Someone) -> Person:
    name = someone.handle
    owner = f"{someone.family.lower()}.lead@example.com"
    tags = {"email": f"{name}@example.com", "owner": owner, "cost-center": f"{someone.department}-100"}
    mfa = someone.number % 7 != 0
    return Person(
        name, f"/{someone.department.lower()}/", _born(someone), Password(used=_ago(someone)), mfa=mfa,
        tags=tags, groups=("everyone",),
    )  # fmt: skip


def _machine(someone: Someone) -> Person:
    job = JOBS[someone.number % len(JOBS)]
    tags = {"owner": f"{someone.department.lower()}-team@example.com", "service": job}
    name = f"svc-{someone.department.lower()}-{job}-{someone.number}"
    person = Person(name, "/service/", _born(someone), tags=tags, attached=("AmazonS3FullAccess",))
    if someone.number % 50 == 9:
        return replace(person, ssh_keys=(SshKey(),))
    if someone.number % 50 == 17:
        service = (BEDROCK, CODECOMMIT)[someone.number % 4 // 2]
        return replace(person, service_credentials=(ServiceCredential(service),))
    if someone.number % 50 == 1:  # a job that ended, with its key left
        return replace(person, created=days(400), keys=(Key(days(149), days(120)),))
    return replace(person, keys=(_key(someone),))


def _break_glass(someone: Someone) -> Person:
    return Person(
        f"break-glass-{someone.number}", "/emergency/", days(900), Password(used=days(300)), mfa=True,
        tags=BREAK_GLASS, attached=("AdministratorAccess",),
    )  # fmt: skip


def _keys(someone: Someone) -> tuple[Key, ...]:
    """One in use; some left an older one behind."""
    left = Key(_born(someone), None, service="s3") if someone.number % 20 == 7 else None
    return (_key(someone), *filter(None, (left,)))


def _key(someone: Someone) -> Key:
    return Key(_born(someone), _ago(someone), service=SERVICES[someone.number % len(SERVICES)])


def _born(someone: Someone) -> timedelta:
    return NOW - someone.created


def _ago(someone: Someone) -> timedelta | None:
    return NOW - someone.last if someone.last else None
