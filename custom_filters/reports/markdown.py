"""Markdown for pull requests and `$GITHUB_STEP_SUMMARY`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from custom_filters.core.report import Evaluation, Finding, Report, effective_verdict
from custom_filters.core.text import markdown
from custom_filters.core.times import format_optional
from custom_filters.core.verdict import UNUSED
from custom_filters.reports.summary import Summary, summarise

#: A pull request comment takes 65,536 characters, a step summary 1 MiB; entities make text longer.
LIMIT = 60_000
_MOST_PROBLEMS = 50
_ROOM_FOR_THE_REST = 300


def render(report: Report, limit: int = LIMIT) -> Iterator[str]:
    """The report as Markdown of at most `limit` characters; says what was cut."""
    summary = summarise(report)
    head = "\n".join(chain(_title(report, summary), _problems(report.not_evaluated), _totals(summary)))
    yield head + "\n"
    room = limit - len(head) - _ROOM_FOR_THE_REST
    yield "\n## Credentials\n\n" + _line(
        ["Verdict", "Account", "User", "Owner", "Credential", "Last used", "Days", "Why", "Next"]
    )
    yield _line(["---"] * 9)
    shown = 0
    for finding in chain(_select(report, unused=True), _select(report, unused=False)):
        line = _row(finding)
        room -= len(line)
        if room < 0:
            break
        shown += 1
        yield line
    if shown < summary.total:
        yield f"\n**Cut:** {shown} of {summary.total} credentials are shown; other formats have them all.\n"


def _select(report: Report, *, unused: bool) -> Iterator[Finding]:
    return (f for f in report.findings if (effective_verdict(f) in UNUSED) == unused)


def _title(report: Report, summary: Summary) -> Iterator[str]:
    failed = len(report.not_evaluated)
    yield f"# Unused credentials, as of {(format_optional(report.as_of) or 'no run')[:19]}\n"
    yield f"{len(report.evaluations) - failed} policy runs evaluated, **{failed} not evaluated**; "
    yield f"{summary.total} credentials of {len(summary.users)} users.\n"
    if summary.marked_users and (summary.asks_returned or summary.returned):
        marked = len(summary.marked_users)
        yield f"Came back after a mark: {len(summary.returned)} of {marked} marked users.\n"


def _problems(failed: tuple[Evaluation, ...]) -> Iterator[str]:
    if not failed:
        return
    yield "## Not evaluated: nothing is known of these\n"
    yield "| Provider | Account | Policy | Why |\n| --- | --- | --- | --- |"
    for e in failed[:_MOST_PROBLEMS]:
        yield _line([markdown(t) for t in (e.provider, e.account, e.policy, e.problem or "")]).rstrip("\n")
    if len(failed) > _MOST_PROBLEMS:
        yield f"\n**Cut:** {_MOST_PROBLEMS} of {len(failed)} are shown."
    yield ""


def _totals(summary: Summary) -> Iterator[str]:
    yield "## Totals\n"
    yield _line(["Verdict", *summary.providers, "all"]).rstrip("\n")
    yield _line(["---"] * (len(summary.providers) + 2)).rstrip("\n")
    for verdict, counts, total in summary.totals():
        yield _line([verdict, *map(str, counts), str(total)]).rstrip("\n")


def _row(finding: Finding) -> str:
    credential = finding["credential"]
    after = " ".join(filter(None, (finding["next_action"], (finding["next_action_at"] or "")[:10])))
    days = finding["days_unused"]
    kind, name = credential["kind"], credential["id"]
    name = kind if name == kind else f"{kind} {name}"
    texts = (
        effective_verdict(finding), f"{finding['provider']} {finding['account']}", finding["user"],
        finding["owner"] or "", name,
        (finding["last_used"] or "")[:10], "" if days is None else str(days), finding["reason"], after,
    )  # fmt: skip
    return _line([_code(t) if n in (2, 3, 4) else markdown(t) for n, t in enumerate(texts)])


def _code(text: str) -> str:
    """Inside `code` a name is no mention of somebody."""
    return f"<code>{markdown(text, 80)}</code>" if text else ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
