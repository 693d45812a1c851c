"""`c7n-unused verify`: checks the chain of the journals."""

from __future__ import annotations

import click

from custom_filters.core.errors import InputError
from custom_filters.runner.exits import EVALUATED, FINDINGS


@click.command()
@click.argument("out")
@click.pass_context
def verify(ctx: click.Context, out: str) -> None:
    """Check the chain of the journals.

    No line of those under OUT (a folder, or an s3://, gs:// or azure:// URL) was changed, removed or put in.
    Exit code 1 when one was, 2 when there is no journal.
    """
    from custom_filters.core.vocabulary import ACTIONS_FILE
    from custom_filters.outputs.action_logs import journals

    found = journals([out])
    if not found:
        raise InputError(f"{out} holds no {ACTIONS_FILE}; only runs that acted leave one.")
    problems = [problem for journal in found for problem in journal.problems]
    for problem in problems:
        click.echo(problem)
    if not problems:
        total = sum(len(journal.texts) for journal in found)
        journals_read = "1 journal" if len(found) == 1 else f"{len(found)} journals"
        click.echo(f"{total} lines in {journals_read}, each as it was written.")
    ctx.exit(FINDINGS if problems else EVALUATED)
