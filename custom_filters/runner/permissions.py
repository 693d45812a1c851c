"""`c7n-unused permissions`: the least that a run needs, in the cloud's own form."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module

import click

from custom_filters.core.errors import InputError
from custom_filters.core.vocabulary import PROVIDERS
from custom_filters.runner.run.policy_files import need_installed


@click.command()
@click.option("-p", "--provider", required=True, type=click.Choice(PROVIDERS), help="The cloud to ask about.")
@click.option("--enforce", is_flag=True, help="Also what marking, disabling and restoring need.")
@click.option("--with", "parts", metavar="PART[,PART...]", help="AWS: what options of policies need besides.")
def permissions(provider: str, enforce: bool, parts: str | None) -> None:
    """Print the least privileges needed.

    As an IAM policy, Graph permissions, or OAuth scopes and roles. Parts on AWS: advisor,
    quarantine, roles, exemptions, output, deploy.
    """
    need_installed([provider])
    module = import_module(f"custom_filters.{provider}.permissions")
    asked = _parts(getattr(module, "PARTS", ()), parts)
    document: str = module.document(enforce, asked) if asked else module.document(enforce)
    click.echo(document.rstrip("\n"))


def _parts(known: Collection[str], text: str | None) -> list[str]:
    asked = [part.strip() for part in text.split(",")] if text else []
    wrong = next((part for part in asked if part not in known), None)
    if wrong is not None:
        there = ", ".join(known) or "none"
        raise InputError(f"--with: there is no part {wrong!r} of this provider; there are: {there}")
    return asked
