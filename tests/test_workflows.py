"""The workflows: valid, with the least rights, and their scripts do what they say."""

from __future__ import annotations

import hashlib
import os
import re
import venv
from pathlib import Path

import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from custom_filters.sandbox.sandbox import Sandbox, Settings
from tests.aws.runs import embedded
from tests.conftest import Env
from tests.stages import STAGES
from tests.workflows import UNUSED, WORKFLOWS, check_out, jobs, run_script, run_step


@pytest.mark.parametrize("workflow", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.stem)
def test_github_understands_it(workflow: Path) -> None:
    arguments = ["--builtin-schema", "vendor.github-workflows", str(workflow)]
    checked = CliRunner().invoke(check_jsonschema, arguments)
    assert checked.exit_code == 0, checked.output


@pytest.mark.parametrize("workflow", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_scripts_by_hash(workflow: Path) -> None:
    text = workflow.read_text()
    used = re.findall(r"uses: (.+)", text)
    assert [name for name in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", name)] == []
    installs = re.findall(r"pip install (.+)", text)
    ours = '--quiet --no-deps "$wheel"'  # what the release has just built
    assert [line for line in installs if "--require-hashes --no-deps" not in line and line != ours] == []


def test_the_whole_matrix_is_played_for_every_kind() -> None:
    job = yaml.safe_load((WORKFLOWS / "ci.yml").read_text())["jobs"]["faults"]
    assert job["strategy"]["matrix"]["kind"] == list(STAGES)
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make faults", "make months"]


def test_only_a_log_in_and_the_release_may_write() -> None:
    rights = {
        (path.stem, name): job.get("permissions", {})
        for path in WORKFLOWS.glob("*.yml")
        for name, job in yaml.safe_load(path.read_text())["jobs"].items()
    }
    writers = {key for key, given in rights.items() if "write" in given.values()}
    assert writers == {("release", "attach"), *(("unused", name) for name in jobs())}
    assert rights["release", "attach"] == {"contents": "write"}
    for path in WORKFLOWS.glob("*.yml"):
        assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}


def test_nothing_of_a_stranger_reaches_a_script() -> None:
    """Values come by the environment: an expression inside a script would be run as a part of it."""
    every = [yaml.safe_load(path.read_text())["jobs"] for path in WORKFLOWS.glob("*.yml")]
    steps = [step for found in every for job in found.values() for step in job["steps"]]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def test_every_job_waits_until_it_is_asked_for_and_may_only_read() -> None:
    assert yaml.safe_load(UNUSED.read_text())["permissions"] == {"contents": "read"}
    for job in jobs().values():
        assert "vars.C7N_UNUSED_" in job["if"]
        assert job["permissions"] == {"contents": "read", "id-token": "write"}


@pytest.mark.parametrize(
    ("variable", "code", "said"),
    [
        ("file://{wheel}#sha256={digest}", 0, ""),
        ("file://{wheel}#sha256={wrong}", 1, "DO NOT MATCH THE HASHES"),
        ("file://{wheel}", 1, "Hashes are required"),
        ("", 1, "set the repository variable C7N_UNUSED_WHEEL"),
    ],
)
def test_the_wheel_is_installed_by_its_hash_only(
    tmp_path: Path, wheels: dict[str, Path], variable: str, code: int, said: str
) -> None:
    """In an environment of its own; constraints.txt is empty, so that nothing is downloaded here."""
    digest = hashlib.sha256(wheels["wheel"].read_bytes()).hexdigest()
    venv.create(tmp_path / "venv", with_pip=True)
    (tmp_path / "constraints.txt").touch()
    path = os.pathsep.join([str(tmp_path / "venv" / "bin"), os.defpath])
    wheel = variable.format(wheel=wheels["wheel"], digest=digest, wrong="0" * 64)
    [script] = [step["run"] for step in jobs()["clouds"]["steps"] if step.get("id") == "install"]
    done = run_script(script, tmp_path, {**os.environ, "PATH": path, "WHEEL": wheel})
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert bool(list(tmp_path.glob("venv/lib/*/site-packages/custom_filters"))) is (code == 0)


def test_google_without_a_workspace_ends_well(tmp_path: Path) -> None:
    """The policies of service accounts are chosen by their tag, and none asks for a user."""
    checkout = check_out(tmp_path)
    [step] = [step for step in jobs()["clouds"]["steps"] if step.get("id") == "run"]
    assert step["env"]["TAG"] == (
        "${{ matrix.cloud == 'gcp' && !vars.GOOGLE_WORKSPACE_CUSTOMER && 'project' || '' }}"
    )
    with Sandbox(Settings(users=30, clouds=("gcp",))) as sandbox:
        env = {k: v for k, v in sandbox.child_environment().items() if not k.startswith("GOOGLE_WORKSPACE")}
        done = run_step("clouds", "run", checkout, env, CLOUD="gcp", TAG="project", FAIL_ON="")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "6 of 6" in done.stdout


def test_a_release_is_tried_outside_the_repository(tmp_path: Path, wheel_env: Env) -> None:
    """The commands after the installation, with the wheel's own environment."""
    steps = yaml.safe_load((WORKFLOWS / "release.yml").read_text())["jobs"]["build"]["steps"]
    [script] = [step["run"] for step in steps if step.get("id") == "try"]
    lines = [
        line for line in script.splitlines() if "c7n-unused init" in line or "custodian validate" in line
    ]
    assert len(lines) == 2
    (tmp_path / "start").mkdir()
    (tmp_path / "venv").symlink_to(wheel_env.folder)
    (wheel_env.folder / "bin" / "custodian").write_text(
        f"#!{wheel_env.python}\nfrom c7n.cli import main\nmain()\n"
    )
    (wheel_env.folder / "bin" / "custodian").chmod(0o755)
    done = run_script("\ncd start\n".join(lines), tmp_path, dict(os.environ))
    assert done.returncode == 0, done.stderr


def test_the_steps_for_one_cloud(tmp_path: Path) -> None:
    checkout, summary = check_out(tmp_path), tmp_path / "summary.md"
    with embedded(users=30) as sandbox:
        env = sandbox.child_environment()
        more = {"CLOUD": "aws", "FAIL_ON": "stale,never-used", "GITHUB_STEP_SUMMARY": str(summary)}
        ended = [run_step("clouds", step, checkout, env, **more) for step in ("validate", "run", "summary")]
    assert [done.returncode for done in ended] == [0, 1, 0], [done.stderr for done in ended]
    assert "Everything was evaluated: 4 policy runs" in summary.read_text()
