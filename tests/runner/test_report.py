from __future__ import annotations

import base64
import gzip
import json
import stat
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator, FormatChecker

from custom_filters.core.report import REPORTED_FIELDS
from custom_filters.reports.formats import FORMATS
from custom_filters.runner import report_files
from custom_filters.runner.main import cli
from tests.reports.samples import Output, credential, exempt, user, value

VALUES = [
    value(user("alice", credential(200))),
    value(user("bob", credential(3), credential(id="AKIAEXAMPLE2"))),
    value(exempt("carol", credential(400))),
]


def run(tmp_path: Path, *args: str) -> Result:
    return CliRunner().invoke(cli, ["report", str(tmp_path / "out"), "-o", str(tmp_path / "report"), *args])


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
    result = run(tmp_path, "-f", ",".join(FORMATS))
    assert result.exit_code == 0, result.output
    paths = [tmp_path / "report", *(tmp_path / "report").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    assert set(result.stdout.split()) == {str(path) for path in paths[1:] if path.name in FILES} | {
        str(tmp_path / "report" / "asff" / "111111111111-0001.json")
    }


FILES = {
    "report.html", "report.md", "report.csv", "report.xlsx", "report.json", "report.jsonl",
    "report.ocsf.json", "report.junit.xml", "report.evaluated.csv", "report.evaluated.jsonl",
    "report.users.csv",
}  # fmt: skip


def test_a_folder_of_many_files_holds_nothing_of_an_earlier_run(tmp_path: Path) -> None:
    Output(VALUES).write(tmp_path / "out" / "p")
    run(tmp_path, "-f", "asff")
    (tmp_path / "report" / "asff" / "111111111111-0002.json").write_text("yesterday's")
    run(tmp_path, "-f", "asff")
    found = {path.name for path in (tmp_path / "report" / "asff").iterdir()}
    assert found == {"111111111111-0001.json", ".made-by-c7n-unused"}


def test_no_format_deletes_a_folder_that_it_did_not_make(tmp_path: Path) -> None:
    Output(VALUES).write(tmp_path / "out" / "p")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "report").mkdir()
    for make in (
        lambda asff: asff.symlink_to(tmp_path / "mine"),
        (tmp_path / "mine").rename,
    ):
        (tmp_path / "report" / "asff").unlink(missing_ok=True)
        make(tmp_path / "report" / "asff")
        result = run(tmp_path, "-f", "asff")
        assert (result.exit_code, "was not made by c7n-unused" in result.stderr) == (2, True)
    assert (tmp_path / "report" / "asff" / "thesis.txt").read_text() == "years of work"


def test_a_fleets_formats_take_a_process_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_files, "INTERACTIVE_ROWS", 1)
    Output(VALUES).write(tmp_path / "out" / "p")
    result = run(tmp_path, "-f", "csv,xlsx,jsonl")
    assert [Path(line).name for line in result.stdout.split()] == [
        "report.csv", "report.evaluated.csv", "report.xlsx", "report.jsonl", "report.evaluated.jsonl",
    ]  # fmt: skip
    assert len((tmp_path / "report" / "report.jsonl").read_text().splitlines()) == 4


def unpacked(path: Path) -> bytes:
    """A file's text; in packed bytes, those of a spreadsheet or a page's rows, a name may stand by chance."""
    if not zipfile.is_zipfile(path):
        head, mark, rest = path.read_bytes().partition(b'id="data">')
        packed, end, tail = rest.partition(b"<")
        return head + mark + (gzip.decompress(base64.b64decode(packed)) if mark else b"") + end + tail
    with zipfile.ZipFile(path) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def test_redacted_reports_name_nobody(tmp_path: Path) -> None:
    Output(VALUES).write(tmp_path / "out" / "p")
    names = ("alice", "bob", "carol", "AKIAEXAMPLE", "ciso@example.com", "break-glass")
    result = run(tmp_path, "-f", "html,md,csv,json,xlsx,ocsf,junit,asff,jsonl", "--redact")
    assert result.exit_code == 0, result.output
    for path in (tmp_path / "report").rglob("*.*"):
        text = unpacked(path)
        assert [name for name in names if name.lower().encode() in text.lower()] == [], path.name


def test_a_redaction_key_keeps_hashes_equal(tmp_path: Path) -> None:
    Output(VALUES).write(tmp_path / "out" / "p")
    (tmp_path / "key").write_text("0123456789abcdef")
    texts = []
    for _ in range(2):
        run(tmp_path, "-f", "jsonl", "--redact-key", str(tmp_path / "key"))
        texts.append((tmp_path / "report" / "report.jsonl").read_text())
    assert texts[0] == texts[1]
    (tmp_path / "key").write_text("short")
    assert run(tmp_path, "--redact-key", str(tmp_path / "key")).exit_code == 2


def test_history_fills_the_changes(tmp_path: Path) -> None:
    Output(VALUES).write(tmp_path / "out" / "p")
    run(tmp_path, "-f", "jsonl", "--history", str(tmp_path / "h.sqlite"))
    lines = (tmp_path / "report" / "report.jsonl").read_text().splitlines()
    assert [json.loads(line)["change"] for line in lines] == ["new", None, "new", "new"]


def test_the_schema_is_printed_and_holds(tmp_path: Path) -> None:
    Output(VALUES).write(tmp_path / "out" / "p")
    Output(policy="broken", metrics={}).write(tmp_path / "out" / "q")
    run(tmp_path, "-f", "json")
    printed = json.loads(CliRunner().invoke(cli, ["report", "--schema"]).output)
    Draft202012Validator.check_schema(printed)
    content = json.loads((tmp_path / "report" / "report.json").read_text())
    Draft202012Validator(printed, format_checker=FormatChecker()).validate(content)
    assert {tuple(finding) for finding in content["findings"]} == {REPORTED_FIELDS}
    assert list(printed["$defs"]["finding"]["properties"]) == list(REPORTED_FIELDS)
