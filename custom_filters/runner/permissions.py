"""`c7n-unused permissions`: the least that a run needs, in the cloud's own form."""

from __future__ import annotations

from importlib import import_module

import click

from custom_filters.runner.policies import PROVIDERS, need_installed


@click.command()
@click.option("-p", "--provider", required=True, type=click.Choice(PROVIDERS), help="The cloud to ask about.")
@click.option("--enforce", is_flag=True, help="Also what marking, disabling and restoring need.")
def permissions(provider: str, enforce: bool) -> None:
    """Print the least privileges needed.

    As an IAM policy, Graph permissions, or OAuth scopes and roles.
    """
    need_installed([provider])
    document: str = import_module(f"custom_filters.{provider}.permissions").document(enforce)
    click.echo(document.rstrip("\n"))
