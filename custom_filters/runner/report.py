"""`c7n-unused report`: Custodian output in, reports out."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import click

from custom_filters.core.errors import InputError
from custom_filters.core.outcome import told, with_actions
from custom_filters.core.report import Report, with_decisions
from custom_filters.core.verdict import SELECTABLE
from custom_filters.outputs.action_logs import journals_of, lines_left_open, lines_of
from custom_filters.outputs.collect import collect
from custom_filters.outputs.expected import read_accounts, with_expected
from custom_filters.outputs.history import with_history
from custom_filters.reports.formats import FORMATS
from custom_filters.reports.redact import redact
from custom_filters.reports.schema import schema
from custom_filters.runner import exits
from custom_filters.runner.decisions import parsed
from custom_filters.runner.options import words
from custom_filters.runner.pack import write as write_pack
from custom_filters.runner.report_files import DEFAULT_FORMATS, write_reports
from custom_filters.runner.run import policy_files
from custom_filters.runner.tables import not_evaluated_lines

_SHORTEST_KEY = 16
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _print_schema(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(json.dumps(schema(), indent=2))
        ctx.exit()


@click.command()
@click.argument("outputs", metavar="OUT...", nargs=-1, required=True)
@words(
    "-f", "--format", "formats", allowed=FORMATS, metavar="FORMATS", default=DEFAULT_FORMATS,
    show_default=True, help=f"Comma-separated list of {', '.join(FORMATS)}.",
)  # fmt: skip
@click.option(
    "-o", "--output", "directory", type=click.Path(file_okay=False, path_type=Path), default="report",
    show_default=True, help="Folder to write into.",
)  # fmt: skip
@click.option(
    "--history", type=click.Path(dir_okay=False, path_type=Path),
    help="SQLite file that remembers earlier runs: what is new, resolved, back in use.",
)  # fmt: skip
@words(
    "--fail-on", allowed=SELECTABLE, some=False, metavar="VERDICTS",
    help="Exit with 1 when a credential has one of these verdicts, comma-separated, or a check of an account "
    "found something.",
)  # fmt: skip
@click.option(
    "--accounts", type=_FILE,
    help="The accounts file of c7n-org: an account in it that left no output was not evaluated.",
)  # fmt: skip
@click.option(
    "--policies", type=_FILE, multiple=True,
    help="A policy file that was run: a policy in it that left no output was not evaluated.",
)  # fmt: skip
@click.option("--decisions", type=_FILE, help="decisions.json: what reviewers decided.")
@click.option(
    "--pack", type=click.Path(dir_okay=False, path_type=Path), metavar="ZIP",
    help="Also write the auditor's pack: population, findings, decisions, journals, policies, hashes.",
)  # fmt: skip
@click.option("--redact", "redacted", is_flag=True, help="Hash users, owners and credentials; drop names.")
@click.option(
    "--redact-key", type=_FILE,
    help="File with a secret of 16 bytes or more: equal names then have equal hashes in every report.",
)  # fmt: skip
@click.option(
    "--schema", is_flag=True, is_eager=True, expose_value=False, callback=_print_schema,
    help="Print the JSON Schema of the json and jsonl formats.",
)  # fmt: skip
@click.pass_context
def report(
    ctx: click.Context,
    outputs: tuple[str, ...],
    formats: tuple[str, ...],
    directory: Path,
    history: Path | None,
    fail_on: tuple[str, ...],
    accounts: Path | None,
    policies: tuple[Path, ...],
    decisions: Path | None,
    pack: Path | None,
    redacted: bool,
    redact_key: Path | None,
) -> None:
    """Read Custodian output and write reports.

    OUT is a folder given to `custodian run -s`, `c7n-org run -s` or `c7n-unused run -s`, or an s3://, gs://
    or azure:// URL. Exit code 1: findings at --fail-on; 2: wrong input; 3: something was not evaluated.
    """
    if pack and (redacted or redact_key):
        raise InputError("--pack names everybody, as auditors need it; leave out --pack or --redact")
    collected = _collected(outputs, accounts, policies)
    if history:
        collected = with_history(collected, history)
    decided = decisions.read_bytes() if decisions else None
    if decisions and decided is not None:
        collected = with_decisions(collected, parsed(decisions, decided), datetime.now(timezone.utc))
    if redacted or redact_key:
        collected = redact(collected, _key(redact_key))
    for path in write_reports(collected, formats, directory):
        click.echo(path)
    if pack:
        click.echo(write_pack(collected, outputs, decided, pack))
    review = [collected.review.sentence()] if collected.review else []
    for line in (*told(collected), *review, *not_evaluated_lines(collected)):
        click.echo(line, err=True)
    ctx.exit(exits.of_report(collected, fail_on))


def _collected(outputs: Sequence[str], accounts: Path | None, policies: Sequence[Path]) -> Report:
    """What the outputs tell, what was expected and is missing, and what was done."""
    expected = {(p.provider, p.name) for file in policies for p in policy_files.read(file).policies}
    found = with_expected(collect(outputs), read_accounts(accounts) if accounts else (), expected)
    lines = lines_of(journals_of(outputs, found.evaluations))
    left = [line for line in lines_left_open(outputs) if line not in lines]
    return with_actions(found, [*lines, *left])


def _key(file: Path | None) -> bytes:
    if file is None:
        return secrets.token_bytes(32)
    key = file.read_bytes().strip()
    if len(key) < _SHORTEST_KEY:
        raise InputError(f"--redact-key {file} holds {len(key)} bytes; put 16 or more random ones in it")
    return key
