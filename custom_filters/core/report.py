"""What a report is made of: findings, and what was and was not evaluated to get them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

#: One flat record a credential: the names of `core.finding.FIELDS`, and `policies` once merged.
Finding = dict[str, Any]

#: Verdicts from the gravest to the lightest, the order in which reports count and sort.
VERDICT_ORDER = (
    "stale", "never-used", "unknown", "new", "exempt", "active", "disabled", "no-credentials",
)  # fmt: skip


class Findings(Protocol):
    """Findings that can be gone through any number of times, whatever their number."""

    def __iter__(self) -> Iterator[Finding]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Evaluation:
    """One policy on one account and region: whether its output can be believed, and if not why.

    `account` is Custodian's (AWS account, Azure subscription, Google project), empty when it is not known.
    `resources` counts what the policy selected, `findings` the credentials judged in them. `judged` is False
    for a policy that does not ask for unused credentials: a check. `asks_active` is True where users who are
    back in use were asked for. `started` is aware UTC.
    """

    provider: str
    account: str
    region: str
    policy: str
    folder: str
    evaluated: bool
    problem: str | None = None
    resources: int = 0
    findings: int = 0
    started: datetime | None = None
    judged: bool = True
    asks_active: bool = False
    execution: str = ""

    @property
    def scope(self) -> tuple[str, str, str]:
        """What it speaks for: provider, account and policy, whatever the region."""
        return self.provider, self.account, self.policy


@dataclass(frozen=True)
class Report:
    """Everything that a report shows. `as_of` is when the newest policy in it started (aware UTC).

    `resolved` are findings of earlier runs, as they were last seen, that are gone now (needs the history).
    """

    findings: Findings
    evaluations: tuple[Evaluation, ...]
    as_of: datetime | None
    resolved: Findings = ()

    @property
    def not_evaluated(self) -> tuple[Evaluation, ...]:
        """Policies of which nothing is known."""
        return tuple(e for e in self.evaluations if not e.evaluated)


def effective_verdict(finding: Finding) -> str:
    """The verdict that counts for a reviewer: `exempt` for all of an exempt user's live credentials."""
    verdict: str = finding["verdict"]
    if finding["user_verdict"] == "exempt" and verdict != "disabled":
        return "exempt"
    return verdict
