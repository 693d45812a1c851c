"""`c7n-unused policies`: what is shipped."""

from __future__ import annotations

import click
from rich.table import Column, Table

from custom_filters.core.vocabulary import PROVIDERS
from custom_filters.runner.options import words
from custom_filters.runner.run.policy_files import (
    PolicyFile,
    read,
    shipped_folder,
)
from custom_filters.runner.tables import show


@click.command()
@words("-p", "--provider", "providers", allowed=PROVIDERS, metavar="NAMES", help="Only of aws,azure,gcp.")
def policies(providers: tuple[str, ...]) -> None:
    """List the shipped policies.

    Each with its resource, what it does and its file; `init` writes copies to change.
    """
    for provider in providers or PROVIDERS:
        for path in sorted((shipped_folder() / provider).glob("*.yml")):
            show(_table(read(path)))


def _table(file: PolicyFile) -> Table:
    table = Table(
        Column("policy", no_wrap=True),
        Column("resource", no_wrap=True),
        "what it does",
        title=str(file.path),
        title_justify="left",
        expand=True,
    )
    for policy in file.policies:
        table.add_row(policy.name, policy.resource, " ".join(policy.data.get("description", "").split()))
    return table
