"""Parquet, Hive-partitioned by provider, account and date, written by DuckDB."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from custom_filters.core.report import Report
from custom_filters.outputs.spool import Lines, Spool
from custom_filters.runner.exits import InputError

FOLDER = "parquet"
#: Bounds the writers' buffers: a thousand accounts are a thousand open partitions.
_MEMORY, _THREADS = "400MB", 2

#: Types of a finding's fields, as DuckDB names them.
COLUMNS = {
    "schema": "INTEGER",
    "provider": "VARCHAR",
    "account": "VARCHAR",
    "user": "VARCHAR",
    "user_id": "VARCHAR",
    "user_type": "VARCHAR",
    "privileged": "BOOLEAN",
    "owner": "VARCHAR",
    "owner_source": "VARCHAR",
    "credential": "STRUCT(kind VARCHAR, id VARCHAR, status VARCHAR, created TIMESTAMPTZ)",
    "verdict": "VARCHAR",
    "user_verdict": "VARCHAR",
    "last_used": "TIMESTAMPTZ",
    "days_unused": "INTEGER",
    "exceeds": "INTEGER[]",
    "basis": "VARCHAR",
    "evidence": "STRUCT(source VARCHAR, observed_at TIMESTAMPTZ, value VARCHAR)[]",
    "reason": "VARCHAR",
    "as_of": "TIMESTAMPTZ",
    "threshold_days": "INTEGER",
    "phase": "VARCHAR",
    "next_action": "VARCHAR",
    "next_action_at": "TIMESTAMPTZ",
    "exemption": "STRUCT(reason VARCHAR, approved_by VARCHAR, expires TIMESTAMPTZ)",
    "policy": "VARCHAR",
    "controls": "VARCHAR[]",
    "change": "VARCHAR",
    "first_seen": "TIMESTAMPTZ",
    "uid": "VARCHAR",
    "policies": 'STRUCT(policy VARCHAR, "scope" VARCHAR, verdict VARCHAR, threshold_days INTEGER)[]',
}


def write_parquet(report: Report, folder: Path) -> None:
    """Write `provider=.../account=.../date=.../*.parquet` below a new folder.

    Raises InputError when DuckDB is not installed or cannot write.
    """
    try:
        import duckdb
    except ImportError as error:
        raise InputError(f"Parquet needs DuckDB ({error}); pip install 'c7n-unused[reports]'") from error
    findings = report.findings
    spool = findings if isinstance(findings, Lines) else Spool(findings)
    folder.mkdir(mode=0o700)
    try:
        # DuckDB removes its temporary folder at the end, whatever else lies in it.
        with TemporaryDirectory(prefix="c7n-unused-") as temporary:
            _copy(duckdb, spool, folder, temporary)
        for path in folder.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
    except duckdb.Error as error:
        raise InputError(f"Parquet could not be written below {folder}: {error}") from error


def _copy(duckdb: Any, spool: Lines, folder: Path, temporary: str) -> None:
    config = {"memory_limit": _MEMORY, "threads": _THREADS, "temp_directory": temporary}
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute("SET preserve_insertion_order = false")
        findings = connection.sql(
            "SELECT *, strftime(as_of, '%Y-%m-%d') AS date "
            "FROM read_json($file, columns = $columns, format = 'newline_delimited')",
            params={"file": str(spool.path), "columns": COLUMNS},
        )
        findings.write_parquet(str(folder), partition_by=["provider", "account", "date"])
