"""`--cloud`: which of Microsoft's clouds a command is for."""

from __future__ import annotations

import os

import click

from custom_filters.core.vocabulary import CLOUD_VARIABLE, CLOUDS

#: Where to log in there; c7n-azure tells azure-identity so for client secrets only.
_LOG_INS = {
    "AzureUSGovernment": "https://login.microsoftonline.us",
    "AzureChinaCloud": "https://login.chinacloudapi.cn",
}


def _chosen(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Tell what is started from here, too."""
    if value:
        os.environ[CLOUD_VARIABLE] = value
        if value in _LOG_INS:
            os.environ.setdefault("AZURE_AUTHORITY_HOST", _LOG_INS[value])


cloud_option = click.option(
    "--cloud", envvar=CLOUD_VARIABLE, type=click.Choice(CLOUDS), metavar="NAME", expose_value=False,
    callback=_chosen, help="Azure: AzureCloud (default), AzureUSGovernment or AzureChinaCloud.",
)  # fmt: skip
