"""`c7n-unused setup`: what has to be made once before anybody can be marked."""

from __future__ import annotations

from importlib import import_module

import click

from custom_filters.core.errors import NotEvaluatedError
from custom_filters.core.vocabulary import AZURE, GCP
from custom_filters.runner.options import cloud_option
from custom_filters.runner.run.policy_files import need_installed


@click.command()
@click.option("-p", "--provider", required=True, type=click.Choice([AZURE, GCP]), help="The cloud to set up.")
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

    making, errors = (import_module(f"custom_filters.{provider}.{name}") for name in ("setup", "errors"))
    refused = errors.GraphError if provider == AZURE else errors.GoogleError
    try:
        for step in making.steps(tag):
            click.echo(step)
    except (PolicyExecutionError, refused) as error:
        raise NotEvaluatedError(f"{error}.") from error
