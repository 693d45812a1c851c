"""A believable company: the same people for the same number and seed, their dates counted from now."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from custom_filters.sandbox.aws.people import (
    BEDROCK,
    CODECOMMIT,
    Key,
    Password,
    Person,
    ServiceCredential,
    SshKey,
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COMPANIES = _words("northwind bluepeak harborline fernhill cloudmill sunfield")
DEPARTMENTS = _words("engineering data finance sales support marketing operations security")
JOBS = _words("backup deploy etl metrics mailer billing-export image-resize scanner terraform")
FIRST = _words("""
ada aiko alba amelia amir anika anton aria ayo bela carlos chen chloe daria david diego ebba elif
emil emma farah felix fiona gabriel grace hana hugo ida imani ines ivan jamal jonas jun kaito karin
kofi lara leila leo lin luca maja malik mara mateo mei mila mina nadia nils noor olga omar paula
priya rafael rana ravi rosa sam samira sara sven tara theo uma viktor wanda yara yusuf zoe
""")
LAST = _words("""
adeyemi ahmed alvarez andersen bauer becker berg bianchi brown castro chen costa cruz dahl diaz
dubois evans ferrari fischer garcia gomez haddad hansen hoang ibrahim ito jansen jones kaya khan kim
kowalski kumar larsen lee lopez mancini martin meyer moreau mueller nakamura nguyen novak okafor
olsen osei park patel perez petrov popescu rossi russo sato schmidt silva singh smith sokolov tanaka
torres vargas weber wilson wong yilmaz young zhang
""")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "administrators": ("AdministratorAccess",),
    "developers": ("PowerUserAccess",),
    "everyone": ("IAMUserChangePassword", "ReadOnlyAccess"),
    "auditors": ("SecurityAudit",),
    "contractors": ("AmazonS3ReadOnlyAccess",),
}


@dataclass(frozen=True)
class Company:
    """The users of one account, and its groups: name -> AWS-managed policies."""

    people: tuple[Person, ...]
    groups: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Draw:
    """Draws what users have; names that are taken get a number."""

    rng: random.Random
    taken: set[str] = field(default_factory=set)

    def unique(self, wanted: str, end: str = "") -> str:
        """`wanted` and `end`, with a number between them if need be."""
        name, number = wanted + end, 2
        while name in self.taken:
            name, number = f"{wanted}{number}{end}", number + 1
        self.taken.add(name)
        return name

    def name(self) -> str:
        """first.last, perhaps taken."""
        return f"{self.rng.choice(FIRST)}.{self.rng.choice(LAST)}"

    def ago(self, least: float, most: float) -> timedelta:
        """Between so many days ago, to the minute."""
        return timedelta(minutes=self.rng.randint(int(least * 1440), int(most * 1440)))

    def chance(self, share: float) -> bool:
        """True for that share of draws."""
        return self.rng.random() < share

    def human(self, created: timedelta | None = None) -> Person:
        """An employee with nothing to sign in with yet."""
        department = self.rng.choice(DEPARTMENTS)
        name = self.unique(self.name())
        owner = f"{self.name()}@example.com"
        tags = {"email": f"{name}@example.com", "owner": owner, "cost-center": f"{department}-100"}
        born = created or self.ago(200, 2000)
        mfa = self.chance(0.85)
        return Person(name, f"/{department}/", born, mfa=mfa, tags=tags, groups=("everyone",))

    def machine(self) -> Person:
        """A service user with no credential yet."""
        job, team = self.rng.choice(JOBS), self.rng.choice(DEPARTMENTS)
        name, tags = self.unique(f"svc-{team}-{job}"), {"owner": f"{team}-team@example.com", "service": job}
        return Person(name, "/service/", self.ago(150, 1800), tags=tags, attached=("AmazonS3FullAccess",))

    def key(self, created: timedelta, used: timedelta | None, active: bool = True) -> Key:
        """A key that was last used with some service."""
        service = self.rng.choice(("s3", "sts", "ec2", "dynamodb", "logs"))
        return Key(created=created, used=used, active=active, service=service)

    def signed_in(self, person: Person, least: float, most: float) -> Person:
        """The same with a password that was used between so many days ago."""
        age = person.created.total_seconds() / 86400 if isinstance(person.created, timedelta) else 0
        changed = self.ago(most, max(most + 1, age - 1))
        return replace(person, password=Password(used=self.ago(least, most), changed=changed))


def _developer(draw: Draw) -> Person:
    person = draw.signed_in(draw.human(), 0.1, 30)
    keys = (draw.key(draw.ago(40, 190), draw.ago(0.1, 30)),)
    ssh = (SshKey(uploaded=draw.ago(40, 190)),) if draw.chance(0.2) else ()
    return replace(person, keys=keys, ssh_keys=ssh, groups=("everyone", "developers"))


def _administrator(draw: Draw) -> Person:
    person = draw.signed_in(draw.human(), 0.1, 10)
    return replace(person, mfa=True, groups=("everyone", "administrators"))


def _contractor(draw: Draw) -> Person:
    name = draw.unique(draw.name(), "+contractor@partner.example")
    tags = {"email": name, "owner": f"{draw.name()}@example.com", "contract-ends": "2027-12-31"}
    person = Person(name, "/contractors/", draw.ago(120, 500), tags=tags, groups=("contractors",))
    return draw.signed_in(person, 0.1, 40)


def _leaver(draw: Draw) -> Person:
    person = draw.signed_in(draw.human(draw.ago(900, 2000)), 100, 700)
    keys = (draw.key(draw.ago(720, 890), draw.ago(100, 700)),) if draw.chance(0.5) else ()
    return replace(person, keys=keys)


def _never_signed_in(draw: Draw) -> Person:
    person = draw.human(draw.ago(120, 900))
    return replace(person, password=Password(), keys=(Key(),) if draw.chance(0.4) else ())


def _idle_service(draw: Draw) -> Person:
    keys = (draw.key(draw.ago(145, 149), draw.ago(95, 140)),)
    second = (draw.key(draw.ago(120, 140), None),) if draw.chance(0.3) else ()
    return replace(draw.machine(), keys=keys + second)


def _old_second_key(draw: Draw) -> Person:
    person = _developer(draw)
    return replace(person, keys=(*person.keys, draw.key(draw.ago(150, 190), draw.ago(100, 140))))


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
    name, born = draw.unique("break-glass"), draw.ago(400, 900)
    return Person(
        name, "/emergency/", born, Password(used=draw.ago(200, 390)), mfa=True,
        tags={"owner": "security@example.com", "c7n-unused-exempt": "break-glass access"},
        attached=("AdministratorAccess",),
    )  # fmt: skip


#: kind -> its share of the whole in percent (with 20 users or more there is at least one of each), its draw.
KINDS: Mapping[str, tuple[float, Callable[[Draw], Person]]] = {
    "employee": (41.0, lambda draw: draw.signed_in(draw.human(), 0.1, 60)),
    "developer": (20.0, _developer),
    "administrator": (2.0, _administrator),
    "service": (13.0, lambda d: replace(d.machine(), keys=(d.key(d.ago(60, 149), d.ago(0.05, 3)),))),
    "contractor": (4.0, _contractor),
    "leaver": (4.0, _leaver),
    "never_signed_in": (3.0, _never_signed_in),
    "idle_service": (3.0, _idle_service),
    "idle_contractor": (2.0, lambda d: replace(_contractor(d), password=Password(used=d.ago(95, 110)))),
    "old_second_key": (3.0, _old_second_key),
    "newcomer": (2.0, lambda draw: replace(draw.human(draw.ago(0.5, 12)), password=Password())),
    "switched_off": (1.5, _switched_off),
    "git_only": (1.0, _git_only),
    "break_glass": (0.5, _break_glass),
}


def company(users: int, seed: int) -> Company:
    """`users` people; about 12 % have nothing in use for 90 days, some can't be judged, some are new."""
    rng = random.Random(f"{seed}/{users}")
    least = 1 if users >= 20 else 0
    counts = {kind: max(least, round(users * share / 100)) for kind, (share, _) in KINDS.items()}
    kinds = [kind for kind, count in reversed(counts.items()) for _ in range(count)][:users]
    kinds += ["employee"] * (users - len(kinds))
    rng.shuffle(kinds)
    draw = Draw(rng)
    return Company(tuple(KINDS[kind][1](draw) for kind in kinds), GROUPS)


def company_account(seed: int) -> tuple[str, str]:
    """Account id (12 digits) and alias, fixed for a seed."""
    rng = random.Random(f"account/{seed}")
    return str(rng.randrange(10**11, 10**12)), f"{rng.choice(COMPANIES)}-production"
