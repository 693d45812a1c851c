"""The service accounts and keys of the believable company: named cases, then a crowd drawn with the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from custom_filters.sandbox.company import crowd
from custom_filters.sandbox.gcp.people import Key, Project, ServiceAccount

NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
JOBS = ("etl", "backup", "deploy", "metrics", "billing", "search", "mail", "scan", "sync", "report")
# 253 bytes of UTF-8 in 211 characters: three more bytes still fit
FULL_DESCRIPTION = "Überweisungen für die Buchhaltung: " + "é" * 40 + "x" * 136


def named_accounts(now: datetime, project: Project) -> Iterator[ServiceAccount]:
    """One service account for each case; the first is the delegate that policies run as."""
    for number, (case, details) in enumerate(_account_cases(now, project).items()):
        created = now - timedelta(days=details.pop("age", 600))
        email = details.pop("email", f"{case}@{project.id}.iam.gserviceaccount.com")
        names: dict[str, Any] = {"display_name": case.replace("-", " "), "case": case}
        yield ServiceAccount(project.id, email, _unique_id(number), created, **names, **details)


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
            key = Key(_key_id(dice), account.email, account.created, NO_END, case=f"{account.case}-key")
            used = account.last_authenticated
            yield replace(key, last_authenticated=used, last_metric=account.last_metric)


def machines(
    numbers: range, now: datetime, projects: tuple[Project, ...], seed: int
) -> Iterator[ServiceAccount | Key]:
    """Accounts over all projects, used as the crowd is, with a key of Google's.

    Every second has a key of its own, a fifth of which were never used.
    """
    dice, recent, soon = random.Random(f"{seed}-accounts"), now - timedelta(days=3), now + timedelta(days=14)
    for someone in crowd(numbers, seed, now):
        number, created, off = someone.number, someone.created, someone.state != "on"
        project, name = projects[number % len(projects)], f"{JOBS[number % len(JOBS)]}-{number}"
        email, text = f"{name}@{project.id}.iam.gserviceaccount.com", f"{name} of {project.id}"
        observed = min((now - created).days, 400)
        uses: dict[str, Any] = {"last_authenticated": someone.last, "observed_days": observed}
        named: dict[str, Any] = {"display_name": name, "description": text * (number % 4 < 2)}
        yield ServiceAccount(project.id, email, _unique_id(number), created, disabled=off, **named, **uses)
        yield Key(_key_id(dice), email, recent, soon, kind="SYSTEM_MANAGED")
        if number % 2:
            last = someone.last if number % 5 else None
            yield Key(_key_id(dice), email, created, NO_END, last_authenticated=last, observed_days=observed)


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
