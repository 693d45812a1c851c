"""Enforcing, from end to end: plan, question, mark, notice, switching off, record, restore."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from custom_filters.core.population import FILE_NAME
from custom_filters.runner.main import cli
from custom_filters.runner.run.policy_files import shipped
from custom_filters.sandbox.sandbox import Sandbox
from tests.runner.test_report import unpacked


def invoke(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """The shipped policies for users, at most 20 at once, nobody exempt."""
    data: list[Any] = [p.data for file in shipped("enforce", ["aws"]) for p in file.policies]
    users = [policy for policy in data if policy["name"].startswith("aws-iam-user")]
    for policy in users:
        policy["max-resources"] = 20
        for found in policy["filters"]:
            found.update({"exemptions": "none"} if found.get("type") == "unused-credentials" else {})
    path = tmp_path / "enforce.yml"
    path.write_text(yaml.safe_dump({"policies": users}))
    return path


def actions(out: Path) -> list[dict[str, Any]]:
    logs = sorted(out.rglob("c7n-unused-actions.jsonl"))
    return [json.loads(line) for log in logs for line in log.read_text().splitlines()]


@pytest.mark.slow
def test_marked_given_notice_disabled_restored(sandbox: Sandbox, tmp_path: Path, policies: Path) -> None:
    out = tmp_path / "out"
    first = invoke("run", "--enforce", "--yes", "-s", out, policies)
    assert first.exit_code == 0, first.output
    assert " due 20" in first.output
    assert {entry["operation"] for entry in actions(out)} == {"mark"}

    later = datetime.now(timezone.utc) + timedelta(days=14, hours=1)
    second = invoke("run", "--enforce", "--yes", "-s", out, "--now", later.isoformat(), policies)
    assert second.exit_code == 0, second.output
    off = [e for e in actions(out) if (e["operation"], e["result"]) == ("disable", "done")]
    assert f"disabled {len(off)} (undo: c7n-unused restore" in second.output
    assert invoke("verify", out).exit_code == 0

    key = next(e for e in off if e["credential"]["kind"] == "access-key")
    arguments = ["restore", str(out), "--user", key["principal"]["user"], "-s", str(out)]
    back = CliRunner().invoke(cli, arguments, env={"C7N_UNUSED_NOW": later.isoformat()})
    assert back.exit_code == 0, back.output
    assert invoke("explain", out, "--user", key["principal"]["user"]).exit_code == 0
    assert f"done enable aws {key['principal']['user']} access-key {key['credential']['id']}" in back.output


def test_too_many_at_once_change_nothing(sandbox: Sandbox, tmp_path: Path, policies: Path) -> None:
    policies.write_text(policies.read_text().replace("max-resources: 20", "max-resources: 1"))
    later = datetime.now(timezone.utc) + timedelta(days=200)
    result = invoke("run", "--enforce", "--yes", "-s", tmp_path, "--now", later.isoformat(), policies)
    assert result.exit_code == 3
    assert "more than its max-resources of 1, and changed nothing: look through the report" in result.output
    assert "Nothing was changed." in result.output
    assert actions(tmp_path) == []


def test_whom_exemptions_match_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    """By the shipped report: an entry that matches nobody, and whom a pattern matches."""
    expires = str(datetime.now(timezone.utc).date() + timedelta(days=99))
    usual = {"provider": "aws", "reason": "sealed", "approved_by": "ciso@example.com", "expires": expires}
    (name, *_), users = sorted(sandbox.aws.snapshot()), sandbox.aws.snapshot()
    team = [user for user in users if user.startswith("svc-")]
    entries = [{"account": "*", "user": user, **usual} for user in (name, "svc-*", "no.body")]
    (tmp_path / "exemptions.yml").write_text(yaml.safe_dump({"exemptions": entries}))
    data = [p.data for file in shipped("report", ["aws"]) for p in file.policies if "user" in p.name]
    for found in (found for policy in data for found in policy["filters"]):
        if found["type"] == "unused-credentials":
            found["exemptions"] = str(tmp_path / "exemptions.yml")
    path = tmp_path / "report.yml"
    path.write_text(yaml.safe_dump({"policies": data}))
    run = invoke("run", "-s", tmp_path / "out", path)
    assert "the exemption of no.body in the aws account * matches nobody: correct it" in run.output
    assert f"the exemption of svc-* in the aws account * matches {len(team)}: {min(team)}, " in run.output
    assert f"the exemption of {name} in" in run.output
    assert "| aws \\* | no.body | nobody |" in (tmp_path / "out/latest/report/report.md").read_text()


def test_a_changed_log_is_found(tmp_path: Path) -> None:
    (tmp_path / "c7n-unused-actions.jsonl").write_text('{"previous": "0", "hash": "0"}\n')
    result = invoke("verify", tmp_path)
    assert result.exit_code == 1
    assert "line 1 was changed after it was written" in result.output


def test_with_redact_nothing_that_is_shown_or_reported_names_anybody(
    sandbox: Sandbox, tmp_path: Path, policies: Path
) -> None:
    """Users, their ids and credentials, owners, and whom and why an exemption names: in every byte."""
    expires = str(datetime.now(timezone.utc).date() + timedelta(days=99))
    entry = {
        "provider": "aws", "account": "*", "user": min(sandbox.aws.snapshot()), "reason": "leave of Zebedee",
        "approved_by": "chief.zebedee@example.com", "expires": expires,
    }  # fmt: skip
    (tmp_path / "exemptions.yml").write_text(yaml.safe_dump({"exemptions": [entry]}))
    path = str(tmp_path / "exemptions.yml")
    policies.write_text(policies.read_text().replace("exemptions: none", f"exemptions: {path}"))
    out = tmp_path / "out"
    run = invoke("run", "--enforce", "--yes", "--redact", "-s", out, policies)
    assert run.exit_code == 0, run.output
    lines = [line for path in out.rglob(FILE_NAME) for line in path.read_text().splitlines()]
    examined = [row for row in map(json.loads, lines) if "user_id" in row]
    people = [*examined, *(entry["principal"] for entry in actions(out))]
    names = {
        text.lower() for who in people for text in (who["user"], who["user_id"], who.get("owner")) if text
    }
    held = [credential["id"] for row in examined for credential in row["credentials"]]
    held += [entry["credential"]["id"] for entry in actions(out) if entry["credential"]]
    names |= {name.lower() for name in held if any(c.isdigit() for c in name) and len(name) > 12}
    names.add("zebedee")
    assert len(names) > 40
    reports = [path for path in (out / "latest/report").rglob("*") if path.is_file()]
    assert "c7n-unused-actions.redacted.jsonl" in {path.name for path in reports}
    shown = {"the terminal": run.output.encode(), **{path.name: unpacked(path) for path in reports}}
    named = [
        (where, name) for where, text in shown.items() for name in names if name.encode() in text.lower()
    ]
    assert named == []
