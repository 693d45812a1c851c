"""The stock commands, in processes of their own, where Python is told not to load us by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from custom_filters import autoload
from custom_filters.runner.main import cli

SPAWN = """
import contextlib, multiprocessing
from custom_filters import autoload
from custom_filters.runner.main import main
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    with contextlib.suppress(SystemExit):
        main(["c7n-org", "--help"])
    from c7n_org import cli
    with cli.ProcessPoolExecutor(max_workers=1) as pool:
        print("worker:", pool.submit(autoload.status).result())
"""
POLICY = {
    "name": "unused",
    "resource": "aws.iam-user",
    "filters": [{"type": "unused-credentials", "verdicts": ["stale", "never-used"]}],
}


def python(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "C7N_UNUSED_AUTOLOAD": "0", **more}
    return subprocess.run(
        [sys.executable, *args], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "policy.yml"
    path.write_text(yaml.safe_dump({"policies": [POLICY]}))
    return str(path)


def test_custodian_knows_the_vocabulary_and_passes_its_exit_code_on(policy: str, tmp_path: Path) -> None:
    assert python("-m", "custom_filters", "custodian", "validate", policy).returncode == 0
    assert python("-m", "c7n.cli", "validate", policy).returncode == 1, "autoload is off: only we know it"
    assert python("-m", "custom_filters", "custodian", "validate", str(tmp_path / "none.yml")).returncode == 1
    assert "usage: custodian run" in python("-m", "custom_filters", "custodian", "run", "--help").stdout


def test_spawned_c7n_org_workers_know_the_vocabulary(tmp_path: Path) -> None:
    script = tmp_path / "spawn.py"
    script.write_text(SPAWN)
    done = python(str(script))
    assert "custodian organization multi-account runner" in done.stdout
    assert done.stdout.splitlines()[-1] == f"worker: {autoload.EXPLICIT}"


def test_a_missing_c7n_org_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_filters.runner.passthrough.find_spec", lambda _: None)
    result = CliRunner().invoke(cli, ["c7n-org", "run", "-c", "x"])
    assert result.exit_code == 2
    assert result.output.strip() == "Error: c7n-org is not installed here: pip install 'c7n-unused[org]'."


def test_sandbox_passes_the_exit_code_on_and_hides_real_log_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    left = "os.environ.keys() & {'AWS_PROFILE', 'C7N_UNUSED_SANDBOX'}"
    code = f"import os, sys; sys.exit(7 if {left} == {{'C7N_UNUSED_SANDBOX'}} else 1)"
    args = ["sandbox", "--users", "1", "--clouds", "aws", "--", sys.executable, "-c", code]
    assert CliRunner().invoke(cli, args).exit_code == 7
