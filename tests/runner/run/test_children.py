from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from custom_filters.outputs.policy_output import last_error
from custom_filters.outputs.run_folder import MANIFEST, ChildEnd, find_run, new_run_folder
from custom_filters.runner import tables
from custom_filters.runner.run import children
from custom_filters.runner.run.children import (
    Batch,
    Child,
    aws_region,
    custodian,
    make_batches,
    run_children,
)
from custom_filters.runner.run.policy_files import read

MIXED = """
vars: {x: 1}
policies:
- {name: one, resource: iam-user}
- {name: two, resource: gcp.service-account}
- {name: three, resource: aws.iam-user}
"""


def test_a_file_for_one_provider_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("policies: [{name: one, resource: aws.iam-user}]")
    (batch,) = make_batches([read(path)], tmp_path / "workspace")
    assert batch.files == (path,)


def test_a_mixed_file_is_split_by_provider(tmp_path: Path) -> None:
    path, workspace = tmp_path / "mixed.yml", tmp_path / "workspace"
    path.write_text(MIXED)
    workspace.mkdir()
    batches = make_batches([read(path)], workspace)
    written = {b.provider: yaml.safe_load(b.files[0].read_text()) for b in batches}
    assert [p["name"] for p in written["aws"]["policies"]] == ["one", "three"]
    assert [p["name"] for p in written["gcp"]["policies"]] == ["two"]
    assert written["gcp"]["vars"] == {"x": 1}
    assert {file.parent for batch in batches for file in batch.files} == {workspace}


@pytest.mark.parametrize(
    ("log", "error"),
    [
        ("", None),
        ("something\nelse\n", "else"),
        ("2026-01-01: custodian.policy:ERROR no such user\nlater\n", "no such user"),
        (
            "Traceback:\n  File x\nbotocore.exceptions.NoCredentialsError: Unable to locate\n",
            "Unable to locate",
        ),
        ("2026: custodian:ERROR why\n2026: custodian:ERROR The following policies had errors\n - x\n", "why"),
        ("requests.exceptions.ReadTimeout: read timed out\n", "read timed out"),
        ("KeyError: 'a'\n", "an unexpected error, 'a'; the log has its traceback"),
        (
            "2026: custodian.policy:ERROR Error while executing policy\nx.Error: why: 30 %\nand how\n",
            "why: 30 %",
        ),
        ("KeyError: 'a'\nc7n.exceptions.ResourceLimitExceeded: policy:x exceeded\n", "policy:x exceeded"),
    ],
)
def test_the_last_error_of_a_log(log: str, error: str | None) -> None:
    assert last_error(log) == error


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_REGION": "us-gov-west-1"}, "us-gov-west-1"),
    ],
)
def test_the_region_is_the_environments(environment: dict[str, str], region: str) -> None:
    assert aws_region(environment) == region


def test_without_a_named_region_it_is_the_profiles_or_us_east_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert aws_region({}) == "us-east-1"
    config.write_text("[default]\nregion = cn-north-1\n")
    assert aws_region({}) == "cn-north-1"


def test_the_manifest_is_there_before_anything_starts(tmp_path: Path) -> None:
    folder = new_run_folder(tmp_path / "out", [("aws", "one", "aws.iam-user")], dryrun=True)
    before = json.loads((folder.path / MANIFEST).read_text())
    assert before["policies"] == [
        {"provider": "aws", "name": "one", "resource": "aws.iam-user", "folder": "aws/one"}
    ]
    assert (before["schema"], before["dryrun"], before["finished"], before["children"]) == (1, True, None, [])
    assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.end([ChildEnd("aws", 2, "aws.log", "it failed")])
    after = json.loads((folder.path / MANIFEST).read_text())
    assert after["children"] == [
        {"provider": "aws", "exit_code": 2, "log": "aws.log", "problem": "it failed"}
    ]
    assert after["finished"] > after["started"] == before["started"]


def test_latest_leads_to_the_newest_run(tmp_path: Path) -> None:
    new_run_folder(tmp_path, [], dryrun=True)
    newest = new_run_folder(tmp_path, [], dryrun=True).path
    assert find_run(tmp_path) == find_run(newest) == newest
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").write_text(newest.name + "\n")  # where there are no symbolic links
    assert find_run(tmp_path) == newest


def test_children_are_stopped_with_their_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(children, "custodian", lambda *_: sleeping)
    started: list[Child] = []

    def tick(running: Sequence[Child]) -> None:
        started.extend(running)
        os.kill(os.getpid(), signal.SIGTERM)

    batch = Batch("gcp", (), ())
    with pytest.raises(KeyboardInterrupt):
        run_children([batch], tmp_path, dryrun=True, environment=dict(os.environ), tick=tick)
    assert started[0].process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("quiet", [True, False])
def test_what_a_child_is_doing_is_told_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    script = (
        "import time; from custom_filters.custodian.progress import Progress\n"
        "Progress('users read', 5000).add(1200); time.sleep(600)"
    )
    monkeypatch.setattr(children, "custodian", lambda *_: [sys.executable, "-c", script])
    monkeypatch.setattr(tables, "_TOLD_EVERY", 0.0 if quiet else 600.0)
    batch, said = Batch("gcp", (), ()), []
    with tables.progress(tmp_path) as shown:

        def tick(running: Sequence[Child]) -> None:
            shown(running)
            if running[0].doing():
                said.append(running[0].doing())
                running[0].process.terminate()

        run_children([batch], tmp_path, dryrun=True, environment=dict(os.environ), tick=tick)
    assert said[0] == "1,200 of 5,000 users read"
    assert ("gcp: 1,200 of 5,000 users read\n" in capsys.readouterr().err) is quiet
    assert [path.name for path in tmp_path.iterdir()] == ["gcp.log"]


PLANTED = ("custom_filters/__init__.py", "sitecustomize.py", "usercustomize.py", "yaml.py", "c7n/__init__.py")


@pytest.mark.parametrize("python_path", [None, "", ".", "{here}", ":/nowhere"])
def test_what_lies_in_the_current_directory_is_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python_path: str | None
) -> None:
    for name in PLANTED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"print('imported {name}')\nraise SystemExit(99)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), *sys.path])
    environment = {
        **os.environ,
        **({} if python_path is None else {"PYTHONPATH": python_path.format(here=tmp_path)}),
    }
    done = subprocess.run(custodian("version"), env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, version("c7n")), done.stderr
