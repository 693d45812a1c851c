"""XLSX for spreadsheets: typed cells, no formula, no link; needs the extra `reports`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from custom_filters.core.population import ORDER
from custom_filters.core.report import Report
from custom_filters.core.text import visible
from custom_filters.core.times import parse_time
from custom_filters.reports.flat import COLUMNS, Column

#: Excel's own limits.
_ROWS, _CHARACTERS, _FIRST_YEAR = 1_048_576, 32_767, 1900
_EVALUATION = (
    "evaluated", "outcome", "provider", "account", "region", "policy", "sentence", "resources", "findings",
    "folder",
)  # fmt: skip


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
    _evaluations(workbook.add_worksheet("Evaluated"), report, formats)
    _credentials(workbook.add_worksheet("Credentials"), report, formats)
    workbook.close()
    yield file.getvalue()


def _evaluations(sheet: Any, report: Report, formats: dict[str, Any]) -> None:
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(_EVALUATION), 18)
    for column, name in enumerate((*_EVALUATION, *ORDER)):
        sheet.write_string(0, column, name, formats["head"])
    for row, evaluation in enumerate(sorted(report.evaluations, key=lambda e: e.evaluated), 1):
        if row == _ROWS - 1:
            sheet.write_string(row, 0, f"{len(report.evaluations) - row + 1} more do not fit")
            return
        for column, name in enumerate(_EVALUATION):
            _write(sheet, row, column, getattr(evaluation, name))
        for column, verdict in enumerate(ORDER, len(_EVALUATION)):
            _write(sheet, row, column, evaluation.examined and evaluation.examined.get(verdict, 0))


def _credentials(sheet: Any, report: Report, formats: dict[str, Any]) -> None:
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(COLUMNS), 18)
    sheet.autofilter(0, 0, min(len(report.findings), _ROWS - 1), len(COLUMNS) - 1)
    for column, spec in enumerate(COLUMNS):
        sheet.write_string(0, column, spec.name, formats["head"])
    for row, finding in enumerate(report.findings, 1):
        if row == _ROWS - 1:
            sheet.write_string(
                row, 0, f"{len(report.findings) - row + 1} more credentials do not fit: see the CSV"
            )
            return
        for column, spec in enumerate(COLUMNS):
            _write_typed(sheet, row, column, spec, spec.get(finding), formats)


def _write_typed(
    sheet: Any, row: int, column: int, spec: Column, value: Any, formats: dict[str, Any]
) -> None:
    if spec.type == "time" and value is not None:
        at = parse_time(value)
        if at.year > _FIRST_YEAR:
            sheet.write_datetime(row, column, at.replace(tzinfo=None), formats["time"])
            return
    _write(sheet, row, column, value)


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int):
        sheet.write_number(row, column, value)
    elif value is not None:
        sheet.write_string(row, column, visible(str(value))[:_CHARACTERS])
