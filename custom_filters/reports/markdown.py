"""Markdown for pull requests and `$GITHUB_STEP_SUMMARY`."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from custom_filters.core.outcome import sums
from custom_filters.core.population import ORDER
from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.risk import gravity
from custom_filters.core.text import markdown, markdown_code
from custom_filters.core.times import format_optional
from custom_filters.reports.summary import Summary, counting

#: A pull request comment takes 65,536 characters, a step summary 1 MiB; escapes make text longer.
LIMIT = 60_000
#: Lines of each table at the top.
_MOST = 30
_SHORTEST_LINE = 60
_ROOM_FOR_THE_REST = 300
_COLUMNS = (
    "Risk", "Verdict", "Account", "User", "Owner", "Credential", "Last used", "Days", "Why", "Next",
)  # fmt: skip


def render(report: Report, limit: int = LIMIT) -> Iterator[str]:
    """The report as Markdown of at most `limit` characters, the gravest first; says what was cut."""
    summary = Summary()
    gravest = heapq.nsmallest(limit // _SHORTEST_LINE, counting(summary, report), key=gravity)
    head = "\n".join(chain(_title(report, summary), _top(report), _totals(summary)))
    yield head + "\n"
    room = limit - len(head) - _ROOM_FOR_THE_REST
    yield "\n## Credentials\n\n" + _line(_COLUMNS) + _line(["---"] * len(_COLUMNS))
    shown = 0
    for line in map(_row, gravest):
        room -= len(line)
        if room < 0:
            break
        shown += 1
        yield line
    if shown < summary.total:
        yield f"\n**Cut:** {shown} of {summary.total} credentials are shown; other formats have them all.\n"


def _title(report: Report, summary: Summary) -> Iterator[str]:
    failed = len(report.not_evaluated)
    yield f"# Unused credentials, as of {(format_optional(report.as_of) or 'no run')[:19]}\n"
    yield f"{len(report.evaluations) - failed} policy runs evaluated, **{failed} not evaluated**; "
    yield f"{summary.total} credentials of {len(summary.users)} users.\n"
    if summary.marked_users and (summary.asks_returned or summary.returned):
        marked = len(summary.marked_users)
        yield f"Came back after a mark: {len(summary.returned)} of {marked} marked users.\n"
    if report.review:
        yield f"Review: {report.review.sentence()}.\n"


def _top(report: Report) -> Iterator[str]:
    causes = [
        [c.provider, _some(c.accounts), _some(c.policies), markdown(c.problem)] for c in report.causes()
    ]
    title = "Not evaluated: nothing is known of these"
    yield from _table(title, ("Provider", "Account", "Policy", "Why"), causes)
    found = [[e.provider, markdown(e.account), markdown(e.sentence)] for e in report.account_findings]
    yield from _table("About the account", ("Provider", "Account", "What was found"), found)
    judged = [_examined(e) for e in report.evaluations if e.judged]
    yield from _table("Examined", ("Provider", "Account", "Policy", "Users", *ORDER), judged)
    done = [[s.what, str(s.times), markdown(s.why), markdown_code(s.undo)] for s in sums(report.actions)]
    yield from _table("What was done", ("What", "Times", "Why", "Undo"), done)


def _some(names: Sequence[str], most: int = 3) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(markdown, names[:most])) + rest


def _examined(e: Evaluation) -> list[str]:
    names = [e.provider, markdown(e.account), markdown(e.policy)]
    if e.examined is None:
        return [*names, markdown(e.sentence) if e.evaluated else "not evaluated", *"-" * len(ORDER)]
    return [*names, str(sum(e.examined.values())), *(str(e.examined.get(v, 0)) for v in ORDER)]


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    yield f"## {title}\n"
    for cells in (head, ["---"] * len(head), *rows[:_MOST]):
        yield _line(cells).rstrip("\n")
    if len(rows) > _MOST:
        yield f"\n**Cut:** {_MOST} of {len(rows)} are shown."
    yield ""


def _totals(summary: Summary) -> Iterator[str]:
    rows = [[v, *map(str, counts), str(total)] for v, counts, total in summary.totals()]
    return _table("Totals", ("Verdict", *summary.providers, "all"), rows)


def _row(finding: Finding) -> str:
    credential = finding["credential"]
    after = " ".join(filter(None, (finding["next_action"], (finding["next_action_at"] or "")[:10])))
    days = finding["days_unused"]
    kind, name = credential["kind"], credential["id"]
    reasons = f": {', '.join(finding['risk']['reasons'])}" if finding["risk"] else ""
    return _line(
        [
            finding["risk"]["level"] if finding["risk"] else "",
            finding["counts_as"],
            markdown(f"{finding['provider']} {finding['account']}"),
            markdown_code(finding["user"]),
            markdown_code(finding["owner"] or ""),
            markdown_code(kind if name == kind else f"{kind} {name}"),
            (finding["last_used"] or "")[:10],
            "" if days is None else str(days),
            markdown(finding["reason"] + reasons),
            markdown(after),
        ]
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
