"""The formats by name. Each renders a report, purely, as chunks of text or bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from custom_filters.reports import csv, html, json, markdown
from custom_filters.reports.model import Report


@dataclass(frozen=True)
class Format:
    """A format: the name of its file, and its renderer."""

    file: str
    render: Callable[[Report], Iterator[str]] | Callable[[Report], Iterator[bytes]]


FORMATS = {
    "html": Format("report.html", html.render),
    "md": Format("report.md", markdown.render),
    "csv": Format("report.csv", csv.render),
    "json": Format("report.json", json.render),
    "jsonl": Format("report.jsonl", json.render_lines),
}
