"""Options, and kinds of their values, that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from custom_filters.core.times import parse_time
from custom_filters.core.vocabulary import CLOUD_VARIABLE, CLOUDS

F = TypeVar("F", bound=Callable[..., Any])

#: Where to log in there; c7n-azure tells azure-identity so for client secrets only.
_LOG_INS = {
    "AzureUSGovernment": "https://login.microsoftonline.us",
    "AzureChinaCloud": "https://login.chinacloudapi.cn",
}


class _Words(click.ParamType):  # type: ignore[type-arg]  # generic in some versions only
    """Comma-separated words out of a fixed set, as a tuple."""

    name = "words"
    envvar_list_splitter = ","

    def __init__(self, allowed: Collection[str], *, some: bool) -> None:
        self._allowed, self._some = allowed, some

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        named = tuple(filter(None, (word.strip() for word in value.split(","))))
        wrong = next((word for word in named if word not in self._allowed), None)
        if wrong or (not named and (value or self._some)):
            self.fail(f"{wrong or value!r} is not one of {', '.join(self._allowed)}.", param, ctx)
        return named


def words(*names: str, allowed: Collection[str], some: bool = True, **more: Any) -> Callable[[F], F]:
    """An option that takes words out of a fixed set, by commas, by repeating it, or both: a tuple.

    Without `some` an empty text means none.
    """

    def joined(ctx: click.Context, param: click.Parameter, value: Sequence[Sequence[str]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word for some in value for word in some))

    return click.option(*names, type=_Words(allowed, some=some), multiple=True, callback=joined, **more)


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
