"""Flat tables with typed columns, and CSV of them: credentials, what was evaluated, all users."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Literal, NamedTuple

from custom_filters.core.population import ORDER
from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.text import cell

Type = Literal["text", "integer", "boolean", "time"]


class Column(NamedTuple):
    """A column: its name, the type of its values (or None), and how to get one from a finding."""

    name: str
    type: Type
    get: Callable[[Finding], Any]


def _field(name: str, type: Type = "text") -> Column:
    return Column(name, type, lambda finding: finding[name])


def _of(name: str, key: str, type: Type = "text") -> Column:
    """A key of a field that is an object or null."""
    return Column(f"{name}_{key}", type, lambda finding: finding[name] and finding[name][key])


EVALUATION_COLUMNS = (
    "outcome", "provider", "account", "region", "policy", "sentence", "resources", "findings", "folder",
    "examined", *ORDER,
)  # fmt: skip


def evaluation_row(e: Evaluation) -> list[str | int | None]:
    """The values of EVALUATION_COLUMNS; None where nothing is known."""
    counts, known = e.examined, e.evaluated
    numbers = [None] * 8 if counts is None else [sum(counts.values()), *(counts.get(v, 0) for v in ORDER)]
    names = [e.outcome, e.provider, e.account, e.region, e.policy, e.sentence]
    return [*names, e.resources if known else None, e.findings if known else None, e.folder, *numbers]


COLUMNS = (
    _of("risk", "level"), _field("counts_as"), _field("provider"), _field("account"), _field("user"),
    _field("user_id"), _field("user_type"), _field("privileged", "boolean"), _field("mfa", "boolean"),
    _field("tags_itself", "boolean"), _field("anyone_may_assume", "boolean"),
    _field("licences", "integer"), _field("owner"), _field("owner_source"),
    _of("credential", "kind"), _of("credential", "id"), _of("credential", "status"),
    _of("credential", "created", "time"),
    _field("verdict"), _field("user_verdict"), _field("last_used", "time"), _field("days_unused", "integer"),
    Column("exceeds", "text", lambda f: " ".join(map(str, f["exceeds"]))),
    _field("basis"),
    Column("evidence", "text", lambda f: "; ".join(f"{e['source']}: {e['value']}" for e in f["evidence"])),
    _field("reason"),
    Column("risk_reasons", "text", lambda f: f["risk"] and "; ".join(f["risk"]["reasons"])),
    _field("as_of", "time"),
    _field("threshold_days", "integer"), _field("phase"), _field("next_action"),
    _field("next_action_at", "time"), _field("disabled_at", "time"), _of("exemption", "reason"),
    _of("exemption", "approved_by"), _of("exemption", "expires", "time"),
    _of("decision", "decision"), _of("decision", "state"),
    _of("decision", "reviewer"), _of("decision", "until", "time"), _of("done", "operation"),
    _of("done", "result"), _of("done", "reason"), _of("done", "undo"), _field("policy"),
    Column("policies", "text", lambda f: " ".join(p["policy"] for p in f["policies"])),
    Column("controls", "text", lambda f: "; ".join(f["controls"])), _field("change"),
    _field("first_seen", "time"), _field("uid"), _field("schema", "integer"),
)  # fmt: skip

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
    return _chunks(EVALUATION_COLUMNS, map(evaluation_row, report.evaluations))


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
        return _text(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else int(value)


@lru_cache(maxsize=4096)  # most columns hold few texts
def _text(value: str) -> str:
    return _INNER_FORMULA.sub(r"\1'", cell(value))


def _take(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
