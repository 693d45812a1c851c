"""What a report is made of: findings, and what was and was not evaluated to get them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal, Protocol

from custom_filters.core.decision import Decisions, Review, told
from custom_filters.core.exemption import NAMED, Matches, is_glob
from custom_filters.core.finding import FIELDS
from custom_filters.core.population import sentence
from custom_filters.core.risk import risk

#: One flat record a credential: the names of REPORTED_FIELDS.
Finding = dict[str, Any]
#: What a report adds to a finding: `counts_as` is the verdict by which every format counts it.
REPORTED_FIELDS = (*FIELDS, "policies", "counts_as", "risk", "decision", "done")

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
    for a policy that does not ask for unused credentials: a check, or (`retires`) one that only takes records
    away. `asks_active` is True where users who are
    back in use were asked for. `started` is aware UTC. `examined` counts everybody who was judged by verdict
    (None: no population was recorded), `filtered_out` those whom other filters took out before.
    `description` is the policy's own. `exemptions` says whom each entry of its exemptions file matched.
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
    retires: bool = False
    asks_active: bool = False
    execution: str = ""
    examined: Mapping[str, int] | None = None
    filtered_out: int | None = None
    description: str = ""
    exemptions: tuple[Matches, ...] = ()

    @property
    def scope(self) -> tuple[str, str, str]:
        """What it speaks for: provider, account and policy, whatever the region."""
        return self.provider, self.account, self.policy

    @property
    def outcome(self) -> Literal["unknown", "fail", "pass"]:
        """What it says of the account as a whole: `fail` where a check found something."""
        if not self.evaluated:
            return "unknown"
        return "fail" if self.resources and not self.judged and not self.retires else "pass"

    @property
    def sentence(self) -> str:
        """Why it was not evaluated, what the check found, or how many were examined."""
        if not self.evaluated:
            return self.problem or "not evaluated"
        if self.judged:
            return sentence(self.examined, self.filtered_out)
        if self.retires:
            return f"judges nobody, {self.resources} selected"
        about = self.description.strip() or f"the check {self.policy}"
        return f"{about} ({self.resources} found)" if self.resources else "nothing found"


@dataclass(frozen=True)
class Cause:
    """One reason why something was not evaluated, with all that it speaks of."""

    provider: str
    problem: str
    accounts: tuple[str, ...]
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Exempted:
    """Whom an entry for `account` and `user` (patterns, maybe) matched over all that was read."""

    provider: str
    account: str
    user: str
    matched: int
    names: tuple[str, ...]

    @property
    def who(self) -> str:
        """The first names, and how many more."""
        more = self.matched - len(self.names)
        return ", ".join(self.names) + (f" and {more} more" if more else "")

    @property
    def sentence(self) -> str:
        """What the entry did, and what to do about one that did nothing."""
        entry = f"the exemption of {self.user} in the {self.provider} account {self.account} matches"
        remedy = "nobody: correct it, remove it, or add `may-be-absent: true`"
        return f"{entry} {self.matched}: {self.who}" if self.matched else f"{entry} {remedy}"


@dataclass(frozen=True)
class Report:
    """Everything that a report shows. `as_of` is when the newest policy in it started (aware UTC).

    `resolved` are findings of earlier runs, as they were last seen, that are gone now (needs the history).
    `users` are the populations' rows with `provider`, `account` and `policy`; `actions` the journal's lines
    of the run; `history` credentials by verdict of earlier runs, oldest first; `review` how far the decisions
    are, None where none were given.
    """

    findings: Findings
    evaluations: tuple[Evaluation, ...]
    as_of: datetime | None
    resolved: Findings = ()
    users: Findings = ()
    actions: tuple[Mapping[str, Any], ...] = ()
    history: tuple[tuple[datetime, Mapping[str, int]], ...] = ()
    review: Review | None = None

    @property
    def not_evaluated(self) -> tuple[Evaluation, ...]:
        """Policy runs that were not evaluated."""
        return tuple(e for e in self.evaluations if not e.evaluated)

    @property
    def account_findings(self) -> tuple[Evaluation, ...]:
        """Checks of an account that found something: policies without our filter that selected resources."""
        return tuple(e for e in self.evaluations if e.outcome == "fail")

    def causes(self) -> list[Cause]:
        """Why something was not evaluated, each cause once."""
        grouped: dict[tuple[str, str], list[Evaluation]] = {}
        for e in self.not_evaluated:
            grouped.setdefault((e.provider, e.problem or ""), []).append(e)
        return [
            Cause(*key, _distinct(e.account for e in found), _distinct(e.policy or e.folder for e in found))
            for key, found in grouped.items()
        ]

    def exemptions(self) -> list[Exempted]:
        """Entries that match nobody, then patterns with whom they match."""
        found: dict[tuple[str, str, str], dict[str, Matches]] = {}
        for e in self.evaluations:
            for one in e.exemptions:
                accounts = found.setdefault((e.provider, one.account, one.user), {})
                accounts[e.account] = max(accounts.get(e.account, one), one, key=lambda m: m.times)
        entries = [
            Exempted(*key, sum(m.times for m in by.values()), _first(n for m in by.values() for n in m.names))
            for key, by in found.items()
        ]
        told = [e for e in entries if not e.matched or is_glob(e.account + e.user)]
        return sorted(told, key=lambda e: (e.matched > 0, e.provider, e.account, e.user))

    def counts_at(self, fail_on: Iterable[str]) -> bool:
        """Whether anything stands at `--fail-on`: a verdict, or, once any is named, an account finding."""
        verdicts = frozenset(fail_on)
        return bool(verdicts) and (
            bool(self.account_findings) or any(f["counts_as"] in verdicts for f in self.findings)
        )


def _first(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names)[:NAMED])


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts))) or ("",)


@dataclass(frozen=True)
class Changed:
    """Findings, each changed on its way."""

    findings: Findings
    change: Callable[[Finding], Finding]

    def __iter__(self) -> Iterator[Finding]:
        return map(self.change, self.findings)

    def __len__(self) -> int:
        return len(self.findings)


def reported(finding: Finding) -> Finding:
    """A merged finding with what a report adds, and no evidence twice."""
    verdict = effective_verdict(finding)
    evidence: list[Any] = []
    evidence.extend(item for item in finding["evidence"] if item not in evidence)
    added = {"counts_as": verdict, "risk": risk(finding, verdict), "decision": None, "done": None}
    return {**finding, "evidence": evidence, **added}


def with_decisions(report: Report, decisions: Decisions, now: datetime) -> Report:
    """The report with each finding's `decision` as it stands at `now`, and how far the review is."""
    findings, review = Changed(report.findings, partial(_decided, decisions, now)), Review()
    for finding in findings:
        review.add(finding)
    return replace(report, findings=findings, review=review)


def _decided(decisions: Decisions, now: datetime, finding: Finding) -> Finding:
    found = decisions.by_uid.get(finding["uid"])
    return {**finding, "decision": told(found, finding, now)} if found else finding


def effective_verdict(finding: Finding) -> str:
    """The verdict that counts for a reviewer: `exempt` for all of an exempt user's live credentials."""
    verdict: str = finding["verdict"]
    if finding["user_verdict"] == "exempt" and verdict != "disabled":
        return "exempt"
    return verdict
