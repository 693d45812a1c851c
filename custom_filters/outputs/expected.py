"""What an organisation's run had to leave, so that what left nothing is missed.

c7n-org only warns of an account that it could not enter and goes on: nothing of it is in the output.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from custom_filters.core.errors import InputError
from custom_filters.core.report import Evaluation, Report

#: c7n-org's accounts file: what each of its lists holds, and under which key.
_LISTS = {
    "accounts": ("aws", "account_id"),
    "subscriptions": ("azure", "subscription_id"),
    "projects": ("gcp", "project_id"),
}
_PROBLEM = "it left no output: the account could not be entered, or the policy did not start"


@dataclass(frozen=True)
class Account:
    """An entry of c7n-org's accounts file."""

    provider: str
    id: str
    name: str


def read_accounts(path: Path) -> tuple[Account, ...]:
    """The accounts, subscriptions and projects of c7n-org's file; raises InputError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"--accounts {path} cannot be read: {' '.join(str(error).split())}") from error
    found = tuple(_accounts(path, content)) if isinstance(content, dict) else ()
    if not found:
        raise InputError(f"--accounts {path} names no {', '.join(_LISTS)}; give c7n-org's own file")
    return found


def _accounts(path: Path, content: dict[str, Any]) -> Iterable[Account]:
    for name, (provider, key) in _LISTS.items():
        for item in content.get(name) or ():
            if not isinstance(item, dict) or key not in item:
                raise InputError(f"--accounts {path}: an entry of `{name}:` has no {key}; add it")
            yield Account(provider, str(item[key]), str(item.get("name", item[key])))


def with_expected(
    report: Report, accounts: Sequence[Account], policies: Collection[tuple[str, str]]
) -> Report:
    """The report with every policy of every account that is missing in it, as not evaluated.

    A policy is its provider and name. What is not given is taken from the report itself: its accounts, or its
    policies.
    """
    if not accounts and not policies:
        return report
    there = {e.scope for e in report.evaluations}
    found = {Account(e.provider, e.account, "") for e in report.evaluations if e.account}
    wanted = set(policies) or {(e.provider, e.policy) for e in report.evaluations if e.account}
    absent = [
        Evaluation(a.provider, a.id, "", policy, a.name, evaluated=False, problem=_PROBLEM)
        for a in accounts or sorted(found, key=lambda a: (a.provider, a.id))
        for policy in sorted(name for provider, name in wanted if provider == a.provider) or [""]
        if (a.provider, a.id, policy) not in there
    ]
    return replace(report, evaluations=(*absent, *report.evaluations))
