from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from custom_filters.core.decision import basis_sha256, report_sha256
from custom_filters.core.report import Report
from custom_filters.core.times import format_time
from custom_filters.reports import json as as_json
from custom_filters.runner.main import cli
from tests.reports.samples import credential, evaluation, report, user, value

MADE = report(value(user("alice", credential(200))))
BLIND = Report(MADE.findings, (evaluation(evaluated=False, problem="AccessDenied"),), MADE.as_of)
FINDING = next(iter(MADE.findings))
DECIDED = datetime.now(timezone.utc) - timedelta(hours=1)
SAID: dict[str, Any] = {
    "uid": FINDING["uid"],
    "basis_sha256": basis_sha256(FINDING),
    "decision": "disable",
    "reason": "left in May",
    "reviewer": "carol@example.com",
    "decided_at": format_time(DECIDED),
}
USED = [{**FINDING, "last_used": format_time(DECIDED + timedelta(minutes=5))}]

CASES = {
    "it holds": (MADE, {}, 0, "1 of 1 decisions hold"),
    "used since": (Report(USED, MADE.evaluations, MADE.as_of), {}, 1, "used since it was decided"),
    "gone": (Report([], MADE.evaluations, MADE.as_of), {}, 1, "knows no such credential"),
    "not evaluated": (Report([], BLIND.evaluations, MADE.as_of), {}, 3, "knows no such credential"),
    "about oneself": (MADE, {"reviewer": "alice"}, 2, "somebody else has to"),
    "no reason": (MADE, {"reason": ""}, 2, "'reason' is missing"),
}


@pytest.mark.parametrize(("made", "more", "code", "told"), CASES.values(), ids=CASES)
def test_check(tmp_path: Path, made: Report, more: dict[str, Any], code: int, told: str) -> None:
    decisions, file = tmp_path / "decisions.json", tmp_path / "report.json"
    content = {
        "schema": 1,
        "report_sha256": report_sha256([SAID["basis_sha256"]]),
        "decisions": [SAID | more],
    }
    decisions.write_text(json.dumps(content))
    file.write_text("".join(as_json.render(made)))
    result = CliRunner().invoke(cli, ["decisions", "check", str(decisions), "--report", str(file)])
    assert (result.exit_code, told in result.output) == (code, True), result.output


@pytest.mark.parametrize("text", ["{", "[]", '{"findings": [{}], "evaluations": []}'])
def test_a_foreign_report_is_wrong_input(tmp_path: Path, text: str) -> None:
    decisions, file = tmp_path / "decisions.json", tmp_path / "report.json"
    decisions.write_text(json.dumps({"schema": 1, "report_sha256": "", "decisions": []}))
    file.write_text(text)
    assert (
        CliRunner().invoke(cli, ["decisions", "check", str(decisions), "--report", str(file)]).exit_code == 2
    )
