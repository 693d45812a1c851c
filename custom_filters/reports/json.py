"""JSON and JSON Lines; the shape is published by `report --schema`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from custom_filters.core.finding import SCHEMA
from custom_filters.core.report import Evaluation, Report
from custom_filters.core.times import format_optional


def render(report: Report) -> Iterator[str]:
    """One object: `schema`, `as_of`, `evaluations`, `findings`, `resolved`; a finding a line."""
    evaluations = json.dumps([evaluation_as_dict(e) for e in report.evaluations])
    as_of = json.dumps(format_optional(report.as_of))
    yield f'{{"schema":{SCHEMA},"as_of":{as_of},"evaluations":{evaluations},\n"findings":['
    yield from _items(report.findings)
    yield '],\n"resolved":['
    yield from _items(report.resolved)
    yield "]}\n"


def render_lines(report: Report) -> Iterator[str]:
    """One finding a line, nothing else."""
    for finding in report.findings:
        yield json.dumps(finding) + "\n"


def evaluation_as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation, JSON-ready."""
    return {**asdict(evaluation), "started": format_optional(evaluation.started)}


def _items(findings: Any) -> Iterator[str]:
    for number, finding in enumerate(findings):
        yield f"{',' if number else ''}\n{json.dumps(finding)}"
