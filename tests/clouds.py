"""Stock Custodian, as a child process, on one embedded cloud; tests/CLOUD/runs.py has what differs."""

from __future__ import annotations

import itertools
import json
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from custom_filters.sandbox.sandbox import Sandbox, Settings
from tests.warm import Run, warm

ROOT = Path(__file__).resolve().parent.parent
CUSTODIAN = Path(sysconfig.get_path("scripts"), "custodian")
VERDICTS = ["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used"]

_seeds = itertools.count(1000)


@contextmanager
def started(cloud: str, **settings: Any) -> Iterator[Sandbox]:
    """One cloud of its own, with nobody in it unless settings say otherwise."""
    with Sandbox(Settings(**{"users": 0, "seed": next(_seeds), "clouds": (cloud,), **settings})) as sandbox:
        yield sandbox


def policy(
    resource: str, name: str, *filters: dict[str, Any], actions: Any = (), **options: Any
) -> dict[str, Any]:
    """A policy with our filter behind the given ones; an option's `_` stands for `-`."""
    options = {key.replace("_", "-"): value for key, value in options.items()}
    found = [*filters, {"type": "unused-credentials", **options}]
    made: dict[str, Any] = {"name": name, "resource": resource, "filters": found}
    return {**made, "actions": list(actions)} if actions else made


def written(folder: Path, policies: list[dict[str, Any]], name: str = "policies") -> list[str]:
    """The file that holds these policies; none for none."""
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"policies": policies}))
    return [str(file)] if policies else []


def custodian(
    sandbox: Sandbox,
    out: Path,
    *policies: Path | dict[str, Any],
    only: str = "",
    options: Sequence[str] = (),
    hurried: bool = True,
    **environment: str,
) -> CompletedProcess[str]:
    """`custodian run` on files and on policies written here; its log is in stderr.

    It runs in a fork of tests.warm (`run` starts the script anew). `hurried`: pacing takes no time, which a
    sandbox that counts calls a second would punish.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = [str(p) for p in policies if isinstance(p, Path)]
    files += written(out, [p for p in policies if isinstance(p, dict)])
    chosen = ["-p", only] if only else []
    arguments = ["run", "-s", str(out), *chosen, *options, *files]
    [cloud] = sandbox.clouds
    with tempfile.TemporaryDirectory() as folder:
        log, printed = Path(folder, "log"), Path(folder, "printed")
        env = {**sandbox.child_environment(), **environment}
        one = Run(arguments, env, str(out), str(log), printed=str(printed), hurried=hurried)
        [code] = warm(cloud).run(one)
        return CompletedProcess(arguments, code, printed.read_text(), log.read_text())


def run(*arguments: str, env: Mapping[str, str], cwd: Path) -> CompletedProcess[str]:
    """Stock Custodian with these arguments."""
    command = [str(CUSTODIAN), *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False)


def resources(out: Path, name: str) -> list[dict[str, Any]]:
    """What a policy selected."""
    found: list[dict[str, Any]] = json.loads((out / name / "resources.json").read_text())
    return found


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]
