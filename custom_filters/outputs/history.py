"""What changed since earlier runs, kept in a DuckDB file.

Each run's findings are written down in one transaction, and changes are worked out against what each
credential was last seen as before. So the same run twice changes nothing, and a process that is killed
leaves the file as it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.times import format_optional, format_time
from custom_filters.outputs.spool import Lines, Spool
from custom_filters.runner.exits import InputError

if TYPE_CHECKING:
    import duckdb

#: How long an observation is kept.
RETENTION = timedelta(days=400)
#: Seconds that a second writer waits for the first.
LOCK_TIMEOUT = 600
_BATCH = 10_000

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (run VARCHAR PRIMARY KEY, as_of TIMESTAMP);
CREATE TABLE IF NOT EXISTS observations (
    run VARCHAR, as_of TIMESTAMP, uid VARCHAR, open BOOLEAN, phase VARCHAR, change VARCHAR,
    first_seen TIMESTAMP, scopes STRUCT(provider VARCHAR, "scope" VARCHAR, policy VARCHAR)[]);
CREATE TABLE IF NOT EXISTS credentials (uid VARCHAR PRIMARY KEY, as_of TIMESTAMP, finding VARCHAR);
"""
_CURRENT = """
CREATE TEMP TABLE current AS
SELECT row_number() OVER () AS n, json AS finding, json->>'uid' AS uid, json->>'phase' AS phase,
    json->>'verdict' IN ('stale', 'never-used', 'unknown') AS open, json->>'verdict' = 'active' AS active,
    list_transform(from_json(json->'policies', '[{"policy": "VARCHAR", "scope": "VARCHAR"}]'),
        lambda p: {'provider': json->>'provider', 'scope': p.scope, 'policy': p.policy}) AS scopes
FROM read_ndjson_objects($file)
"""
_PREVIOUS = """
CREATE TEMP TABLE previous AS
SELECT uid, max_by(o, as_of) AS o FROM observations o WHERE as_of < $as_of GROUP BY uid
"""
_OBSERVE = """
INSERT INTO observations
SELECT $run, $as_of, c.uid, c.open, c.phase,
    CASE
        WHEN c.open AND p.o.open AND p.o.phase = 'marked' AND c.phase = 'detected' THEN 'mark-lost'
        WHEN c.open AND p.o.open THEN 'persisting'
        WHEN c.open THEN 'new'
        WHEN c.active AND (p.o.open OR c.phase = 'marked') THEN 'reactivated'
        WHEN p.o.open THEN 'resolved'
    END AS found,
    coalesce(p.o.first_seen, CASE WHEN c.open THEN $as_of::TIMESTAMP END), c.scopes
FROM current c LEFT JOIN previous p USING (uid)
WHERE c.open OR p.uid IS NOT NULL OR found IS NOT NULL
"""
_RESOLVE = """
INSERT INTO observations
SELECT $run, $as_of, p.uid, false, p.o.phase, 'resolved', p.o.first_seen, p.o.scopes
FROM previous p ANTI JOIN current c USING (uid)
WHERE p.o.open AND list_has_all((SELECT coalesce(list(s), []) FROM evaluated s), p.o.scopes)
"""
_REMEMBER = """
INSERT OR REPLACE INTO credentials
SELECT c.uid, $as_of, c.finding FROM current c LEFT JOIN credentials old USING (uid)
WHERE c.open AND (old.uid IS NULL OR old.as_of <= $as_of)
"""
_FORGET = (
    "DELETE FROM observations WHERE as_of < $limit",
    "DELETE FROM runs WHERE as_of < $limit",
    "DELETE FROM credentials WHERE uid NOT IN (SELECT uid FROM observations)",
)
_CHANGES = """
SELECT o.change, o.first_seen FROM current c
LEFT JOIN (SELECT * FROM observations WHERE run = $run) o USING (uid) ORDER BY c.n
"""
_RESOLVED = """
SELECT k.finding, o.first_seen FROM observations o JOIN credentials k USING (uid)
WHERE o.run = $run AND o.change = 'resolved' AND o.uid NOT IN (SELECT uid FROM current) ORDER BY o.uid
"""


def with_history(report: Report, file: Path) -> Report:
    """Write the report's findings into the history and return it with `change`, `first_seen` and `resolved`.

    A finding is open while its verdict is stale, never-used or unknown. It is resolved only when every policy
    and account that found it last was evaluated this time. The file is made with mode 0600 when it is not
    there. Waits while another process writes. Raises InputError when the file cannot be used.
    """
    duckdb, filelock = _libraries()
    if report.as_of is None:
        return report
    try:
        with filelock.FileLock(f"{file}.lock", timeout=LOCK_TIMEOUT, mode=0o600):
            new = not file.exists()
            with duckdb.connect(str(file)) as connection:
                if new:
                    file.chmod(0o600)
                return _record(connection, report, report.as_of)
    except filelock.Timeout as error:
        raise InputError(f"history {file} was locked by another run for {LOCK_TIMEOUT} s") from error
    except (duckdb.Error, OSError) as error:
        raise InputError(f"history {file} cannot be used: {error}; name another file or remove it") from error


def _libraries() -> tuple[Any, Any]:
    try:
        import duckdb
        import filelock
    except ImportError as error:
        raise InputError(f"--history needs DuckDB ({error}); pip install 'c7n-unused[reports]'") from error
    return duckdb, filelock


def _record(connection: duckdb.DuckDBPyConnection, report: Report, as_of: datetime) -> Report:
    spool = report.findings if isinstance(report.findings, Lines) else Spool(report.findings)
    run = run_id(report.evaluations)
    at = as_of.astimezone(timezone.utc).replace(tzinfo=None)
    connection.execute("BEGIN")
    connection.execute(_TABLES)
    connection.execute(_CURRENT, {"file": str(spool.path)})
    if not connection.execute("SELECT 1 FROM runs WHERE run = $run", {"run": run}).fetchone():
        _observe(connection, report.evaluations, run, at)
    connection.execute("COMMIT")
    changed = Spool(_with_changes(spool, connection.execute(_CHANGES, {"run": run})))
    resolved = Spool(_resolved(connection.execute(_RESOLVED, {"run": run}).fetchall()))
    return replace(report, findings=changed, resolved=resolved)


def run_id(evaluations: Iterable[Evaluation]) -> str:
    """The same for the same outputs, whoever reads them and in which order: 32 hex digits."""
    parts = sorted(
        (*e.scope, e.region, e.execution, format_optional(e.started) or "", e.evaluated) for e in evaluations
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _observe(
    connection: duckdb.DuckDBPyConnection, evaluations: tuple[Evaluation, ...], run: str, at: datetime
) -> None:
    failed = {e.scope for e in evaluations if not e.evaluated}
    scopes = sorted({e.scope for e in evaluations} - failed)
    connection.execute("CREATE TEMP TABLE evaluated (provider VARCHAR, scope VARCHAR, policy VARCHAR)")
    if scopes:
        connection.executemany("INSERT INTO evaluated VALUES (?, ?, ?)", scopes)
    for statement in _FORGET:
        connection.execute(statement, {"limit": at - RETENTION} if "$limit" in statement else None)
    connection.execute(_PREVIOUS, {"as_of": at})
    for statement in (_OBSERVE, _RESOLVE):
        connection.execute(statement, {"run": run, "as_of": at})
    connection.execute(_REMEMBER, {"as_of": at})
    connection.execute("INSERT INTO runs VALUES ($run, $as_of)", {"run": run, "as_of": at})


def _with_changes(findings: Iterable[Finding], result: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    for finding, (change, first_seen) in zip(findings, _rows(result), strict=True):
        yield {**finding, "change": change, "first_seen": _time(first_seen)}


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := result.fetchmany(_BATCH):
        yield from rows


def _resolved(rows: Iterable[tuple[str, datetime | None]]) -> Iterator[Finding]:
    for text, first_seen in rows:
        yield {**json.loads(text), "change": "resolved", "first_seen": _time(first_seen)}


def _time(naive: datetime | None) -> str | None:
    return None if naive is None else format_time(naive.replace(tzinfo=timezone.utc))
