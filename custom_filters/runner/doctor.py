"""`c7n-unused doctor`: says before a run what is missing."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from custom_filters import autoload
from custom_filters.core.doctor_check import Check
from custom_filters.core.text import printable
from custom_filters.core.vocabulary import PROVIDERS
from custom_filters.runner.exits import EVALUATED, NOT_EVALUATED
from custom_filters.runner.options import cloud_option
from custom_filters.runner.run.policy_files import need_installed


@click.command()
@click.option("-p", "--provider", required=True, type=click.Choice(PROVIDERS), help="The cloud to look at.")
@click.option("--log-in", is_flag=True, hidden=True, help="Print the check of the log-in alone, as JSON.")
@cloud_option
@click.pass_context
def doctor(ctx: click.Context, provider: str, log_in: bool) -> None:
    """Say what is missing before a run.

    Credentials, permission, licence, an API that is not enabled, autoload. Exit code 3 when one of
    them is missing.
    """
    need_installed([provider])
    if log_in:
        click.echo(json.dumps(asdict(_module(provider).log_in())))
        return
    missing = 0
    vocabulary = _vocabulary()
    autoload.load()
    for check in (vocabulary, *_module(provider).checks()):
        click.echo(f"{'ok     ' if check.ok else 'MISSING'} {check.name}: {printable(check.detail)}")
        if not check.ok:
            missing += 1
            click.echo(f"        {check.remedy}")
    click.echo(f"{missing} missing" if missing else "Nothing is missing.")
    ctx.exit(NOT_EVALUATED if missing else EVALUATED)


def _module(provider: str) -> Any:
    return import_module(f"custom_filters.{provider}.doctor")


def _vocabulary() -> Check:
    """Whether stock `custodian` knows our vocabulary here; `c7n-unused` itself never needs it."""
    status = autoload.status()
    ways = "`c7n-unused custodian` works" if status.startswith("off") else "stock `custodian` works too"
    org = "" if find_spec("c7n_org") else "; c7n-org is not installed (pip install 'c7n-unused[org]')"
    return Check("vocabulary", True, f"autoload is {status}: {ways}{org}")
