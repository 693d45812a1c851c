"""Who started a run, and which commit its policies are of."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from custom_filters.runner.run.engine import commit_of, ran_by


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """A policy file in a repository, committed."""
    file = tmp_path / "repository" / "policies" / "p.yml"
    file.parent.mkdir(parents=True)
    file.write_text("policies: []\n")
    for args in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, "-C", str(tmp_path / "repository"), *args], check=True)
    return file


def test_policies_are_of_a_commit_only_as_it_holds_them(committed: Path, tmp_path: Path) -> None:
    head = ["git", "-C", str(committed.parent), "rev-parse", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
    assert commit_of([committed]) == commit
    for other in (committed.with_name("new.yml"), tmp_path / "outside.yml"):
        other.write_text("policies: []\n")
        assert commit_of([committed, other]) == ""
    committed.write_text("policies:\n")
    assert commit_of([committed]) == ""


def test_without_git_there_is_no_commit(committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit_of([committed]) == ""


def test_a_workflow_names_the_person_and_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTOR", raising=False)
    assert " on " in ran_by()
    for name, text in (("ACTOR", "ann"), ("RUN_ID", "7"), ("SERVER_URL", "https://x"), ("REPOSITORY", "o/r")):
        monkeypatch.setenv(f"GITHUB_{name}", text)
    assert ran_by() == "ann in https://x/o/r/actions/runs/7"
