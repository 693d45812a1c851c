"""What changed since earlier runs, kept in an SQLite file.

Each run's findings are written down in one transaction, and changes are worked out against what each
credential was last seen as before. So the same run twice changes nothing, and a process that is killed
leaves the file as it was.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from custom_filters.core.errors import InputError
from custom_filters.core.finding import stable_uid
from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.times import format_optional, format_time
from custom_filters.outputs.spool import Spool

#: How long an observation is kept.
RETENTION = timedelta(days=400)
#: Seconds that a second writer waits for the first.
LOCK_TIMEOUT = 600
#: Says in the file's header that it is ours.
_APPLICATION = 0x63376E75

# Times are text of one length (microseconds, UTC), so that they sort. `scopes` is a JSON list of lists,
# `counts` credentials by verdict.
_TABLES = """
CREATE TABLE runs (run TEXT PRIMARY KEY, as_of TEXT NOT NULL, counts TEXT NOT NULL);
CREATE TABLE observations (
    run TEXT NOT NULL, uid TEXT NOT NULL, as_of TEXT NOT NULL, open INTEGER NOT NULL, phase TEXT, change TEXT,
    first_seen TEXT, scopes TEXT NOT NULL, PRIMARY KEY (run, uid)) WITHOUT ROWID;
CREATE INDEX observations_of_a_credential ON observations (uid, as_of);
CREATE TABLE credentials (uid TEXT PRIMARY KEY, as_of TEXT NOT NULL, finding TEXT NOT NULL);
"""
_CURRENT = """
CREATE TEMP TABLE current (
    n INTEGER PRIMARY KEY, uid TEXT NOT NULL, open INTEGER, active INTEGER, phase TEXT, scopes TEXT)
"""
# Of an aggregate with max(), SQLite takes the other columns from the row that holds the maximum.
_PREVIOUS = """
CREATE TEMP TABLE previous AS
SELECT uid, open, phase, first_seen, scopes, max(as_of) FROM observations WHERE as_of < :as_of GROUP BY uid
"""
_OBSERVE = """
INSERT OR IGNORE INTO observations
SELECT :run, c.uid, :as_of, c.open, c.phase,
    CASE
        WHEN c.open AND p.open AND p.phase = 'marked' AND c.phase = 'detected' THEN 'mark-lost'
        WHEN c.open AND p.open THEN 'persisting'
        WHEN c.open THEN 'new'
        WHEN c.active AND (p.open OR c.phase = 'marked') THEN 'reactivated'
        WHEN p.open THEN 'resolved'
    END AS found,
    coalesce(p.first_seen, CASE WHEN c.open THEN :as_of END), c.scopes
FROM current c LEFT JOIN previous p USING (uid)
WHERE c.open OR p.uid IS NOT NULL OR found IS NOT NULL
"""
_GONE = """
SELECT uid, phase, first_seen, scopes FROM previous WHERE open AND uid NOT IN (SELECT uid FROM current)
"""
_RESOLVE = "INSERT INTO observations VALUES (?, ?, ?, 0, ?, 'resolved', ?, ?)"
_REMEMBER = """
INSERT INTO credentials VALUES (?, ?, ?) ON CONFLICT (uid) DO UPDATE
SET as_of = excluded.as_of, finding = excluded.finding WHERE as_of <= excluded.as_of
"""
_FORGET = (
    "DELETE FROM observations WHERE as_of < :limit",
    "DELETE FROM runs WHERE as_of < :limit",
    "DELETE FROM credentials WHERE uid NOT IN (SELECT uid FROM observations)",
)
_TREND = "SELECT as_of, counts FROM runs WHERE as_of <= :as_of ORDER BY as_of"
_CHANGES = """
SELECT o.change, o.first_seen FROM current c
LEFT JOIN observations o ON o.run = ? AND o.uid = c.uid ORDER BY c.n
"""
_RESOLVED = """
SELECT k.finding, o.first_seen FROM observations o JOIN credentials k USING (uid)
WHERE o.run = ? AND o.change = 'resolved' AND o.uid NOT IN (SELECT uid FROM current) ORDER BY o.uid
"""


def with_history(report: Report, file: Path) -> Report:
    """Write the report's findings into the history and return it with `change`, `first_seen` and `resolved`.

    A finding is open while its verdict is stale, never-used or unknown. It is resolved only when every policy
    and account that found it last was evaluated this time. The file is made with mode 0600 when it is not
    there. Waits while another process writes. Raises InputError when the file cannot be used.
    """
    if report.as_of is None:
        return report
    try:
        _make_private(file)
        with closing(sqlite3.connect(file, timeout=LOCK_TIMEOUT, isolation_level=None)) as connection:
            _begin(connection, file)
            return _record(connection, report, report.as_of)
    except (sqlite3.Error, OSError) as error:
        raise InputError(f"history {file} cannot be used: {error}; name another file or remove it") from error


def _make_private(file: Path) -> None:
    """Make the file when it is not there, for this user only; SQLite gives its side files the same mode.

    Raises OSError for a link in its place or in that of a side file.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    for end in ("-journal", "-wal", "-shm"):
        if Path(f"{file}{end}").is_symlink():
            raise OSError(f"{file.name}{end} is a link")


def _begin(connection: sqlite3.Connection, file: Path) -> None:
    """Take the file for this process, and make its tables when it is new; raises InputError."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise InputError(
            f"history {file} was locked by another run for {LOCK_TIMEOUT} s, or is read-only: {error}"
        ) from error
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == _APPLICATION:
        return
    if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise InputError(f"history {file} is another program's database; name another file")
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    for statement in _TABLES.split(";"):  # executescript() would commit
        connection.execute(statement)


def _record(connection: sqlite3.Connection, report: Report, as_of: datetime) -> Report:
    run = run_id(report.evaluations)
    connection.execute(_CURRENT)
    connection.executemany("INSERT INTO current VALUES (?, ?, ?, ?, ?, ?)", _current(report.findings))
    if not connection.execute("SELECT 1 FROM runs WHERE run = ?", (run,)).fetchone():
        _observe(connection, report, run, as_of)
    connection.execute("COMMIT")
    changed = Spool(_with_changes(report.findings, connection.execute(_CHANGES, (run,))))
    resolved = Spool(_resolved(connection.execute(_RESOLVED, (run,))))
    earlier = connection.execute(_TREND, {"as_of": _text(as_of)})
    trend = tuple((datetime.fromisoformat(at), json.loads(counts)) for at, counts in earlier)
    return replace(report, findings=changed, resolved=resolved, history=trend)


def _current(findings: Iterable[Finding]) -> Iterator[tuple[int, str, bool, bool, str, str]]:
    for number, finding in enumerate(findings):
        scopes = [(finding["provider"], p["scope"], p["policy"]) for p in finding["policies"]]
        active = finding["verdict"] == "active"
        yield number, finding["uid"], _open(finding), active, finding["phase"], json.dumps(scopes)


def _open(finding: Finding) -> bool:
    return finding["verdict"] in {"stale", "never-used", "unknown"}


def run_id(evaluations: Iterable[Evaluation]) -> str:
    """An id of these outputs, the same in whatever order they are read: 32 hex digits."""
    parts = sorted(
        (*e.scope, e.region, e.execution, format_optional(e.started) or "", e.evaluated) for e in evaluations
    )
    return stable_uid(parts)


def _observe(connection: sqlite3.Connection, report: Report, run: str, as_of: datetime) -> None:
    at = _text(as_of)
    for statement in _FORGET:
        connection.execute(statement, {"limit": _text(as_of - RETENTION)} if ":limit" in statement else ())
    connection.execute(_PREVIOUS, {"as_of": at})
    connection.execute(_OBSERVE, {"run": run, "as_of": at})
    failed = {e.scope for e in report.evaluations if not e.evaluated}
    evaluated = {e.scope for e in report.evaluations} - failed
    gone = (
        (run, uid, at, phase, first_seen, scopes)
        for uid, phase, first_seen, scopes in connection.execute(_GONE)
        if set(map(tuple, json.loads(scopes))) <= evaluated
    )
    connection.executemany(_RESOLVE, gone)
    still = ((f["uid"], at, json.dumps(f)) for f in report.findings if _open(f))
    connection.executemany(_REMEMBER, still)
    counts = Counter(f["counts_as"] for f in report.findings)
    connection.execute("INSERT INTO runs VALUES (?, ?, ?)", (run, at, json.dumps(counts)))


def _text(at: datetime) -> str:
    return at.astimezone(timezone.utc).isoformat(timespec="microseconds")


def _time(text: str | None) -> str | None:
    return None if text is None else format_time(datetime.fromisoformat(text))


def _with_changes(findings: Iterable[Finding], rows: Iterable[tuple[str | None, ...]]) -> Iterator[Finding]:
    for finding, (change, first_seen) in zip(findings, rows, strict=True):
        yield {**finding, "change": change, "first_seen": _time(first_seen)}


def _resolved(rows: Iterable[tuple[str, str | None]]) -> Iterator[Finding]:
    for text, first_seen in rows:
        yield {**json.loads(text), "change": "resolved", "first_seen": _time(first_seen)}
