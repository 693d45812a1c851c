"""From end to end: real Custodian children against the embedded AWS."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from custom_filters.outputs.run_folder import MANIFEST, find_run
from custom_filters.runner.main import cli
from custom_filters.runner.run import children
from custom_filters.sandbox.sandbox import Sandbox

UNUSED = "aws-iam-user-unused"


def invoke(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def manifest(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((find_run(out) / MANIFEST).read_text())
    return content


def selected(out: Path, policy: str) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = json.loads(
        (find_run(out) / "aws" / policy / "resources.json").read_text()
    )
    return resources


def test_run_reports_and_fails_on_what_it_was_told_to(sandbox: Sandbox, tmp_path: Path) -> None:
    result = invoke("run", "-p", "aws", "-s", tmp_path, "--fail-on", "stale,never-used")
    assert result.exit_code == 1, result.output
    assert "7 of 7" in result.output
    report = Path(result.output.partition("Report: ")[2].strip())
    assert "<html" in report.read_text()
    assert {file.name for file in report.parent.iterdir()} >= {"report.html", "report.md", "report.csv"}
    assert [child["exit_code"] for child in manifest(tmp_path)["children"]] == [0]
    assert not any(":Tag" in call or ":Update" in call for call in sandbox.calls)

    user = selected(tmp_path, UNUSED)[0]["UserName"]
    explained = invoke("explain", tmp_path, "--user", user)
    assert explained.exit_code == 0
    assert f": {user} (" in explained.output
    other = invoke("explain", tmp_path, "--user", f"{user}x")
    assert other.exit_code == 2
    assert f"is called {user}x: no policy examined such a user." in other.output
    assert user in other.output.partition("Near: ")[2]


def test_several_thresholds_share_one_fetch(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.calls.clear()
    result = invoke("run", "-p", "aws", "-s", tmp_path, "--days", "30,365")
    assert result.exit_code == 0, result.output
    assert sandbox.calls["aws:GetCredentialReport"] <= 2
    values = [resource["c7n:unused"] for resource in selected(tmp_path, UNUSED)]
    assert {value["threshold_days"] for value in values} == {30}
    found = [value for value in values if value["user_verdict"] != "exempt"]
    reached = {
        days: [v for v in found if all(days in c["exceeds"] for c in v["credentials"])] for days in (30, 365)
    }
    assert len(found) == len(reached[30]) > len(reached[365]) > 0
    rows = [[cell.strip() for cell in line.split("│")[2:-2]] for line in result.output.splitlines()]
    for days, values in reached.items():
        assert [UNUSED, str(days), str(len(values))] in rows


def test_a_denied_call_is_not_evaluated(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults["deny"] = "GetCredentialReport"
    result = invoke("run", "-p", "aws", "-s", tmp_path, "--fail-on", "stale")
    assert result.exit_code == 3
    assert ": the policy failed: " in result.output
    report = json.loads((find_run(tmp_path) / "report" / "report.json").read_text())
    assert UNUSED in {e["policy"] for e in report["evaluations"] if not e["evaluated"]}
    assert "AccessDenied" in result.output
    assert "`c7n-unused doctor -p aws` checks what a run needs." in result.output
    assert "custodian ended with exit code 2" in manifest(tmp_path)["children"][0]["problem"]


def test_a_child_that_dies_is_not_evaluated(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    monkeypatch.setattr(children, "custodian", lambda *_: dying)
    result = invoke("run", "-p", "aws", "-s", tmp_path)
    assert result.exit_code == 3
    assert result.output.count("custodian was ended by signal 9") == 1
    assert "and 4 more: custodian was ended" in result.output
    assert "0 of 7" in result.output


def test_given_policies_keep_the_current_directory(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = "provider: aws, account: '*', user: 'AIDA*'"  # the ids of all IAM users
    soon = datetime.now(timezone.utc) + timedelta(days=300)
    (tmp_path / "exempt.yml").write_text(
        f"exemptions: [{{{who}, reason: all, approved_by: me, expires: {soon:%Y-%m-%d}}}]"
    )
    filters = "[{type: unused-credentials, exemptions: exempt.yml, verdicts: [stale, never-used]}]"
    (tmp_path / "mine.yml").write_text(
        f"policies: [{{name: mine, resource: aws.iam-user, filters: {filters}}}]"
    )
    monkeypatch.chdir(tmp_path)
    result = invoke("run", "-s", "out", "--days", "60", "mine.yml")
    assert result.exit_code == 0, result.output
    assert selected(tmp_path / "out", "mine") == []
    assert {path.name for path in tmp_path.iterdir()} == {"exempt.yml", "mine.yml", "out"}
