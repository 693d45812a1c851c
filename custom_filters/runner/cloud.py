"""`--cloud`: which of Microsoft's clouds a command is for."""

from __future__ import annotations

import os

import click

from custom_filters.core.vocabulary import CLOUD_VARIABLE, CLOUDS


def _chosen(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Tell what is started from here, too."""
    if value:
        os.environ[CLOUD_VARIABLE] = value


cloud_option = click.option(
    "--cloud", envvar=CLOUD_VARIABLE, type=click.Choice(CLOUDS), expose_value=False, callback=_chosen,
    help="Azure: the national cloud.  [default: AzureCloud]",
)  # fmt: skip
