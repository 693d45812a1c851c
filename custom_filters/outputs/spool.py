"""Findings on disk, and the processes that share them: a fleet's report needs little memory."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from custom_filters.core.report import Finding

_MOST_PROCESSES = 4


def processes() -> ProcessPoolExecutor:
    """One process a core, at most four; not forked, for what reads from buckets runs threads."""
    count = min(os.cpu_count() or 1, _MOST_PROCESSES)
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def lines_of(findings: Iterable[Finding]) -> Iterator[str]:
    """Each finding as a line of JSON, its end included."""
    encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
    return (f"{encode(finding)}\n" for finding in findings)


class Lines:
    """Findings in a file, one JSON line each."""

    def __init__(self, path: Path, count: int = 0) -> None:
        self.path = path
        self._count = count

    def __iter__(self) -> Iterator[Finding]:
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    def __len__(self) -> int:
        return self._count


class Spool(Lines):
    """Lines in a temporary file (mode 0600) that vanishes with this object; another process reads them."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - open for as long as this object lives
            "w", encoding="utf-8", prefix="c7n-unused-", suffix=".jsonl"
        )
        super().__init__(Path(self._file.name))
        self.append(lines_of(findings))

    def __reduce__(self) -> tuple[type[Lines], tuple[Path, int]]:
        return Lines, (self.path, len(self))

    def append(self, lines: Iterable[str]) -> None:
        """Append lines of `lines_of`."""
        for line in lines:
            self._file.write(line)
            self._count += 1
        self._file.flush()
