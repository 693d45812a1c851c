"""HTML: one self-contained file that fetches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from jinja2 import Environment, PackageLoader, StrictUndefined

from custom_filters.core.times import format_optional
from custom_filters.core.verdict import UNUSED
from custom_filters.reports.model import Finding, Report, effective_verdict
from custom_filters.reports.text import visible
from custom_filters.reports.view import age_labels, summarise

#: Rows that are there without JavaScript.
STATIC_ROWS = 500


def environment() -> Environment:
    """Jinja2 with everything escaped, and an error for a name that is not there."""
    env = Environment(
        loader=PackageLoader("custom_filters.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"visible": visible, "verdict": effective_verdict}
    return env


def render(report: Report) -> Iterator[str]:
    """The page in chunks."""
    summary = summarise(report)
    template = environment().get_template("report.html.j2")
    yield from template.generate(
        report=report,
        summary=summary,
        as_of=format_optional(report.as_of) or "",
        age_labels=age_labels(),
        rows=islice(_gravest_first(report), STATIC_ROWS),
        static_rows=STATIC_ROWS,
    )


def _gravest_first(report: Report) -> Iterator[Finding]:
    unused = (f for f in report.findings if effective_verdict(f) in UNUSED)
    return chain(unused, (f for f in report.findings if effective_verdict(f) not in UNUSED))
