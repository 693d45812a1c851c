"""A believable company: the same people for the same number and seed, their dates counted from now."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from custom_filters.sandbox.aws.company_kinds import KINDS, Draw, Names
from custom_filters.sandbox.aws.names import COMPANIES
from custom_filters.sandbox.aws.people import Person

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


@dataclass(frozen=True)
class Company:
    """The users of one account, and its groups: name -> AWS-managed policies."""

    people: tuple[Person, ...]
    groups: Mapping[str, tuple[str, ...]]


def company(users: int, seed: int) -> Company:
    """`users` people; about 12 % have nothing in use for 90 days, some can't be judged, some are new."""
    rng = random.Random(f"{seed}/{users}")
    kinds = _kinds(users)
    rng.shuffle(kinds)
    draw = Draw(rng, Names(rng))
    people = tuple(KINDS[kind](draw) for kind in kinds)
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
