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
        yield sandbox


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
        env={**sandbox.child_environment(), **environment},
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
