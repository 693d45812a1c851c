"""XLSX for spreadsheets: typed cells, no formula, no link; needs the extra `reports`."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from custom_filters.core.report import Report
from custom_filters.core.text import visible
from custom_filters.core.times import parse_time
from custom_filters.reports.csv import COLUMNS, EVALUATION_COLUMNS, evaluation_row

#: Excel's own limits.
_ROWS, _CHARACTERS, _FIRST_YEAR = 1_048_576, 32_767, 1900


def render(report: Report) -> Iterator[bytes]:
    """The workbook: sheet `Evaluated` (what was not comes first), sheet `Credentials`."""
    import xlsxwriter

    file = io.BytesIO()
    # constant_memory: a row is written out when the next one starts.
    workbook = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_urls": False})
    formats = {
        "head": workbook.add_format({"bold": True, "bottom": 1}),
        "time": workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
    }
    if report.as_of:
        workbook.set_properties({"created": report.as_of.replace(tzinfo=None), "title": "Unused credentials"})
    runs = sorted(report.evaluations, key=lambda e: e.evaluated)
    sheet = workbook.add_worksheet("Evaluated")
    _fill(sheet, EVALUATION_COLUMNS, map(evaluation_row, runs), len(runs), formats)
    sheet = workbook.add_worksheet("Credentials")
    sheet.autofilter(0, 0, min(len(report.findings), _ROWS - 1), len(COLUMNS) - 1)
    rows = (
        [_time(c.get(finding)) if c.type == "time" else c.get(finding) for c in COLUMNS]
        for finding in report.findings
    )
    _fill(sheet, [c.name for c in COLUMNS], rows, len(report.findings), formats)
    workbook.close()
    yield file.getvalue()


def _fill(
    sheet: Any, head: Sequence[str], rows: Iterable[Sequence[Any]], count: int, formats: dict[str, Any]
) -> None:
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(head), 18)
    for column, name in enumerate(head):
        sheet.write_string(0, column, name, formats["head"])
    for row, values in enumerate(rows, 1):
        if row == _ROWS - 1:
            sheet.write_string(row, 0, f"{count - row + 1} more do not fit: see the CSV")
            return
        for column, value in enumerate(values):
            _write(sheet, row, column, value, formats["time"])


def _time(value: str | None) -> Any:
    """A date that Excel knows, or the text."""
    at = value and parse_time(value)
    return at.replace(tzinfo=None) if at and at.year > _FIRST_YEAR else value


def _write(sheet: Any, row: int, column: int, value: Any, time: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int):
        sheet.write_number(row, column, value)
    elif isinstance(value, str):
        sheet.write_string(row, column, visible(value)[:_CHARACTERS])
    elif value is not None:
        sheet.write_datetime(row, column, value, time)
