"""Writes reports: private, and each file whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from custom_filters.core.errors import InputError
from custom_filters.core.report import Report
from custom_filters.outputs.private import write_private
from custom_filters.outputs.spool import processes
from custom_filters.reports.formats import FORMATS
from custom_filters.reports.html import INTERACTIVE_ROWS

DEFAULT_FORMATS = ("html", "md", "csv", "json")
#: Lies in a folder that a format made, so that the next report may replace it.
_MADE = ".made-by-c7n-unused"


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
    made: set[Path] = set()
    written = []
    for file, chunks in FORMATS[name](report):
        path = directory / file
        if path.parent != directory and path.parent not in made:
            _fresh_folder(path.parent)
            made.add(path.parent)
        content = (chunk if isinstance(chunk, bytes) else chunk.encode() for chunk in chunks)
        written.append(write_private(path, content))
    return written


def _fresh_folder(folder: Path) -> None:
    """Make a format's folder anew; one that an earlier report did not make is never deleted."""
    if folder.is_symlink() or (folder.exists() and not _ours(folder)):
        raise InputError(
            f"{folder} was not made by c7n-unused, and is not deleted; move it away, or name another -o"
        )
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    write_private(folder / _MADE, [b"c7n-unused made this folder, and replaces it with the next report.\n"])


def _ours(folder: Path) -> bool:
    return folder.is_dir() and ((folder / _MADE).is_file() or not any(folder.iterdir()))
