"""Markdown for pull requests and `$GITHUB_STEP_SUMMARY`."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import chain

from custom_filters.core.report import Finding, Report
from custom_filters.core.risk import gravity
from custom_filters.core.text import markdown, markdown_code
from custom_filters.core.times import format_optional
from custom_filters.reports.sections import UNKNOWN, Cell, Code, Section, bottom, cards, counts, middle, top
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
    head = "\n".join(chain(_title(report, summary), _sections(report, summary)))
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
    yield f"# Unused credentials, as of {(format_optional(report.as_of) or 'no run')[:19]}\n"
    for card in cards(report, summary):
        if card.number != UNKNOWN or card.mood:
            yield f"{card.title}: {card.number} {card.rest}".rstrip() + ".\n"


def _sections(report: Report, summary: Summary) -> Iterator[str]:
    """The tables above the credentials; charts are for pages."""
    found = chain(
        top(report), middle(report, summary), counts(report, summary), bottom(report, summary, _MOST)
    )
    for section in found:
        if section.rows and not section.chart:
            yield from _table(section)
        elif section.mood == "good":
            yield f"{section.title}.\n"


def _table(section: Section) -> Iterator[str]:
    yield f"## {section.title}\n"
    if section.lead:
        yield f"{section.lead}\n"
    rows = (map(_cell, row) for row in section.rows[:_MOST])
    for cells in (section.head, ["---"] * len(section.head), *rows):
        yield _line(cells).rstrip("\n")
    if len(section.rows) > _MOST:
        yield f"\n**Cut:** {_MOST} of {len(section.rows)} {section.what} are shown."
    yield ""


def _cell(value: Cell) -> str:
    if isinstance(value, int):
        return str(value)
    return markdown_code(value) if isinstance(value, Code) else markdown(value)


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
