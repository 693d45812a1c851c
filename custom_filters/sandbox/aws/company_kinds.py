"""The kinds of users that a company has, and how each is drawn."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from custom_filters.sandbox.aws.names import DEPARTMENTS, FIRST, JOBS, LAST
from custom_filters.sandbox.aws.people import (
    BEDROCK,
    CODECOMMIT,
    Key,
    Password,
    Person,
    ServiceCredential,
    SshKey,
)


class Names:
    """Draws names; `unique` numbers those that are taken."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._taken: set[str] = set()

    def unique(self, wanted: str, end: str = "") -> str:
        """`wanted` and `end`, with a number between them if need be."""
        name, number = wanted + end, 2
        while name in self._taken:
            name, number = f"{wanted}{number}{end}", number + 1
        self._taken.add(name)
        return name

    def person(self) -> str:
        """first.last, perhaps taken."""
        return f"{self._rng.choice(FIRST)}.{self._rng.choice(LAST)}"


@dataclass(frozen=True)
class Draw:
    """Where a kind of user gets its chance from."""

    rng: random.Random
    names: Names

    def ago(self, least: float, most: float) -> timedelta:
        """Between so many days ago, to the minute; office hours do not matter to anybody here."""
        return timedelta(minutes=self.rng.randint(int(least * 1440), int(most * 1440)))

    def chance(self, share: float) -> bool:
        """True for that share of draws."""
        return self.rng.random() < share

    def owner(self) -> str:
        """A manager's address."""
        return f"{self.names.person()}@example.com"

    def human(self, created: timedelta | None = None) -> Person:
        """An employee with nothing to sign in with yet."""
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
        """A service user with no credential yet."""
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
        """A key that was last used with some service."""
        service = self.rng.choice(("s3", "sts", "ec2", "dynamodb", "logs"))
        return Key(created=created, used=used, active=active, service=service)


def _signed_in(draw: Draw, person: Person, least: float, most: float) -> Person:
    changed = (
        draw.ago(most, max(most + 1, person.created.total_seconds() / 86400 - 1))
        if isinstance(person.created, timedelta)
        else None
    )
    return replace(person, password=Password(used=draw.ago(least, most), changed=changed))


def _employee(draw: Draw) -> Person:
    return _signed_in(draw, draw.human(), 0.1, 60)


def _developer(draw: Draw) -> Person:
    person = _signed_in(draw, draw.human(), 0.1, 30)
    keys = (draw.key(draw.ago(40, 190), draw.ago(0.1, 30)),)
    ssh = (SshKey(uploaded=draw.ago(40, 190)),) if draw.chance(0.2) else ()
    return replace(person, keys=keys, ssh_keys=ssh, groups=("everyone", "developers"))


def _administrator(draw: Draw) -> Person:
    person = _signed_in(draw, draw.human(), 0.1, 10)
    return replace(person, mfa=True, groups=("everyone", "administrators"))


def _service(draw: Draw) -> Person:
    return replace(draw.machine(), keys=(draw.key(draw.ago(60, 149), draw.ago(0.05, 3)),))


def _contractor(draw: Draw) -> Person:
    name = draw.names.unique(draw.names.person(), "+contractor@partner.example")
    tags = {"email": name, "owner": draw.owner(), "contract-ends": "2027-12-31"}
    created = draw.ago(120, 500)
    person = Person(name, path="/contractors/", created=created, tags=tags, groups=("contractors",))
    return _signed_in(draw, person, 0.1, 40)


def _leaver(draw: Draw) -> Person:
    person = _signed_in(draw, draw.human(draw.ago(900, 2000)), 100, 700)
    return replace(
        person, keys=(draw.key(draw.ago(720, 890), draw.ago(100, 700)),) if draw.chance(0.5) else ()
    )


def _never_signed_in(draw: Draw) -> Person:
    person = draw.human(draw.ago(120, 900))
    return replace(person, password=Password(), keys=(Key(),) if draw.chance(0.4) else ())


def _idle_service(draw: Draw) -> Person:
    keys = (draw.key(draw.ago(145, 149), draw.ago(95, 140)),)
    second = (draw.key(draw.ago(120, 140), None),) if draw.chance(0.3) else ()
    return replace(draw.machine(), keys=keys + second)


def _idle_contractor(draw: Draw) -> Person:
    return replace(_contractor(draw), password=Password(used=draw.ago(95, 110)))


def _old_second_key(draw: Draw) -> Person:
    person = _developer(draw)
    return replace(person, keys=(*person.keys, draw.key(draw.ago(150, 190), draw.ago(100, 140))))


def _newcomer(draw: Draw) -> Person:
    return replace(draw.human(draw.ago(0.5, 12)), password=Password())


def _switched_off(draw: Draw) -> Person:
    key = draw.key(draw.ago(300, 900), draw.ago(200, 290), active=False)
    return replace(draw.human(draw.ago(900, 2000)), password_used=draw.ago(200, 800), keys=(key,), mfa=False)


def _git_only(draw: Draw) -> Person:
    uploaded = draw.ago(100, 149)
    if draw.chance(0.5):
        return replace(draw.machine(), ssh_keys=(SshKey(uploaded=uploaded),))
    service = draw.rng.choice((BEDROCK, CODECOMMIT))
    return replace(draw.machine(), service_credentials=(ServiceCredential(service, created=uploaded),))


def _break_glass(draw: Draw) -> Person:
    return Person(
        draw.names.unique("break-glass"),
        path="/emergency/",
        created=draw.ago(400, 900),
        password=Password(used=draw.ago(200, 390)),
        mfa=True,
        tags={"owner": "security@example.com", "c7n-unused-exempt": "break-glass access"},
        attached=("AdministratorAccess",),
    )


KINDS: Mapping[str, Callable[[Draw], Person]] = {
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
