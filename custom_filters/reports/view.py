"""What stands at the top of a report, counted in one pass over the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from custom_filters.core.times import parse_time
from custom_filters.core.verdict import UNUSED
from custom_filters.reports.model import VERDICT_ORDER, Finding, Report, effective_verdict

#: Upper ends (exclusive, in days) of the histogram's bars; the last bar is open.
AGE_BINS = (30, 60, 90, 180, 365, 730)
#: An exemption that ends within this many days is listed.
EXPIRY_NOTICE = timedelta(days=30)


@dataclass
class Summary:
    """Counts over a report. Credentials unless the name says users."""

    total: int = 0
    #: (verdict, provider) -> credentials
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    users: set[tuple[str, str, str]] = field(default_factory=set)
    #: Bar of the histogram (index into AGE_BINS, or its length) -> unused credentials
    ages: Counter[int] = field(default_factory=Counter)
    #: (next action, day) -> credentials
    next_actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Users with a mark, and those of them that are back in use.
    marked: set[tuple[str, str, str]] = field(default_factory=set)
    returned: set[tuple[str, str, str]] = field(default_factory=set)
    #: User -> (reason, approved by, expires) for exemptions that end soon or have ended
    expiring: dict[tuple[str, str, str], tuple[str, str, str]] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)

    @property
    def providers(self) -> list[str]:
        """Providers with findings."""
        return sorted({provider for _, provider in self.verdicts})

    def rows(self) -> Iterator[tuple[str, list[int], int]]:
        """Verdict, count for each of `providers`, and sum; verdicts that occur, gravest first."""
        for verdict in VERDICT_ORDER:
            counts = [self.verdicts[verdict, provider] for provider in self.providers]
            if any(counts):
                yield verdict, counts, sum(counts)


def summarise(report: Report) -> Summary:
    """Count a report's findings."""
    summary = Summary()
    horizon = report.as_of + EXPIRY_NOTICE if report.as_of else None
    for finding in report.findings:
        _count(summary, finding, horizon)
    return summary


def _count(summary: Summary, finding: Finding, horizon: datetime | None) -> None:
    verdict = effective_verdict(finding)
    user = (finding["provider"], finding["account"], finding["user"])
    summary.total += 1
    summary.users.add(user)
    summary.verdicts[verdict, finding["provider"]] += 1
    if finding["change"]:
        summary.changes[finding["change"]] += 1
    if verdict in UNUSED and finding["days_unused"] is not None:
        summary.ages[_bin(finding["days_unused"])] += 1
    if finding["next_action"]:
        summary.next_actions[finding["next_action"], (finding["next_action_at"] or "")[:10]] += 1
    if finding["phase"] == "marked":
        summary.marked.add(user)
        if finding["user_verdict"] == "active" or verdict == "active":
            summary.returned.add(user)
    _count_exemption(summary, user, finding["exemption"], horizon)


def _count_exemption(
    summary: Summary,
    user: tuple[str, str, str],
    exemption: dict[str, str | None] | None,
    horizon: datetime | None,
) -> None:
    if not exemption or not exemption["expires"] or horizon is None:
        return
    if parse_time(exemption["expires"]) <= horizon:
        summary.expiring[user] = (
            exemption["reason"] or "", exemption["approved_by"] or "", exemption["expires"],
        )  # fmt: skip


def _bin(days: int) -> int:
    return next((n for n, end in enumerate(AGE_BINS) if days < end), len(AGE_BINS))


def age_labels() -> list[str]:
    """The bars' names, in days."""
    starts = (0, *AGE_BINS)
    closed = [f"{start} to {end - 1}" for start, end in zip(starts, AGE_BINS, strict=False)]
    return [*closed, f"{AGE_BINS[-1]} or more"]
