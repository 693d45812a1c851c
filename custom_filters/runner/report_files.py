"""Writes reports: private, and each file whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from custom_filters.core.errors import InputError
from custom_filters.core.report import Report
from custom_filters.outputs.spool import processes
from custom_filters.reports.formats import FORMATS
from custom_filters.reports.html import INTERACTIVE_ROWS

DEFAULT_FORMATS = ("html", "md", "csv", "json")


def write_reports(report: Report, formats: Iterable[str], directory: Path) -> list[Path]:
    """Write each format into the folder (made with mode 0700, files 0600); returns what was written.

    A format of many files has a folder of its own, which is replaced. A fleet's report takes a process for
    each format. Raises InputError when something cannot be written or a library is missing.
    """
    write = partial(_write_format, report, directory)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if len(report.findings) <= INTERACTIVE_ROWS:
            return [path for name in formats for path in write(name)]
        with processes() as pool:
            return [path for written in pool.map(write, formats) for path in written]
    except OSError as error:
        raise InputError(f"{error.filename or directory}: {error.strerror or error}") from error
    except ImportError as error:
        raise InputError(f"{error}; pip install 'c7n-unused[reports]'") from error


def _write_format(report: Report, directory: Path, name: str) -> list[Path]:
    cleared: set[Path] = set()
    written = []
    for file, chunks in FORMATS[name](report):
        path = directory / file
        if path.parent != directory and path.parent not in cleared:
            shutil.rmtree(path.parent, ignore_errors=True)
            path.parent.mkdir(mode=0o700)
            cleared.add(path.parent)
        written.append(_write(path, chunks))
    return written


def _write(path: Path, chunks: Iterator[str] | Iterator[bytes]) -> Path:
    with private_file(path) as file:
        for chunk in chunks:
            file.write(chunk if isinstance(chunk, bytes) else chunk.encode())
    return path


@contextmanager
def private_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into, for this user only, that takes its name when all is written."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
