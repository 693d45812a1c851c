from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from custom_filters.core.finding import FIELDS
from custom_filters.reports.formats import FORMATS
from custom_filters.runner.report import report
from tests.reports.samples import Output, credential, exempt, user, value

VALUES = [
    value(user("alice", credential(200))),
    value(user("bob", credential(3), credential(id="AKIAEXAMPLE2"))),
    value(exempt("carol", credential(400))),
]


def run(tmp_path: Path, *args: str) -> Result:
    return CliRunner().invoke(report, [str(tmp_path / "out"), "-o", str(tmp_path / "report"), *args])


@pytest.mark.parametrize(
    ("args", "metrics", "code"),
    [
        ((), None, 0),
        (("--fail-on", "unknown"), None, 0),
        (("--fail-on", "unknown,stale"), None, 1),
        (("--fail-on", "exempt"), None, 1),
        (("--fail-on", "stale"), {"PolicyException": 1}, 3),
        (("--fail-on", "rotten"), None, 2),
        (("-f", "docx"), None, 2),
    ],
)
def test_exit_codes(tmp_path: Path, args: tuple[str, ...], metrics: dict[str, int] | None, code: int) -> None:
    Output(VALUES, metrics=metrics).write(tmp_path / "out" / "p")
    assert run(tmp_path, *args).exit_code == code


def test_no_output_is_wrong_input(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 2


def test_the_files_are_private_and_complete(tmp_path: Path) -> None:
    Output(VALUES).write(tmp_path / "out" / "p")
    text = [name for name, kind in FORMATS.items() if "." in kind.file]
    result = run(tmp_path, "-f", ",".join(text))
    folder = tmp_path / "report"
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert {path.name for path in folder.iterdir()} == {FORMATS[name].file for name in text}


def test_json_holds_every_field(tmp_path: Path) -> None:
    Output(VALUES).write(tmp_path / "out" / "p")
    run(tmp_path, "-f", "json,csv")
    written = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {tuple(finding) for finding in written["findings"]} == {(*FIELDS, "policies")}
    with (tmp_path / "report" / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["uid"] for row in rows] == [f["uid"] for f in written["findings"]]
