"""`c7n-unused verify`: checks the chain of the action logs."""

from __future__ import annotations

from pathlib import Path

import click

from custom_filters.runner.exits import EVALUATED, FINDINGS, InputError

ACTION_LOG = "c7n-unused-actions.jsonl"


@click.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_context
def verify(ctx: click.Context, out: Path) -> None:
    """Check the chain of the action logs.

    No line of those under OUT was changed, removed or put in.
    Exit code 1 when one was, 2 when there is no action log.
    """
    logs = action_logs(out)
    if not logs:
        raise InputError(f"{out} holds no {ACTION_LOG}; only runs that acted leave one.")
    problems = [f"{log}: {problem}" for log in logs for problem in _problems(log)]
    for problem in problems:
        click.echo(problem)
    if not problems:
        click.echo(f"{len(logs)} action log(s), each line as it was written.")
    ctx.exit(FINDINGS if problems else EVALUATED)


def action_logs(out: Path) -> list[Path]:
    """The action logs under a folder; links such as OUT/latest are not followed twice."""
    return sorted({path.resolve() for path in out.rglob(ACTION_LOG)})


def _problems(log: Path) -> list[str]:
    from custom_filters.core.log import verify as verify_lines

    return verify_lines(log.read_text(encoding="utf-8").splitlines())
