"""`c7n-unused report`: Custodian output in, reports out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path

import click

from custom_filters.core.verdict import SELECTABLE
from custom_filters.reports.formats import FORMATS
from custom_filters.reports.model import Report, effective_verdict
from custom_filters.runner.exits import EVALUATED, FINDINGS, NOT_EVALUATED, InputError
from custom_filters.runner.outputs import collect
from custom_filters.runner.show import not_evaluated_lines

DEFAULT_FORMATS = ("html", "md", "csv", "json")


def _names(allowed: Collection[str]) -> Callable[[click.Context, click.Parameter, str], tuple[str, ...]]:
    """A click callback for a comma-separated list of names out of a fixed set."""

    def names(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
        named = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
        wrong = next((name for name in named if name not in allowed), None)
        if wrong:
            raise click.BadParameter(f"{wrong!r} is not one of {', '.join(allowed)}.")
        return named

    return names


def exit_code(report: Report, fail_on: Collection[str] = ()) -> int:
    """3 when something was not evaluated, else 1 when a credential has one of these verdicts, else 0."""
    if report.not_evaluated:
        return NOT_EVALUATED
    found = bool(fail_on) and any(effective_verdict(f) in fail_on for f in report.findings)
    return FINDINGS if found else EVALUATED


def write_reports(report: Report, formats: Iterable[str], directory: Path) -> list[Path]:
    """Write each format into the folder (made with mode 0700, files 0600); returns the files' paths.

    Raises InputError when the folder cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
        return [_write(directory / FORMATS[name].file, FORMATS[name].render(report)) for name in formats]
    except OSError as error:
        raise InputError(f"{error.filename or directory}: {error.strerror or error}") from error


def _write(path: Path, chunks: Iterator[str] | Iterator[bytes]) -> Path:
    """Whole or not at all: a reader never sees half a report."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk if isinstance(chunk, bytes) else chunk.encode())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


@click.command()
@click.argument("outputs", metavar="OUT...", nargs=-1, required=True)
@click.option(
    "-f", "--format", "formats", callback=_names(tuple(FORMATS)), default=",".join(DEFAULT_FORMATS),
    show_default=True, help=f"Comma-separated list of {', '.join(FORMATS)}.",
)  # fmt: skip
@click.option(
    "-o", "--output", "directory", type=click.Path(file_okay=False, path_type=Path), default="report",
    show_default=True, help="Folder to write into.",
)  # fmt: skip
@click.option(
    "--fail-on", callback=_names(SELECTABLE), default="", metavar="VERDICTS",
    help="Exit with 1 when a credential has one of these verdicts, comma-separated.",
)  # fmt: skip
def report(
    outputs: tuple[str, ...], formats: tuple[str, ...], directory: Path, fail_on: tuple[str, ...]
) -> None:
    """Read Custodian output and write reports.

    OUT is a folder given to `custodian run -s` or `c7n-org run -s`, or an s3:// or gs:// URL.
    """
    collected = collect(outputs)
    paths = write_reports(collected, formats, directory)
    for line in chain(not_evaluated_lines(collected), map(str, paths)):
        click.echo(line)
    sys.exit(exit_code(collected, fail_on))
