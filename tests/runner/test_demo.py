"""The demos: what README shows of them comes, and each cloud's life of a mark is played to its end."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from custom_filters.outputs.action_logs import journals
from custom_filters.outputs.run_folder import MANIFEST, find_run
from custom_filters.runner.main import cli
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
#: What differs from run to run: where the run is, and who stands for all that could not be restored.
PASSING = re.compile(r"out/demo/\S+|For example .+")


def invoke(*args: object) -> Result:
    return CliRunner().invoke(cli, ["demo", *map(str, args)])


def shown(command: str) -> list[str]:
    """The lines that README shows below a command."""
    (found,) = re.findall(rf"^\$ {re.escape(command)}\n(.*?)(?=^\$ |^```)", README, re.MULTILINE | re.DOTALL)
    return stable(found)


def stable(output: str) -> list[str]:
    return [PASSING.sub("...", line).strip() for line in output.splitlines()]


@pytest.mark.slow
def test_the_demo_is_as_the_readme_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert stable(invoke().output) == shown("make demo")


@pytest.mark.slow
def test_the_enforcing_demo_is_as_the_readme_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("--enforce")
    assert result.exit_code == 0, result.output
    readme = shown(".venv/bin/c7n-unused demo --enforce")
    assert [line for line in stable(result.output) if line in readme] == readme
    names = {policy["name"] for policy in manifest(tmp_path / "out/demo")["policies"]}
    assert not [name for name in names if "role" in name]


@pytest.mark.slow
@pytest.mark.parametrize("cloud", ["azure", "gcp"])
def test_other_clouds_enforce_and_restore(tmp_path: Path, cloud: str) -> None:
    result = invoke("--enforce", "--clouds", cloud, "-s", tmp_path)
    assert result.exit_code == 0, result.output
    told = re.findall(r"^(Day 0|Day 15|Restore) +(\d+) credentials of", result.output, re.MULTILINE)
    counts = {step: int(number) for step, number in told}
    assert counts["Day 0"] - 2 == counts["Day 15"] == counts["Restore"] > 0
    assert result.output.count("the mark was taken off, nothing was disabled") == 2
    assert len(journals([str(tmp_path)])) >= 3


def test_enforcing_plays_in_one_cloud(tmp_path: Path) -> None:
    result = invoke("--enforce", "--clouds", "aws,gcp", "-s", tmp_path)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "choose one" in result.output


def manifest(out: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = json.loads((find_run(out) / MANIFEST).read_text())
    return found


def test_demo_shows_every_cloud_that_has_policies(tmp_path: Path) -> None:
    result = invoke("--users", 20, "-s", tmp_path)
    assert result.exit_code == 0, result.output
    for provider in {policy["provider"] for policy in manifest(tmp_path)["policies"]}:
        row = next(line for line in result.output.splitlines() if line.startswith(f"│ {provider} "))
        evaluated, _, attempted = row.split("│")[-2].strip().partition(" of ")
        assert evaluated == attempted
