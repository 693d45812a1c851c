"""CSV: one row for each credential; beside it what was evaluated, and all users with their last use."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from custom_filters.core.population import ORDER
from custom_filters.core.report import Evaluation, Report
from custom_filters.core.text import cell
from custom_filters.reports.flat import COLUMNS

_BATCH = 1000
USERS = (
    "provider", "account", "policy", "user", "user_id", "user_type", "privileged", "owner", "verdict",
    "last_used", "reason", "as_of",
)  # fmt: skip
# Where `;` or a tab separates columns, a cell may begin within our text, whatever the quotes around it say.
_INNER_FORMULA = re.compile("([;\t|][\"' ]*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])")


def render(report: Report) -> Iterator[str]:
    """Chunks of CSV (RFC 4180), header first; `true`/`false`, nothing is empty, no cell is a formula."""
    getters = [column.get for column in COLUMNS]
    rows = ([get(finding) for get in getters] for finding in report.findings)
    return _chunks([column.name for column in COLUMNS], rows)


def evaluations(report: Report) -> Iterator[str]:
    """A row for each policy and account: what it says, and how many were examined (empty: not known)."""
    head = ("outcome", "provider", "account", "region", "policy", "says", "examined", *ORDER)
    return _chunks(head, map(_evaluation, report.evaluations))


def _evaluation(e: Evaluation) -> list[Any]:
    counts = e.examined
    numbers = [] if counts is None else [sum(counts.values()), *(counts.get(v, 0) for v in ORDER)]
    return [e.outcome, e.provider, e.account, e.region, e.policy, e.sentence, *numbers]


def users(report: Report) -> Iterator[str]:
    """Everybody who was examined, with last use and verdict; one row for each policy that judged them.

    A policy whose output has no population is a row that says so.
    """
    silent = (
        [e.provider, e.account, e.policy, e.sentence]
        for e in report.evaluations
        if not e.evaluated or (e.judged and e.examined is None)
    )
    everybody = ([row[name] for name in USERS] for row in report.users)
    return _chunks(USERS, chain(silent, everybody))


def _chunks(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(head)
    for number, row in enumerate(rows, 1):
        cells = [_value(value) for value in row]
        writer.writerow(cells + [""] * (len(head) - len(cells)))
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
