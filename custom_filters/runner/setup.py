"""`c7n-unused setup`: what has to be made once before anybody can be marked."""

from __future__ import annotations

import click

from custom_filters.core.errors import NotEvaluatedError
from custom_filters.runner.run.policy_files import need_installed


@click.command()
@click.option("-p", "--provider", required=True, type=click.Choice(["gcp"]), help="The cloud to set up.")
@click.option("--tag", default="c7n-unused", show_default=True, help="Where policies keep their marks.")
def setup(provider: str, tag: str) -> None:
    """Make what marks need, once.

    Google: a custom schema for users, which holds marks and restore records. Doing it again changes nothing.
    AWS and Azure need none.
    """
    need_installed([provider])
    from c7n.exceptions import PolicyExecutionError

    from custom_filters.gcp.setup import steps

    try:
        for step in steps(tag):
            click.echo(step)
    except PolicyExecutionError as error:
        raise NotEvaluatedError(f"{error}.") from error
