"""`c7n-unused custodian` and `c7n-unused c7n-org`: the stock commands with our vocabulary loaded.

This is the way that works everywhere, also where Python reads no site start-up files.
"""

from __future__ import annotations

import functools
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec

import click

from custom_filters import autoload
from custom_filters.core.errors import InputError

_PASS_THROUGH = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command(context_settings=_PASS_THROUGH, add_help_option=False)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def custodian(args: tuple[str, ...]) -> None:
    """Stock custodian, vocabulary loaded."""
    sys.argv = ["custodian", *args]
    autoload.load()
    from c7n.cli import main

    main()


@click.command("c7n-org", context_settings=_PASS_THROUGH, add_help_option=False)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def c7n_org(args: tuple[str, ...]) -> None:
    """Stock c7n-org, vocabulary loaded."""
    if find_spec("c7n_org") is None:
        raise InputError("c7n-org is not installed here: pip install 'c7n-unused[org]'.")
    sys.argv = ["c7n-org", *args]
    autoload.load()
    from c7n_org import cli

    # A worker that is spawned, not forked, starts without what this process has loaded.
    cli.ProcessPoolExecutor = functools.partial(ProcessPoolExecutor, initializer=autoload.load)
    cli.cli(prog_name="c7n-org")
