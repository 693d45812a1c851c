"""`c7n-unused setup`: what has to be made once before anybody can be marked."""

from __future__ import annotations

from collections.abc import Iterator

import click

from custom_filters.core.errors import NotEvaluatedError
from custom_filters.runner.options import cloud_option
from custom_filters.runner.run.policy_files import need_installed


@click.command()
@click.option(
    "-p", "--provider", required=True, type=click.Choice(["azure", "gcp"]), help="The cloud to set up."
)
@click.option("--tag", default="c7n-unused", show_default=True, help="Where policies keep their marks.")
@cloud_option
def setup(provider: str, tag: str) -> None:
    """Make what marks need, once.

    Google: a custom schema for users, which holds marks and restore records. Azure: an app registration with
    directory extension properties for them; the last line is the variable to set for runs. Doing it again
    changes nothing. AWS needs none.
    """
    need_installed([provider])
    from c7n.exceptions import PolicyExecutionError

    try:
        for step in _steps(provider, tag):
            click.echo(step)
    except PolicyExecutionError as error:
        raise NotEvaluatedError(f"{error}.") from error


def _steps(provider: str, tag: str) -> Iterator[str]:
    if provider == "gcp":
        from custom_filters.gcp import setup as gcp

        yield from gcp.steps(tag)
        return
    from c7n.exceptions import PolicyExecutionError

    from custom_filters.azure import setup as azure
    from custom_filters.azure.errors import GraphError

    try:
        yield from azure.steps(tag)
    except GraphError as error:
        raise PolicyExecutionError(str(error)) from error
