"""Options, and kinds of their values, that several commands share."""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import datetime
from typing import Any

import click

from custom_filters.core.times import parse_time
from custom_filters.core.vocabulary import CLOUD_VARIABLE, CLOUDS

#: Where to log in there; c7n-azure tells azure-identity so for client secrets only.
_LOG_INS = {
    "AzureUSGovernment": "https://login.microsoftonline.us",
    "AzureChinaCloud": "https://login.chinacloudapi.cn",
}


class Words(click.ParamType):  # type: ignore[type-arg]  # generic in some versions only
    """Comma-separated words out of a fixed set, as a tuple without doubles."""

    name = "words"

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = allowed

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        words = value if isinstance(value, tuple) else tuple(word.strip() for word in value.split(","))
        named = tuple(dict.fromkeys(filter(None, words)))
        wrong = next((word for word in named if word not in self._allowed), None)
        if wrong or (value and not named):
            self.fail(f"{wrong or value!r} is not one of {', '.join(self._allowed)}.", param, ctx)
        return named


class Time(click.ParamType):  # type: ignore[type-arg]
    """A time in RFC 3339 with a zone, as aware UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return value if isinstance(value, datetime) else parse_time(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


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
