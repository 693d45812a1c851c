"""From a run's outputs: who was examined, what was done, what reviewers decided, and the pack."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from custom_filters.core.decision import basis_sha256
from custom_filters.core.population import FILE_NAME
from custom_filters.runner.main import cli
from tests.core.test_outcome import line
from tests.reports.samples import Output, credential, findings, user, value

ALICE, BOB = user("alice", credential(200)), user("bob", credential(2))
(FOUND,) = findings(value(ALICE))


def made(out: Path) -> Path:
    """One policy that examined two users, selected one and disabled it."""
    folder = Output([value(ALICE)], people=[ALICE, BOB]).write(out / "p")
    entry = {**line(FOUND, "disable", undo="restore it"), "policy": "p", "caller": "arn:ci"}
    (folder / "c7n-unused-actions.jsonl").write_text(json.dumps(entry) + "\n")
    return folder


def decisions(tmp_path: Path, choice: str = "disable") -> Path:
    entry = {
        "uid": FOUND["uid"], "basis_sha256": basis_sha256(FOUND), "decision": choice, "reason": "left",
        "reviewer": "ciso@example.com", "decided_at": "2026-11-23T06:00:00Z", "until": "2027-02-01T00:00:00Z",
    }  # fmt: skip
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps({"schema": 1, "report_sha256": "0", "decisions": [entry]}))
    return path


def run(tmp_path: Path, *args: str) -> Result:
    return CliRunner().invoke(cli, ["report", str(tmp_path / "out"), "-o", str(tmp_path / "report"), *args])


def reported(tmp_path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((tmp_path / "report" / "report.json").read_text())
    return content


def test_examined_done_and_decided(tmp_path: Path) -> None:
    made(tmp_path / "out")
    result = run(tmp_path, "-f", "json,users", "--decisions", str(decisions(tmp_path)))
    assert result.exit_code == 0, result.output
    assert "disabled 1 (undo: c7n-unused restore OUT --user USER)" in result.output
    assert "approved and still on 0" in result.output
    content = reported(tmp_path)
    (evaluation,), (finding,) = content["evaluations"], content["findings"]
    assert evaluation["sentence"].startswith("examined 2 = 1 active + 0 new + 1 stale + 0 never-used")
    assert (finding["phase"], finding["disabled_at"]) == ("disabled", "2026-11-23T06:00:00Z")
    assert (finding["done"]["undo"], finding["decision"]["state"]) == ("restore it", "in-force")
    rows = list(csv.DictReader((tmp_path / "report" / "report.users.csv").open(newline="")))
    assert [(row["user"], row["verdict"]) for row in rows] == [("alice", "stale"), ("bob", "active")]


DAMAGED = {
    "cut short": lambda text: "\n".join(text.splitlines()[:-1]),
    "of wrong types": lambda text: text.replace('"privileged": false', '"privileged": "no"'),
    "empty": lambda text: "",
}


@pytest.mark.parametrize("change", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_population_is_not_believed(tmp_path: Path, change: Any) -> None:
    path = made(tmp_path / "out") / FILE_NAME
    path.write_text(change(path.read_text()))
    assert run(tmp_path, "-f", "json").exit_code == 3
    assert FILE_NAME in reported(tmp_path)["evaluations"][0]["problem"]


LINES = {
    "not an object": "[]",
    "without a user": json.dumps({"operation": "disable", "result": "done", "hash": "0"}),
    "of wrong types": json.dumps({**line(FOUND, "disable"), "credential": "x"}),
    "cut short": '{"operation": "dis',
}


@pytest.mark.parametrize("text", LINES.values(), ids=LINES)
def test_a_damaged_journal_says_nothing(tmp_path: Path, text: str) -> None:
    (made(tmp_path / "out") / "c7n-unused-actions.jsonl").write_text(text + "\n")
    assert run(tmp_path, "-f", "json").exit_code == 0
    assert reported(tmp_path)["findings"][0]["done"] is None


def test_explain_of_somebody_who_was_not_selected(tmp_path: Path) -> None:
    made(tmp_path / "out")
    result = CliRunner().invoke(cli, ["explain", str(tmp_path / "out"), "--user", "BOB"])
    assert result.exit_code == 0
    assert "policy aws-iam-user-unused examined this user and did not select it" in result.output
    assert "verdict active: access-key AKIAEXAMPLE1: used 2 days ago" in result.output


def test_the_pack_holds_what_the_report_was_made_of(tmp_path: Path) -> None:
    made(tmp_path / "out")
    pack = tmp_path / "pack.zip"
    asked = ("-f", "json", "--pack", str(pack), "--decisions", str(decisions(tmp_path)))
    assert run(tmp_path, *asked).exit_code == 0
    assert pack.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(pack) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        told = [manifest[name] for name in ("who", "done", "totals")]
        assert told == ["arn:ci", {"disable": 1}, {"stale": 1}]
        assert len(archive.read("population.jsonl").splitlines()) == 2
        where = "aws/111111111111/us-east-1/aws-iam-user-unused"
        assert json.loads(archive.read(f"policies/{where}.json"))["name"] == "aws-iam-user-unused"
        assert archive.read(f"journals/{where}/c7n-unused-actions.jsonl")
        assert json.loads(archive.read("decisions.json"))["decisions"]


WRONG = {
    "a pack without names": (["--pack", "pack.zip", "--redact"], "--pack names everybody"),
    "decisions that are none": (["--decisions", "no.json"], "decisions are not of schema 1"),
}


@pytest.mark.parametrize(("args", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no.json").write_text("{}")
    made(tmp_path / "out")
    result = run(tmp_path, "-f", "json", *args)
    assert result.exit_code == 2
    assert message in str(result.exception) + result.output
