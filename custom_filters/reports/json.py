"""JSON and JSON Lines; the shape is published by `report --schema`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from custom_filters.core.finding import SCHEMA
from custom_filters.core.outcome import sums
from custom_filters.core.report import Evaluation, Report
from custom_filters.core.times import format_optional
from custom_filters.reports.summary import Summary, counting


def render(report: Report) -> Iterator[str]:
    """One object: `schema`, `as_of`, `evaluations`, `findings`, `resolved`, `summary`; a finding a line."""
    summary = Summary()
    evaluations = json.dumps([evaluation_as_dict(e) for e in report.evaluations])
    as_of = json.dumps(format_optional(report.as_of))
    yield f'{{"schema":{SCHEMA},"as_of":{as_of},"evaluations":{evaluations},\n"findings":['
    yield from _items(counting(summary, report))
    yield '],\n"resolved":['
    yield from _items(report.resolved)
    yield f'],\n"summary":{json.dumps(_summary(report, summary))}}}\n'


def _summary(report: Report, summary: Summary) -> dict[str, Any]:
    """The same counts as in every other format."""
    return {
        "totals": {verdict: total for verdict, _, total in summary.totals()},
        "account_findings": len(report.account_findings),
        "not_evaluated": [asdict(cause) for cause in report.causes()],
        "done": [done._asdict() for done in sums(report.actions)],
        "exemptions": [asdict(found) for found in report.exemptions()],
        "review": report.review and asdict(report.review),
    }


def render_lines(report: Report) -> Iterator[str]:
    """One finding a line, nothing else."""
    for finding in report.findings:
        yield json.dumps(finding) + "\n"


def render_evaluations(report: Report) -> Iterator[str]:
    """One evaluation a line."""
    for evaluation in report.evaluations:
        yield json.dumps(evaluation_as_dict(evaluation)) + "\n"


def evaluation_as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation, JSON-ready."""
    said = {"outcome": evaluation.outcome, "sentence": evaluation.sentence}
    fields = {name: value for name, value in asdict(evaluation).items() if name != "exemptions"}
    return {**fields, "started": format_optional(evaluation.started), **said}


def _items(findings: Any) -> Iterator[str]:
    for number, finding in enumerate(findings):
        yield f"{',' if number else ''}\n{json.dumps(finding)}"
