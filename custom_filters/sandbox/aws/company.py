"""A believable company: the same people for the same number, seed and day."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from custom_filters.sandbox.aws.names import COMPANIES, DEPARTMENTS, FIRST, JOBS, LAST
from custom_filters.sandbox.aws.people import (
    BEDROCK,
    Key,
    Password,
    Person,
    ServiceCredential,
    SshKey,
)

GROUPS: Mapping[str, tuple[str, ...]] = {
    "administrators": ("AdministratorAccess",),
    "developers": ("PowerUserAccess",),
    "everyone": ("IAMUserChangePassword", "ReadOnlyAccess"),
    "auditors": ("SecurityAudit",),
    "contractors": ("AmazonS3ReadOnlyAccess",),
}
# Shares of the whole, in percent; with 20 users or more there is at least one of each.
SHARES = {
    "employee": 41.0,
    "developer": 20.0,
    "administrator": 2.0,
    "service": 13.0,
    "contractor": 4.0,
    "leaver": 4.0,
    "never_signed_in": 3.0,
    "idle_service": 3.0,
    "idle_contractor": 2.0,
    "old_second_key": 3.0,
    "newcomer": 2.0,
    "switched_off": 1.5,
    "git_only": 1.0,
    "break_glass": 0.5,
}
Make = Callable[["_Draw"], Person]


@dataclass(frozen=True)
class Company:
    """The users of one account, and its groups: name -> AWS-managed policies."""

    people: tuple[Person, ...]
    groups: Mapping[str, tuple[str, ...]]


def company(users: int, seed: int, now: datetime) -> Company:
    """`users` people; about 12 % have nothing in use for 90 days, some can't be judged, some are new."""
    rng = random.Random(f"{seed}/{users}")
    kinds = _kinds(users)
    rng.shuffle(kinds)
    names = _Names(rng)
    people = tuple(KINDS[kind](_Draw(rng, names, now)) for kind in kinds)
    return Company(people, GROUPS)


def company_account(seed: int) -> tuple[str, str]:
    """Account id (12 digits) and alias, fixed for a seed."""
    rng = random.Random(f"account/{seed}")
    return str(rng.randrange(10**11, 10**12)), f"{rng.choice(COMPANIES)}-production"


def _kinds(users: int) -> list[str]:
    least = 1 if users >= 20 else 0
    counts = {kind: max(least, round(users * share / 100)) for kind, share in SHARES.items()}
    kinds = [kind for kind, count in reversed(counts.items()) for _ in range(count)][:users]
    return kinds + ["employee"] * (users - len(kinds))


class _Names:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._taken: set[str] = set()

    def unique(self, wanted: str, end: str = "") -> str:
        name, number = wanted + end, 2
        while name in self._taken:
            name, number = f"{wanted}{number}{end}", number + 1
        self._taken.add(name)
        return name

    def person(self) -> str:
        return f"{self._rng.choice(FIRST)}.{self._rng.choice(LAST)}"


@dataclass(frozen=True)
class _Draw:
    rng: random.Random
    names: _Names
    now: datetime

    def ago(self, least: float, most: float) -> timedelta:
        """Between so many days ago, to the minute; office hours do not matter to anybody here."""
        return timedelta(minutes=self.rng.randint(int(least * 1440), int(most * 1440)))

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def owner(self) -> str:
        return f"{self.names.person()}@example.com"

    def human(self, created: timedelta | None = None) -> Person:
        department = self.rng.choice(DEPARTMENTS)
        name = self.names.unique(self.names.person())
        tags = {"email": f"{name}@example.com", "owner": self.owner(), "cost-center": f"{department}-100"}
        return Person(
            name,
            path=f"/{department}/",
            created=created or self.ago(200, 2000),
            mfa=self.chance(0.85),
            tags=tags,
            groups=("everyone",),
        )

    def machine(self) -> Person:
        job, team = self.rng.choice(JOBS), self.rng.choice(DEPARTMENTS)
        tags = {"owner": f"{team}-team@example.com", "service": job}
        return Person(
            self.names.unique(f"svc-{team}-{job}"),
            path="/service/",
            created=self.ago(150, 1800),
            tags=tags,
            attached=("AmazonS3FullAccess",),
        )

    def key(self, created: timedelta, used: timedelta | None, active: bool = True) -> Key:
        service = self.rng.choice(("s3", "sts", "ec2", "dynamodb", "logs"))
        return Key(created=created, used=used, active=active, service=service)


def _signed_in(draw: _Draw, person: Person, least: float, most: float) -> Person:
    changed = (
        draw.ago(most, max(most + 1, person.created.total_seconds() / 86400 - 1))
        if isinstance(person.created, timedelta)
        else None
    )
    return replace(person, password=Password(used=draw.ago(least, most), changed=changed))


def _employee(draw: _Draw) -> Person:
    return _signed_in(draw, draw.human(), 0.1, 60)


def _developer(draw: _Draw) -> Person:
    person = _signed_in(draw, draw.human(), 0.1, 30)
    keys = (draw.key(draw.ago(40, 190), draw.ago(0.1, 30)),)
    ssh = (SshKey(uploaded=draw.ago(40, 190)),) if draw.chance(0.2) else ()
    return replace(person, keys=keys, ssh_keys=ssh, groups=("everyone", "developers"))


def _administrator(draw: _Draw) -> Person:
    person = _signed_in(draw, draw.human(), 0.1, 10)
    return replace(person, mfa=True, groups=("everyone", "administrators"))


def _service(draw: _Draw) -> Person:
    return replace(draw.machine(), keys=(draw.key(draw.ago(60, 149), draw.ago(0.05, 3)),))


def _contractor(draw: _Draw) -> Person:
    name = draw.names.unique(draw.names.person(), "+contractor@partner.example")
    tags = {"email": name, "owner": draw.owner(), "contract-ends": "2027-12-31"}
    created = draw.ago(120, 500)
    person = Person(name, path="/contractors/", created=created, tags=tags, groups=("contractors",))
    return _signed_in(draw, person, 0.1, 40)


def _leaver(draw: _Draw) -> Person:
    person = _signed_in(draw, draw.human(draw.ago(900, 2000)), 100, 700)
    return replace(
        person, keys=(draw.key(draw.ago(720, 890), draw.ago(100, 700)),) if draw.chance(0.5) else ()
    )


def _never_signed_in(draw: _Draw) -> Person:
    person = draw.human(draw.ago(120, 900))
    return replace(person, password=Password(), keys=(Key(),) if draw.chance(0.4) else ())


def _idle_service(draw: _Draw) -> Person:
    keys = (draw.key(draw.ago(145, 149), draw.ago(95, 140)),)
    second = (draw.key(draw.ago(120, 140), None),) if draw.chance(0.3) else ()
    return replace(draw.machine(), keys=keys + second)


def _idle_contractor(draw: _Draw) -> Person:
    return replace(_contractor(draw), password=Password(used=draw.ago(95, 110)))


def _old_second_key(draw: _Draw) -> Person:
    person = _developer(draw)
    return replace(person, keys=(*person.keys, draw.key(draw.ago(150, 190), draw.ago(100, 140))))


def _newcomer(draw: _Draw) -> Person:
    return replace(draw.human(draw.ago(0.5, 12)), password=Password())


def _switched_off(draw: _Draw) -> Person:
    key = draw.key(draw.ago(300, 900), draw.ago(200, 290), active=False)
    return replace(draw.human(draw.ago(900, 2000)), password_used=draw.ago(200, 800), keys=(key,), mfa=False)


def _git_only(draw: _Draw) -> Person:
    uploaded = draw.ago(100, 149)
    if draw.chance(0.5):
        return replace(draw.machine(), ssh_keys=(SshKey(uploaded=uploaded),))
    service = draw.rng.choice((BEDROCK, ServiceCredential().service))
    return replace(draw.machine(), service_credentials=(ServiceCredential(service, created=uploaded),))


def _break_glass(draw: _Draw) -> Person:
    return Person(
        draw.names.unique("break-glass"),
        path="/emergency/",
        created=draw.ago(400, 900),
        password=Password(used=draw.ago(200, 390)),
        mfa=True,
        tags={"owner": "security@example.com", "c7n-unused-exempt": "break-glass access"},
        attached=("AdministratorAccess",),
    )


KINDS: Mapping[str, Make] = {
    "employee": _employee,
    "developer": _developer,
    "administrator": _administrator,
    "service": _service,
    "contractor": _contractor,
    "leaver": _leaver,
    "never_signed_in": _never_signed_in,
    "idle_service": _idle_service,
    "idle_contractor": _idle_contractor,
    "old_second_key": _old_second_key,
    "newcomer": _newcomer,
    "switched_off": _switched_off,
    "git_only": _git_only,
    "break_glass": _break_glass,
}
