"""What stands above the credentials, once, for every format that people read: titles, tables, sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from custom_filters.core.outcome import sums
from custom_filters.core.population import ORDER
from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.times import format_optional
from custom_filters.core.verdict import UNUSED
from custom_filters.reports.summary import Summary

#: Stands where nothing is known, so that no 0 does.
UNKNOWN = "-"
_NAMED = 3
FEW = 12  # rows: a page folds longer tables
_BACK = (
    "These users had been marked, and were in use again before the notice ended: the mark comes off, nothing "
    "is switched off. While users come back, enforcing with less notice would lock people out."
)


class Code(str):
    """A cell with a command."""

    __slots__ = ()


class Word(str):
    """A cell with a verdict."""

    __slots__ = ()


Cell = str | int


@dataclass(frozen=True)
class Section:
    """A table under a title. An int is a count; `lead` is a paragraph, which stands alone without rows.

    `what` the rows are ("causes") is for saying that there are more; `folded` is the line under which a page
    hides them. `chart` (bars or line) draws the last column, and is for pages only.
    """

    title: str
    what: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    lead: str = ""
    folded: str = ""
    chart: str = ""
    mood: str = ""


class Card(NamedTuple):
    """One number and what it is of."""

    title: str
    number: int | str
    rest: str = ""
    mood: str = ""


def cards(report: Report, summary: Summary) -> Iterator[Card]:
    """The numbers to read first; never a 0 where nothing was evaluated."""
    failed, unused = bool(report.not_evaluated), summary.of(*UNUSED)
    if len(report.evaluations) > len(report.not_evaluated):
        rest = f"held by {len(summary.unused_users):,} users, {summary.high:,} of high risk"
        yield Card("Unused credentials", unused, rest, "bad" if unused else "" if failed else "good")
        yield Card("Unknown", summary.of("unknown"))
        yield Card("Exempt", summary.of("exempt"))
    else:
        yield Card("Unused credentials", UNKNOWN, "not evaluated", "bad")
    back: tuple[int | str, str] = (len(summary.returned), f"of {len(summary.marked_users):,} marked users")
    if not summary.asks_returned and not summary.returned:
        back = (UNKNOWN, "only enforce.yml looks for marked users who are in use again")
    yield Card("Came back after a mark", *back)
    changes, gone = summary.changes, len(report.resolved)
    if changes or gone:
        rest = f"new, {gone + changes['resolved']:,} resolved, {changes['reactivated']:,} reactivated"
        lost = f", {changes['mark-lost']:,} lost their mark" if changes["mark-lost"] else ""
        yield Card("Since the last run", changes["new"], rest + lost)
    if report.review:
        told = report.review.sentence().partition(", ")[2]
        yield Card("Review", report.review.decided, f"of {report.review.of:,} decided, {told}")


def top(report: Report) -> Iterator[Section]:
    """What was and was not evaluated, and what that says of accounts and their users."""
    failed, found = len(report.not_evaluated), report.account_findings
    done = len(report.evaluations) - failed
    causes = [(c.provider, _some(c.accounts), _some(c.policies), c.problem) for c in report.causes()]
    plural = "run" if done == 1 else "runs"
    title = f"Everything was evaluated: {done:,} policy {plural}" if done else "Nothing was evaluated"
    if failed:
        title = f"{failed:,} not evaluated: nothing is known of these"
    mood = "good" if done and not failed else "bad"
    yield Section(title, "causes", ("Provider", "Account", "Policy", "Why"), causes, mood=mood)
    title = f"{len(found):,} {'finding' if len(found) == 1 else 'findings'} about accounts"
    rows = [(f"{e.provider} {e.account}", e.sentence, e.policy) for e in found]
    yield Section(title, "findings", ("Account", "What was found", "Policy"), rows, mood="bad")
    head = ("Account", "Region", "Policy", "Examined", *ORDER, "Selected", "Credentials", "Started (UTC)")
    told = f"{done:,} of {len(report.evaluations):,} policy runs evaluated"
    folded = told if failed or done > FEW else ""
    yield Section("Examined", "policy runs", head, list(map(_examined, report.evaluations)), folded=folded)


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest


def _examined(e: Evaluation) -> list[Cell]:
    counts: list[Cell] = [UNKNOWN] * (len(ORDER) + 1)
    if not e.evaluated or not e.judged:
        told = "judges nobody" if e.retires else "check of the account"
        counts[0] = told if e.evaluated else "not evaluated"
    elif e.examined is None:
        counts[0] = e.sentence
    else:
        counts = [sum(e.examined.values()), *(e.examined.get(verdict, 0) for verdict in ORDER)]
    selected: list[Cell] = [e.resources if e.evaluated else UNKNOWN]
    selected += [e.findings if e.evaluated and e.judged else UNKNOWN]
    names: list[Cell] = [f"{e.provider} {e.account}", e.region, e.policy]
    return [*names, *counts, *selected, minute(format_optional(e.started))]


def middle(report: Report, summary: Summary) -> Iterator[Section]:
    """What was done, and what is off by us."""
    done = [(s.what, s.times, s.why, Code(s.undo)) for s in sums(report.actions)]
    yield Section("What was done", "lines", ("What", "Times", "Why", "Undo"), done)
    off = [(*_named(f), minute(since) or "an earlier run") for f, since in summary.off]
    head = ("Account", "User", "Credential", "Since (UTC)")
    yield Section("Off by us", "credentials", head, off, folded=f"{summary.off_count:,} credentials")


def counts(report: Report, summary: Summary) -> Iterator[Section]:
    """Counts of credentials: by verdict, by days unused, by the next date, over time."""
    known = len(report.evaluations) > len(report.not_evaluated)
    totals: list[tuple[Cell, ...]] = [
        (Word(verdict), *numbers, total) for verdict, numbers, total in summary.totals()
    ]
    none = ("no credentials" if known else UNKNOWN) if not totals else ""
    yield Section("By verdict", "verdicts", ("Verdict", *summary.providers, "all"), totals, none)
    ages = [(label, n if known else UNKNOWN) for label, n in summary.histogram()]
    yield Section("Days unused", "bars", ("Days", "Credentials"), ages, chart="bars")
    after = [(day or "no date", action, n) for (day, action), n in sorted(summary.next_actions.items())]
    none = ("Nothing: no credential is marked." if known else UNKNOWN) if not after else ""
    yield Section("What happens next", "dates", ("From", "Action", "Credentials"), after, none)
    trend = [
        (minute(format_optional(at))[:10], sum(by.get(v, 0) for v in UNUSED)) for at, by in report.history
    ]
    if len(trend) > 1:
        (first, then), (last, now) = trend[0], trend[-1]
        lead, folded = f"{then:,} on {first}, {now:,} on {last}.", f"{len(trend):,} runs"
        yield Section("Unused over time", "runs", ("Run", "Unused"), trend, lead, folded, "line")


def bottom(report: Report, summary: Summary, most: int) -> Iterator[Section]:
    """Who needs a look: exemptions that end, users who came back, what is resolved, the worst accounts."""
    head = ("Expires", "Account", "User", "Reason", "Approved by")
    yield Section(
        "Exemptions that ended, or end within 30 days", "exemptions", head, sorted(summary.expiring.values())
    )
    title = "Exemptions that match nobody, and whom patterns match"
    found = report.exemptions()
    entries = [(f"{e.provider} {e.account}", e.user, e.matched or "nobody", e.who) for e in found]
    yield Section(title, "exemptions", ("Account", "User", "Matched", "Who"), entries)
    back = [(f"{provider} {account}", user) for provider, account, user in sorted(summary.returned)]
    yield Section("Came back after a mark", "users", ("Account", "User"), back, _BACK if back else "")
    gone = [_named(f) for f, _ in zip(report.resolved, range(most), strict=False)]
    said = f"{len(report.resolved):,} credentials are gone, off, or no longer unused"
    more = said + (f"; {most:,} are listed" if len(report.resolved) > most else "")
    yield Section("Resolved since the last run", "credentials", ("Account", "User", "Credential"), gone,
                  folded=more)  # fmt: skip
    seen = [verdict for verdict, _, _ in summary.totals()]
    worst: list[tuple[Cell, ...]] = [
        (f"{p} {a}", *(by[verdict] for verdict in seen)) for p, a, by in summary.worst_accounts()
    ]
    if len(worst) > 1:
        yield Section("By account, most unused first", "accounts", ("Account", *seen), worst)


def _named(finding: Finding) -> tuple[str, str, str]:
    kind, name = finding["credential"]["kind"], finding["credential"]["id"]
    credential = kind if name == kind else f"{kind} {name}"
    return f"{finding['provider']} {finding['account']}", finding["user"], credential


def minute(time: str | None) -> str:
    """A timestamp for people, to the minute."""
    return (time or "")[:16].replace("T", " ")
