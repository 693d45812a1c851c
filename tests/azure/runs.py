"""Stock Custodian on the embedded Entra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from custom_filters.azure.notes import APP_VARIABLE, Properties, properties_for
from custom_filters.sandbox.azure.people import Activity, Person
from custom_filters.sandbox.sandbox import Sandbox
from tests import clouds
from tests.clouds import CUSTODIAN, ROOT, resources, utc

__all__ = ["CUSTODIAN", "ROOT", "resources", "utc"]
REPORT = ROOT / "policies/azure/report.yml"
ENFORCE = ROOT / "policies/azure/enforce.yml"
DOMAIN = "contoso.example"
policy = partial(clouds.policy, "azure.directory-user")


@contextmanager
def embedded(**settings: Any) -> Iterator[Sandbox]:
    """An empty tenant of its own, unless settings say otherwise."""
    with clouds.started("azure", **settings) as sandbox:
        set_up(sandbox)
        yield sandbox


def properties(sandbox: Sandbox) -> Properties:
    """Where this tenant's notes are."""
    found = properties_for(sandbox.azure.app.client, ["c7n-unused"])
    assert found
    return found


def set_up(sandbox: Sandbox) -> None:
    """What `c7n-unused setup -p azure` makes, on the app that the policies run as."""
    where = properties(sandbox)
    [app] = sandbox.azure.tenant.directory.apps.values()
    app.properties.update({where.of(name): {"name": where.of(name)} for name in where.names})


def notes(sandbox: Sandbox, name: str) -> dict[str, str]:
    """Our notes on a user, by name."""
    where, held = properties(sandbox), sandbox.azure.person(f"{name}@{DOMAIN}").properties
    return {note: held[where.of(note)] for note in where.names if where.of(note) in held}


def write_note(sandbox: Sandbox, name: str, note: str, text: str | None) -> None:
    """Another app changes a note, or (None) takes it away."""
    sandbox.azure.hand("note", f"{name}@{DOMAIN}", name=properties(sandbox).of(note), value=text)


def marked(sandbox: Sandbox, name: str, at: datetime, days: float = 14) -> None:
    """Somebody who was marked then, with so many days' notice."""
    until = at + timedelta(days=days)
    key = sandbox.azure.person(f"{name}@{DOMAIN}").id
    text = f"{key} c7n-unused {at:%y%m%d%H%M} {until:%y%m%d%H%M} sign-in=sign-in"
    write_note(sandbox, name, "c7n-unused-record", text)
    write_note(sandbox, name, "c7n-unused", f"Unused: disable-unused@{until:%Y/%m/%d %H%M} UTC")


def person(name: str, now: datetime, idle: float | None, **fields: Any) -> Person:
    """Somebody who last signed in `idle` days ago (None: never), 900 days after being created."""
    at = None if idle is None else now - timedelta(days=idle)
    activity = Activity(at, at, at) if at else None
    made = {"created": now - timedelta(days=900), "activity": activity, **fields}
    return Person(f"{name}@{DOMAIN}", name, **made)


def custodian(
    sandbox: Sandbox, out: Path, *policies: Path | dict[str, Any], skip_validation: bool = False, **more: Any
) -> CompletedProcess[str]:
    """`custodian run` on files and on policies written here; its log is in stderr."""
    options = ["--skip-validation"] if skip_validation else []
    more = {APP_VARIABLE: sandbox.azure.app.client, "options": options, **more}
    return clouds.custodian(sandbox, out, *policies, **more)


def judged(out: Path, name: str) -> dict[str, dict[str, Any]]:
    """The annotations of a policy's resources, by the part of the name before @ or _."""
    return {short(r["userPrincipalName"]): r["c7n:unused"] for r in resources(out, name)}


def short(name: str) -> str:
    return name.partition("@")[0].partition("_")[0]
