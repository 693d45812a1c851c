"""A company's worth of findings: what the browser tests look at and the README shows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.exemption import Exemption
from custom_filters.core.finding import LifecycleState
from custom_filters.core.report import Report
from tests.reports.samples import NOW, credential, evaluation, findings, user, value

_FIRST = ("ada", "ben", "chloe", "dmitri", "elif", "farah", "goran", "hana", "ines", "jonas", "kofi", "lea",
          "mei")  # fmt: skip
_LAST = ("okafor", "silva", "novak", "haddad", "larsen", "moreau", "tanaka", "weber", "rossi", "khan", "ito",
         "diaz")  # fmt: skip
_TEAMS = ("payments@example.com", "platform@example.com", "data@example.com", None)
_KINDS = {"aws": ("password", "access-key", "ssh-key"), "azure": ("sign-in",),
          "gcp": ("sign-in", "service-account-key")}  # fmt: skip
_ACCOUNTS = {
    "aws": ("111111111111", "222222222222"),
    "azure": ("7c1f0f0e-0000-4000-8000-00000000aaaa",),
    "gcp": ("C01example",),
}
_POLICIES = {
    "aws": "aws-iam-user-unused",
    "azure": "azure-directory-user-unused",
    "gcp": "gcp-directory-user-unused",
}


def report(count: int, seed: int = 7) -> Report:
    """A report with `count` users on three clouds, two policies of which were not evaluated."""
    values = list(_values(count, random.Random(seed)))
    rows = findings(*values)
    rows = [{**row, "change": ("persisting", "new")[n % 9 == 0]} for n, row in enumerate(rows)]
    return Report(rows, tuple(_evaluations(values)), NOW, rows[:2])


def _evaluations(values: list[dict[str, Any]]) -> Iterator[Any]:
    denied = "the policy failed: AccessDenied on GenerateCredentialReport"
    yield evaluation(_POLICIES["aws"], "333333333333", evaluated=False, problem=denied)
    lost = "it left no output folder: the log-in failed (AADSTS7000222: the client secret has expired)"
    yield evaluation("azure-guest-unused", "", provider="azure", evaluated=False, problem=lost)
    yield evaluation("aws-account-cloudtrail-off", "111111111111", judged=False, resources=1)
    for provider, policy in _POLICIES.items():
        for account in _ACCOUNTS[provider]:
            mine = [v for v in values if v["account"] == account]
            credentials = sum(len(v["credentials"]) for v in mine)
            yield evaluation(policy, account, provider=provider, resources=len(mine), findings=credentials)


def _values(count: int, rng: random.Random) -> Iterator[dict[str, Any]]:
    for n in range(count):
        provider = rng.choices(("aws", "azure", "gcp"), (5, 3, 2))[0]
        made = _identity(n, provider, rng)
        progress = rng.choice((LifecycleState(), LifecycleState(), _marked(rng)))
        yield value(made, progress, policy=_POLICIES[provider], days=90)


def _marked(rng: random.Random) -> LifecycleState:
    return LifecycleState("marked", "disable-unused", NOW + timedelta(days=rng.choice((3, 9, 13))))


def _identity(n: int, provider: str, rng: random.Random) -> Identity:
    owner = rng.choice(_TEAMS)
    kinds = rng.sample(_KINDS[provider], rng.randint(1, len(_KINDS[provider])))
    made = user(
        f"{rng.choice(_FIRST)}.{rng.choice(_LAST)}{n}",
        *(_credential(kind, n, rng) for kind in kinds),
        provider=provider,
        account=rng.choice(_ACCOUNTS[provider]),
        user_type=rng.choice(("human", "human", "service", "guest")),
        privileged=rng.choice((False, False, False, True)),
        owner=owner,
        owner_source="tag:owner" if owner else None,
    )
    if n % 17:
        return made
    expires = NOW + timedelta(days=rng.choice((-3, 12, 25, 200)))
    entry = Exemption(
        provider, "*", made.name, "break-glass account, see runbook 12", "ciso@example.com", expires
    )
    return replace(made, exemption=entry)


def _credential(kind: str, n: int, rng: random.Random) -> Credential:
    name = f"AKIAEXAMPLE{n:06}" if kind == "access-key" else kind
    used: float | str | None = rng.choice(
        (None, rng.randint(91, 900), rng.randint(91, 400), rng.randint(0, 60))
    )
    if kind == "ssh-key":
        used, name = "no requested source tells when an ssh-key was last used", f"APKAEXAMPLE{n:06}"
    return credential(used, kind, name, created=rng.randint(901, 1500))
