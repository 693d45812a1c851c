"""The formats by name. Each renders a report, purely, as files of text or bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from custom_filters.core.report import Report
from custom_filters.reports import asff, csv, html, json, junit, markdown, ocsf, xlsx

#: A file's name, which may name a folder, and its content in chunks.
File = tuple[str, Iterator[str] | Iterator[bytes]]
Format = Callable[[Report], Iterable[File]]


def _one(name: str, render: Callable[[Report], Iterator[str] | Iterator[bytes]]) -> Format:
    return lambda report: [(name, render(report))]


FORMATS: dict[str, Format] = {
    "html": _one("report.html", html.render),
    "md": _one("report.md", markdown.render),
    "csv": lambda report: [
        ("report.csv", csv.render(report)),
        ("report.evaluated.csv", csv.evaluations(report)),
    ],
    "users": _one("report.users.csv", csv.users),
    "xlsx": _one("report.xlsx", xlsx.render),
    "json": _one("report.json", json.render),
    "jsonl": lambda report: [
        ("report.jsonl", json.render_lines(report)),
        ("report.evaluated.jsonl", json.render_evaluations(report)),
    ],
    "ocsf": _one("report.ocsf.json", ocsf.render),
    "asff": asff.files,
    "junit": _one("report.junit.xml", junit.render),
}
