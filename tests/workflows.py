"""The scripts of the workflow that users copy, run in a folder that is laid out as it says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"
UNUSED = WORKFLOWS / "unused.yml"


def jobs() -> dict[str, Any]:
    """The jobs of unused.yml."""
    found: dict[str, Any] = yaml.safe_load(UNUSED.read_text())["jobs"]
    return found


def check_out(folder: Path) -> Path:
    """What a user's repository holds: policies/ beside the workflow."""
    shutil.copytree(ROOT / "policies", folder / "policies")
    return folder


def run_step(
    job: str, step: str, checkout: Path, env: Mapping[str, str], **more: str
) -> CompletedProcess[str]:
    """Run a step's script as the runner does, with `env` and with variables of the workflow."""
    [script] = [s["run"] for s in jobs()[job]["steps"] if s.get("id") == step]
    path = os.pathsep.join((sysconfig.get_path("scripts"), env.get("PATH", os.defpath)))
    return run_script(script, checkout, {**env, "PATH": path, **more})


def run_script(script: str, folder: Path, env: Mapping[str, str]) -> CompletedProcess[str]:
    """Run a script in `folder` as the runner does."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=env, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
