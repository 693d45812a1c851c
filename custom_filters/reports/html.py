"""HTML: one self-contained file that fetches nothing and runs only the scripts it came with."""

from __future__ import annotations

import base64
import gzip
import hashlib
import heapq
import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from custom_filters.core.decision import basis_sha256, report_sha256
from custom_filters.core.report import Finding, Report
from custom_filters.core.risk import gravity
from custom_filters.core.text import visible
from custom_filters.core.times import format_optional
from custom_filters.reports.guide import MEANINGS, console_of, step_of
from custom_filters.reports.sections import FEW, Code, Word, bottom, cards, counts, middle, minute, top
from custom_filters.reports.summary import Summary, counting

#: Rows that are there without JavaScript.
STATIC_ROWS = 500
#: Above this many credentials the page holds totals and the gravest only.
INTERACTIVE_ROWS = 50_000
GRAVEST_ROWS = 5_000
#: Lines of the tables at the top; each says when there are more.
SUMMARY_LINES = 100

_STYLES = ("tabulator/tabulator_simple.min.css", "report.css")
_SCRIPTS = ("tabulator/tabulator.min.js", "report.js")
_FIELDS = (
    "uid", "provider", "account", "user", "user_id", "user_type", "privileged", "owner", "owner_source",
    "credential", "user_verdict", "last_used", "days_unused", "basis", "evidence", "reason", "as_of",
    "threshold_days", "phase", "next_action", "next_action_at", "exemption", "controls", "change",
    "first_seen", "policies", "risk", "decision", "done",
)  # fmt: skip


def environment() -> Environment:
    """Jinja2 with everything escaped, and an error for a name that is not there."""
    env = Environment(
        loader=PackageLoader("custom_filters.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"visible": visible, "count": "{:,}".format, "time": minute}
    env.tests |= {
        "verdict": lambda value: isinstance(value, Word),
        "command": lambda value: isinstance(value, Code),
    }
    return env


def render(report: Report) -> Iterator[str]:
    """The page in chunks; above INTERACTIVE_ROWS credentials a summary with the GRAVEST_ROWS gravest."""
    summary, bases = Summary(), list[str]()
    limit = INTERACTIVE_ROWS if len(report.findings) <= INTERACTIVE_ROWS else GRAVEST_ROWS
    rows = heapq.nsmallest(limit, _hashing(bases, counting(summary, report)), key=gravity)
    template = environment().get_template("report.html.j2")
    yield from template.generate(
        report=report,
        summary=summary,
        as_of=format_optional(report.as_of) or "",
        rows=rows,
        static_rows=STATIC_ROWS,
        lines=SUMMARY_LINES,
        few=FEW,
        packed=Markup(pack(rows)),  # noqa: S704 - base64
        digest=report_sha256(bases),
        known=len(report.evaluations) > len(report.not_evaluated),
        meanings=MEANINGS,
        cards=list(cards(report, summary)),
        top=list(top(report)),
        middle=list(middle(report, summary)),
        counts=list(counts(report, summary)),
        bottom=list(bottom(report, summary, SUMMARY_LINES)),
        styles=[_asset(name) for name in _STYLES],
        scripts=[_asset(name) for name in _SCRIPTS],
        style_hashes=[_hash(name) for name in _STYLES],
        script_hashes=[_hash(name) for name in _SCRIPTS],
    )


def _hashing(bases: list[str], findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        bases.append(basis_sha256(finding))
        yield finding


def pack(rows: list[Finding]) -> str:
    """Rows for the page's script: gzipped JSON in base64, so that no text in it can mean anything to HTML."""
    columns = {"verdict": [row["counts_as"] for row in rows], "step": list(map(step_of, rows)),
               "console": list(map(console_of, rows))}  # fmt: skip
    columns |= {name: [row[name] for row in rows] for name in _FIELDS}
    content = {"meanings": MEANINGS, "columns": {name: _coded(values) for name, values in columns.items()}}
    text = json.dumps(content, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()


def _coded(column: list[Any]) -> tuple[list[Any], list[int] | None]:
    """Each value once, and each row's number of its value (None: in their order); most columns hold few."""
    known: dict[Any, int] = {}
    keys = [json.dumps(v) if isinstance(v, (dict, list, tuple)) else v for v in column]
    numbers = [known.setdefault(key, len(known)) for key in keys]
    values = dict(zip(keys, column, strict=True)).values()
    return [_visible(value) for value in values], None if len(known) == len(column) else numbers


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {key: _visible(item) for key, item in value.items()}
    return [_visible(item) for item in value] if isinstance(value, (list, tuple)) else value


@cache
def _asset(name: str) -> Markup:
    text = files("custom_filters.reports").joinpath(f"assets/{name}").read_text(encoding="utf-8")
    return Markup(text.strip())  # noqa: S704 - our own files, see the tests


def _hash(name: str) -> str:
    digest = hashlib.sha256(_asset(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
