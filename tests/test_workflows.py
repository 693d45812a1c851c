"""The workflows: valid, with the least rights, and their scripts do what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from tests.aws.runs import embedded
from tests.workflows import UNUSED, WORKFLOWS, check_out, jobs, run_step


@pytest.mark.parametrize("workflow", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.stem)
def test_github_understands_it(workflow: Path) -> None:
    arguments = ["--builtin-schema", "vendor.github-workflows", str(workflow)]
    checked = CliRunner().invoke(check_jsonschema, arguments)
    assert checked.exit_code == 0, checked.output


def test_nothing_of_a_stranger_reaches_a_script() -> None:
    """Values come by the environment: an expression inside a script would be run as a part of it."""
    scripts = [step["run"] for job in jobs().values() for step in job["steps"] if "run" in step]
    assert [script for script in scripts if "${{" in script] == []


def test_every_job_waits_until_it_is_asked_for_and_may_only_read() -> None:
    assert yaml.safe_load(UNUSED.read_text())["permissions"] == {"contents": "read"}
    for job in jobs().values():
        assert "vars.C7N_UNUSED_" in job["if"]
        assert job["permissions"] == {"contents": "read", "id-token": "write"}


def test_the_steps_for_one_cloud(tmp_path: Path) -> None:
    checkout, summary = check_out(tmp_path), tmp_path / "summary.md"
    with embedded(users=30) as sandbox:
        env = sandbox.child_environment()
        more = {"CLOUD": "aws", "FAIL_ON": "stale,never-used", "GITHUB_STEP_SUMMARY": str(summary)}
        ended = [run_step("clouds", step, checkout, env, **more) for step in ("validate", "run", "summary")]
    assert [done.returncode for done in ended] == [0, 1, 0], [done.stderr for done in ended]
    assert "3 policy runs evaluated" in summary.read_text()
