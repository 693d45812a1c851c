"""Stock Custodian, as a child process, on the embedded Entra."""

from __future__ import annotations

import itertools
import json
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from custom_filters.azure.notes import APP_VARIABLE, Properties, properties_for
from custom_filters.sandbox.azure.people import Activity, Person
from custom_filters.sandbox.sandbox import Sandbox, Settings

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "policies/azure/report.yml"
ENFORCE = ROOT / "policies/azure/enforce.yml"
CUSTODIAN = Path(sysconfig.get_path("scripts"), "custodian")
DOMAIN = "contoso.example"

_seeds = itertools.count(2000)


@contextmanager
def embedded(**settings: Any) -> Iterator[Sandbox]:
    """An empty tenant of its own, unless settings say otherwise."""
    made = Settings(**{"users": 0, "seed": next(_seeds), "clouds": ("azure",), **settings})
    with Sandbox(made) as sandbox:
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


def policy(name: str, *filters: dict[str, Any], actions: Any = (), **options: Any) -> dict[str, Any]:
    """A policy with our filter behind the given ones."""
    options = {key.replace("_", "-"): value for key, value in options.items()}
    found = [*filters, {"type": "unused-credentials", **options}]
    made: dict[str, Any] = {"name": name, "resource": "azure.directory-user", "filters": found}
    return {**made, "actions": list(actions)} if actions else made


def custodian(
    sandbox: Sandbox,
    out: Path,
    *policies: Path | dict[str, Any],
    verb: str = "run",
    only: str = "",
    skip_validation: bool = False,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """`custodian run` on files and on policies written here; its log is in stderr."""
    out.mkdir(parents=True, exist_ok=True)
    written = [p for p in policies if isinstance(p, dict)]
    files = [str(p) for p in policies if isinstance(p, Path)]
    if written:
        own = out / "policies.json"
        own.write_text(json.dumps({"policies": written}))
        files.append(str(own))
    where = ["-s", str(out)] if verb == "run" else []
    where += ["-p", only] if only else []
    where += ["--skip-validation"] if skip_validation else []
    return subprocess.run(
        [str(CUSTODIAN), verb, *where, *files],
        env={**sandbox.child_environment(), APP_VARIABLE: sandbox.azure.app.client, **environment},
        cwd=out, capture_output=True, text=True, check=False,
    )  # fmt: skip


def resources(out: Path, name: str) -> list[dict[str, Any]]:
    """What a policy selected."""
    found: list[dict[str, Any]] = json.loads((out / name / "resources.json").read_text())
    return found


def judged(out: Path, name: str) -> dict[str, dict[str, Any]]:
    """The annotations of a policy's resources, by the part of the name before @ or _."""
    return {short(r["userPrincipalName"]): r["c7n:unused"] for r in resources(out, name)}


def short(name: str) -> str:
    return name.partition("@")[0].partition("_")[0]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]
