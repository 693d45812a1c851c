"""CSV: one row for each credential."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from custom_filters.core.report import Report
from custom_filters.core.text import cell
from custom_filters.reports.flat import COLUMNS

_BATCH = 1000
# Where `;` or a tab separates columns, a cell may begin within our text, whatever the quotes around it say.
_INNER_FORMULA = re.compile("([;\t|][\"' ]*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])")


def render(report: Report) -> Iterator[str]:
    """Chunks of CSV (RFC 4180), header first; `true`/`false`, nothing is empty, no cell is a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([column.name for column in COLUMNS])
    getters = [column.get for column in COLUMNS]
    for number, finding in enumerate(report.findings, 1):
        writer.writerow([_value(get(finding)) for get in getters])
        if number % _BATCH == 0:
            yield _take(buffer)
    yield _take(buffer)


def _value(value: Any) -> str | int:
    if isinstance(value, str):
        return _INNER_FORMULA.sub(r"\1'", cell(value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else int(value)


def _take(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
