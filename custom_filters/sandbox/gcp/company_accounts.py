"""The service accounts and keys of the believable company: named cases, then a crowd drawn with the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from custom_filters.sandbox.gcp.people import Key, Project, ServiceAccount

NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
JOBS = ("etl", "backup", "deploy", "metrics", "billing", "search", "mail", "scan", "sync", "report")
# 253 bytes of UTF-8 in 211 characters: three more bytes still fit
FULL_DESCRIPTION = "Überweisungen für die Buchhaltung: " + "é" * 40 + "x" * 136


def named_accounts(now: datetime, project: Project) -> Iterator[ServiceAccount]:
    """One service account for each case; the first is the delegate that policies run as."""
    for number, (case, details) in enumerate(_account_cases(now, project).items()):
        created = now - timedelta(days=details.pop("age", 600))
        email = f"{case}@{project.id}.iam.gserviceaccount.com"
        yield ServiceAccount(
            **{
                "project": project.id,
                "email": email,
                "unique_id": _unique_id(number),
                "created": created,
                "display_name": case.replace("-", " "),
                "case": case,
                **details,
            }
        )


def named_keys(now: datetime, accounts: Mapping[str, ServiceAccount], seed: int) -> Iterator[Key]:
    """One key for each case, on the account `keys-mixed`, and those whose account is a case itself."""

    def ago(days: float) -> datetime:
        return now - timedelta(days=days)

    dice = random.Random(f"{seed}-keys")
    cases: dict[str, dict[str, Any]] = {
        "key-active": {"last_authenticated": ago(2)},
        "key-stale": {"last_authenticated": ago(200)},
        "key-never": {},
        "key-never-new": {"valid_after": ago(5), "observed_days": 5},
        "key-disabled": {"disabled": True, "last_authenticated": ago(200)},
        "key-no-row": {"observed_days": None},
        "key-short-row": {"observed_days": 30},
        "key-metric-recent": {"last_authenticated": ago(200), "last_metric": ago(4)},
        "key-expired": {"valid_before": ago(10), "last_authenticated": ago(200)},
        "key-system": {"kind": "SYSTEM_MANAGED", "valid_after": ago(8), "valid_before": ago(-9)},
    }
    for account in filter(None, (accounts.get("keys-mixed"),)):
        base = {"account": account.email, "valid_after": ago(500), "valid_before": NO_END}
        for case, details in cases.items():
            yield Key(**{**base, "id": _key_id(dice), "case": case, **details})
    for account in accounts.values():
        if account.case in ("delegate", "stale", "never"):
            yield Key(
                id=_key_id(dice),
                account=account.email,
                valid_after=account.created,
                valid_before=NO_END,
                last_authenticated=account.last_authenticated,
                last_metric=account.last_metric,
                case=f"{account.case}-key",
            )


def crowd(
    start: int, end: int, now: datetime, projects: tuple[Project, ...], seed: int
) -> Iterator[ServiceAccount | Key]:
    """Accounts number `start` to `end` over all projects, each with a key of Google's and 0 to 2 more."""
    dice = random.Random(f"{seed}-accounts")
    for number in range(start, end):
        project = projects[number % len(projects)]
        name = f"{dice.choice(JOBS)}-{number}"
        age = dice.randint(60, 1500)
        last: datetime | None = now - timedelta(days=dice.uniform(1, min(age, 40)))
        fate = dice.random()
        if fate < 0.10:
            last = now - timedelta(days=dice.uniform(min(age, 100), min(age, 390)))
        elif fate < 0.16:
            last = None
        account = ServiceAccount(
            project=project.id,
            email=f"{name}@{project.id}.iam.gserviceaccount.com",
            unique_id=_unique_id(number),
            created=now - timedelta(days=age),
            display_name=name,
            description=f"{name} of {project.id}" if dice.random() < 0.5 else "",
            disabled=dice.random() < 0.03,
            last_authenticated=last,
            observed_days=min(age, 400),
        )
        yield account
        yield from _keys(account, now, dice)


def _keys(account: ServiceAccount, now: datetime, dice: random.Random) -> Iterator[Key]:
    yield Key(
        id=_key_id(dice),
        account=account.email,
        valid_after=now - timedelta(days=3),
        valid_before=now + timedelta(days=14),
        kind="SYSTEM_MANAGED",
    )
    for _ in range(dice.choice((0, 0, 1, 2))):
        born = account.created + timedelta(days=dice.randint(0, 30))
        used = account.last_authenticated if dice.random() < 0.7 else None
        yield Key(
            id=_key_id(dice),
            account=account.email,
            valid_after=born,
            valid_before=NO_END,
            last_authenticated=used if used and used > born else None,
            observed_days=account.observed_days,
        )


def _unique_id(number: int) -> str:
    return f"1{2 * 10**19 + number * 6_007:020d}"


def _key_id(dice: random.Random) -> str:
    return f"{dice.getrandbits(160):040x}"


def _account_cases(now: datetime, project: Project) -> Mapping[str, dict[str, Any]]:
    def ago(days: float) -> datetime:
        return now - timedelta(days=days)

    stale = {"last_authenticated": ago(200)}
    return {
        # the Admin SDK is outside Google Cloud: Policy Analyzer does not see what the delegate does there
        "delegate": {**stale, "last_metric": ago(0.1)},
        "never": {},
        "never-new": {"age": 5, "observed_days": 5},
        "stale": dict(stale),
        "active": {"last_authenticated": ago(2)},
        "metric-recent": {**stale, "last_metric": ago(4)},
        "disabled-stale": {**stale, "disabled": True},
        "no-row": {"observed_days": None},
        "short-row": {"observed_days": 30},
        "default-compute": {**stale, "email": f"{project.number}-compute@developer.gserviceaccount.com"},
        "default-appengine": {**stale, "email": f"{project.id}@appspot.gserviceaccount.com"},
        "described-stale": {**stale, "description": "Nightly invoices; owner: finance@"},
        "described-full-stale": {**stale, "description": FULL_DESCRIPTION},
        "exempt-stale": dict(stale),
        "keys-mixed": {"last_authenticated": ago(2)},
    }
