"""What stands at the top of a report, counted in one pass over the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from custom_filters.core.outcome import off_since
from custom_filters.core.report import VERDICT_ORDER, Finding, Report
from custom_filters.core.times import parse_time
from custom_filters.core.verdict import UNUSED

#: Upper ends (exclusive, in days) of the histogram's bars; the last bar is open.
AGE_BINS = (30, 60, 90, 180, 365, 730)
#: An exemption that ends within this time is listed.
EXPIRY_NOTICE = timedelta(days=30)
MOST_OFF = 100


@dataclass
class Summary:
    """Counts over a report: credentials, unless the name says users.

    Sets of users hold hashes, so that half a million of them stay small.
    """

    total: int = 0
    high: int = 0  # of high risk
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)  # (verdict, provider)
    accounts: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (provider, account, verdict)
    ages: Counter[int] = field(default_factory=Counter)  # bar -> unused credentials
    next_actions: Counter[tuple[str, str]] = field(default_factory=Counter)  # (day, action)
    changes: Counter[str] = field(default_factory=Counter)
    users: set[int] = field(default_factory=set)
    unused_users: set[int] = field(default_factory=set)
    marked_users: set[int] = field(default_factory=set)
    #: Of the marked users, whose mark this run may have ended, those back in use: (provider, account, user)
    returned: set[tuple[str, str, str]] = field(default_factory=set)
    #: Whether any policy asked for users who are back in use; else nothing is known of them.
    asks_returned: bool = False
    #: Some of the credentials that are off by us, and since when (empty: since an earlier run).
    off: list[tuple[Finding, str]] = field(default_factory=list)
    off_count: int = 0
    #: By user: end, account, user, reason and approver of an exemption that ended, or ends soon.
    expiring: dict[int, tuple[str, str, str, str, str]] = field(default_factory=dict)

    def of(self, *verdicts: str) -> int:
        """Credentials with one of these verdicts."""
        return sum(count for (verdict, _), count in self.verdicts.items() if verdict in verdicts)

    @property
    def providers(self) -> list[str]:
        """Providers with findings."""
        return sorted({provider for _, provider in self.verdicts})

    def totals(self) -> Iterator[tuple[str, list[int], int]]:
        """Verdict, count for each of `providers`, and sum; verdicts that occur, gravest first."""
        for verdict in VERDICT_ORDER:
            counts = [self.verdicts[verdict, provider] for provider in self.providers]
            if any(counts):
                yield verdict, counts, sum(counts)

    def histogram(self) -> list[tuple[str, int]]:
        """Days, and how many credentials are unused for so long."""
        return [(label, self.ages[n]) for n, label in enumerate(_labels())]

    def worst_accounts(self) -> list[tuple[str, str, Counter[str]]]:
        """Provider, account and credentials by verdict, most unused first."""
        by_account: dict[tuple[str, str], Counter[str]] = {}
        for (provider, account, verdict), count in self.accounts.items():
            by_account.setdefault((provider, account), Counter())[verdict] = count
        ranked = sorted(by_account.items(), key=lambda item: (-sum(item[1][v] for v in UNUSED), item[0]))
        return [(provider, account, counts) for (provider, account), counts in ranked]


def counting(summary: Summary, report: Report) -> Iterator[Finding]:
    """The findings, counted while they pass."""
    summary.asks_returned = any(e.asks_active and e.evaluated for e in report.evaluations)
    for finding in report.findings:
        _count(summary, finding, report.as_of)
        yield finding


def _count(summary: Summary, finding: Finding, as_of: datetime | None) -> None:
    verdict, provider, account = finding["counts_as"], finding["provider"], finding["account"]
    user = hash((provider, account, finding["user_id"]))
    summary.total += 1
    summary.high += bool(finding["risk"]) and finding["risk"]["level"] == "high"
    summary.users.add(user)
    summary.verdicts[verdict, provider] += 1
    summary.accounts[provider, account, verdict] += 1
    if finding["change"]:
        summary.changes[finding["change"]] += 1
    if verdict in UNUSED:
        summary.unused_users.add(user)
        if finding["days_unused"] is not None:
            summary.ages[_bin(finding["days_unused"])] += 1
    if finding["next_action"] and verdict in UNUSED:  # a mark does nothing to what is in use or unknown
        summary.next_actions[(finding["next_action_at"] or "")[:10], finding["next_action"]] += 1
    done = finding["done"] or {}
    ended = done.get("result") == "done" and done.get("operation") in {"unmark", "disable"}
    if finding["phase"] == "marked" or ended:
        summary.marked_users.add(user)
        if finding["verdict"] == "active":
            summary.returned.add((provider, account, finding["user"]))
    since = off_since(finding)
    if since is not None:
        summary.off_count += 1
        if len(summary.off) < MOST_OFF:
            summary.off.append((finding, since))
    if finding["exemption"] and as_of:
        _count_exemption(summary, user, finding, as_of)


def _count_exemption(summary: Summary, user: int, finding: Finding, as_of: datetime) -> None:
    exemption = finding["exemption"]
    expires = exemption["expires"] and parse_time(exemption["expires"])
    if expires and expires <= as_of + EXPIRY_NOTICE:
        end = exemption["expires"][:10] + (" expired" if expires <= as_of else "")
        who = (f"{finding['provider']} {finding['account']}", finding["user"])
        summary.expiring[user] = (end, *who, exemption["reason"], exemption["approved_by"] or "")


def _bin(days: int) -> int:
    return next((n for n, end in enumerate(AGE_BINS) if days < end), len(AGE_BINS))


def _labels() -> Iterable[str]:
    starts = (0, *AGE_BINS)
    closed = [f"{start} to {end - 1}" for start, end in zip(starts, AGE_BINS, strict=False)]
    return (*closed, f"{AGE_BINS[-1]} or more")
