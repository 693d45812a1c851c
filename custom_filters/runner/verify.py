"""`c7n-unused verify`: checks the chain of the action logs."""

from __future__ import annotations

from pathlib import Path

import click

from custom_filters.core.errors import InputError
from custom_filters.runner.exits import EVALUATED, FINDINGS


@click.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_context
def verify(ctx: click.Context, out: Path) -> None:
    """Check the chain of the action logs.

    No line of those under OUT was changed, removed or put in. Exit code 1 when one was, 2 when there is no
    action log.
    """
    from custom_filters.core.actionlog import verify as verify_lines
    from custom_filters.core.vocabulary import ACTIONS_FILE
    from custom_filters.outputs.action_logs import find_logs

    logs = find_logs(out)
    if not logs:
        raise InputError(f"{out} holds no {ACTIONS_FILE}; only runs that acted leave one.")
    lines = {log: log.read_text(encoding="utf-8").splitlines() for log in logs}
    problems = [f"{log}: {problem}" for log in logs for problem in verify_lines(lines[log])]
    for problem in problems:
        click.echo(problem)
    if not problems:
        total = sum(map(len, lines.values()))
        click.echo(f"{total} lines in {len(logs)} action logs, each as it was written.")
    ctx.exit(FINDINGS if problems else EVALUATED)
