"""Each format is opened by a program that is not ours, with ordinary and with hostile names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from xml.etree import ElementTree

import boto3
import botocore.session
import openpyxl
import pytest
from botocore.validate import ParamValidator
from markdown_it import MarkdownIt
from moto import mock_aws
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from py_ocsf_models.objects.cloud import Cloud

from custom_filters.core.finding import LifecycleState
from custom_filters.core.report import Report
from custom_filters.core.times import parse_time
from custom_filters.reports import markdown
from custom_filters.reports.csv import COLUMNS
from custom_filters.reports.formats import FORMATS
from tests.reports.hostile import NAMES
from tests.reports.samples import MARKED, credential, evaluation, exempt, report, user, value

VALUES = [
    value(user("alice", credential(200), privileged=True, owner="team-a", owner_source="tag:owner")),
    value(user("bob", credential(3), credential(id="AKIAEXAMPLE2")), MARKED),
    value(exempt("carol", credential(400))),
    value(user("dave", credential("the report did not come"))),
    value(user("eve", credential(2), account="222222222222")),
]
ORDINARY = report(
    *VALUES, evaluations=[evaluation(), evaluation("broken", evaluated=False, problem="it failed: <b>")]
)
HOSTILE = report(
    *(
        value(user(name, credential(200), owner=name, account=f"{n:012}"))
        for n, name in enumerate(NAMES.values())
    ),
    evaluations=[evaluation(name, evaluated=False, problem=name) for name in NAMES.values()],
)
BOTH = pytest.mark.parametrize("made", [ORDINARY, HOSTILE], ids=["ordinary", "hostile"])


def text(name: str, made: Report) -> str:
    return b"".join(pieces(name, made)).decode()


def pieces(name: str, made: Report, number: int = 0) -> Iterator[bytes]:
    """The first file of a format; CSV and JSON lines have a second one about the policy runs."""
    for _, chunks in list(FORMATS[name](made))[number : number + 1]:
        yield from (chunk if isinstance(chunk, bytes) else chunk.encode() for chunk in chunks)


@BOTH
def test_csv(made: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(text("csv", made), newline="")))
    assert [row["uid"] for row in rows] == [f["uid"] for f in made.findings]
    assert {len(row) for row in rows} == {len(COLUMNS)}
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell.lstrip(" ").startswith(tuple("=+-@\t\r\uff1d"))] == []


@BOTH
def test_xlsx(made: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(b"".join(pieces("xlsx", made))))
    head, *rows = book["Credentials"].iter_rows()
    columns = {cell.value: n for n, cell in enumerate(head)}
    assert [row[columns["uid"]].value for row in rows] == [f["uid"] for f in made.findings]
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n", "d", "b"}
    assert {cell.hyperlink for row in rows for cell in row} == {None}
    assert isinstance(rows[0][columns["as_of"]].value, datetime)
    assert rows[0][columns["days_unused"]].value == 200
    assert book["Evaluated"]["A2"].value == "unknown"


@BOTH
def test_json_lines(made: Report) -> None:
    lines = [json.loads(line) for line in text("jsonl", made).splitlines()]
    assert lines == list(made.findings)
    assert json.loads(text("json", made))["findings"] == lines


@BOTH
def test_ocsf(made: Report) -> None:
    content = json.loads(text("ocsf", made))
    events = [ComplianceFinding.model_validate(event) for event in content]
    runs = len(made.evaluations)
    assert [event.finding_info.uid for event in events[runs:]] == [f["uid"] for f in made.findings]
    assert {(event.class_uid, event.time) for event in events} == {(2003, 1795413600000)}
    assert {Cloud.model_validate(event["cloud"]).provider for event in content} == {"AWS"}
    assert [event.compliance.status_id.value for event in events[:runs]] == [
        1 if e.evaluated else 0 for e in made.evaluations
    ]
    assert all(event.resources and event.remediation for event in events[runs:])


def test_ocsf_states() -> None:
    events = {e["resources"][0]["name"]: e for e in json.loads(text("ocsf", ORDINARY))[2:]}
    found = {name: (e["status"], e["severity"], e["compliance"]["status_id"]) for name, e in events.items()}
    assert found == {
        "alice": ("New", "High", 3),
        "bob": ("InProgress", "Medium", 3),
        "carol": ("Suppressed", "Informational", 3),
        "dave": ("New", "Low", 0),
        "eve": ("New", "Informational", 1),
    }


CHANGES = {
    None: (1, "New"),
    "new": (1, "New"),
    "persisting": (2, "New"),
    "mark-lost": (2, "New"),
    "reactivated": (3, "Resolved"),
}


@pytest.mark.parametrize(("change", "activity"), CHANGES.items())
def test_ocsf_activities(change: str | None, activity: tuple[int, str]) -> None:
    found = [{**ORDINARY.findings[0], "change": change}]  # type: ignore[index]
    gone = [{**ORDINARY.findings[0], "change": "resolved"}]  # type: ignore[index]
    events = json.loads(text("ocsf", Report(found, (), ORDINARY.as_of, gone)))
    assert [(e["activity_id"], e["status"]) for e in events] == [activity, (3, "Resolved")]
    assert [e["type_uid"] for e in events] == [200300 + activity[0], 200303]


@BOTH
@mock_aws
def test_asff_is_taken_by_security_hub(made: Report) -> None:
    hub = boto3.client("securityhub", region_name="us-east-1")
    hub.enable_security_hub()
    taken = 0
    for name, chunks in FORMATS["asff"](made):
        batch = json.loads("".join(chunks))  # type: ignore[arg-type]
        assert {finding["AwsAccountId"] for finding in batch} == {name[5:17]}
        taken += hub.batch_import_findings(Findings=batch)["SuccessCount"]
    accounts = [e.account for e in made.evaluations if len(e.account) == 12]
    assert taken == len(made.findings) + len(accounts)


def over_history(first: str | None) -> Report:
    """What an older run's output gives when the history was seen first at `first`."""
    seen = [{**f, "first_seen": first, "change": "persisting"} for f in ORDINARY.findings]
    gone = [
        {**f, "first_seen": first, "change": "resolved", "as_of": "2026-10-01T00:00:00Z"} for f in seen[:2]
    ]
    return Report(seen, ORDINARY.evaluations, ORDINARY.as_of, gone)


HISTORIES = pytest.mark.parametrize("first", [None, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00.5Z"])


@HISTORIES
def test_formats_of_security_tools_hold_over_a_history(first: str | None) -> None:
    asff_and_ocsf_hold(over_history(first))


def asff_and_ocsf_hold(made: Report) -> None:
    """Both have the form that their schemas say, and nothing is seen last before it is seen first."""
    service = botocore.session.get_session().get_service_model("securityhub")
    shape = service.operation_model("BatchImportFindings").input_shape
    for _, chunks in FORMATS["asff"](made):
        batch = json.loads("".join(chunks))  # type: ignore[arg-type]
        assert ParamValidator().validate({"Findings": batch}, shape).generate_report() == ""
        for finding in batch:
            assert set(finding) <= set(shape.members["Findings"].member.members)
            assert parse_time(finding["CreatedAt"]) <= parse_time(finding["UpdatedAt"])
            assert finding["Id"].startswith("arn:aws:securityhub:us-east-1:")
            assert finding["Resources"][0]["Id"].startswith(f"arn:aws:iam::{finding['AwsAccountId']}:")
            assert finding["Remediation"]["Recommendation"]["Text"]
    for event in json.loads(text("ocsf", made)):
        info = ComplianceFinding.model_validate(event).finding_info
        assert (info.first_seen_time or 0) <= (info.last_seen_time or 0) == event["time"]
        assert event["cloud"]["account"]["uid"] in {"111111111111", "222222222222"}


def test_asff_comes_in_batches_of_one_hundred() -> None:
    made = report(*(value(user(f"u{n}", credential(200))) for n in range(200)))  # and one of the account
    sizes = {name: len(json.loads("".join(chunks))) for name, chunks in FORMATS["asff"](made)}  # type: ignore[arg-type]
    assert sizes == {f"asff/111111111111-{n:04}.json": size for n, size in ((1, 100), (2, 100), (3, 1))}


@BOTH
def test_junit(made: Report) -> None:
    root = ElementTree.fromstring(b"".join(pieces("junit", made)))
    suites = {suite.get("name"): suite for suite in root}
    assert len(suites.pop("not evaluated")) == len(made.not_evaluated)
    done = suites.pop("evaluated", ())
    assert len(done) == len(made.evaluations) - len(made.not_evaluated)
    cases = sum(map(len, suites.values()))
    assert cases == len({f["user_id"] for f in made.findings})


def test_junit_results() -> None:
    root = ElementTree.fromstring(b"".join(pieces("junit", ORDINARY)))
    found = {case.get("name"): [result.tag for result in case] for case in root.iter("testcase")}
    assert found == {
        "broken": ["error"], "aws-iam-user-unused": ["system-out"], "alice": ["failure"], "bob": ["failure"],
        "carol": ["skipped"], "dave": ["error"], "eve": [],
    }  # fmt: skip


@BOTH
def test_markdown(made: Report) -> None:
    page = MarkdownIt("gfm-like", {"linkify": False}).render(text("md", made))
    root = ElementTree.fromstring(f"<x>{page}</x>")
    assert {element.tag for element in root.iter()} <= {
        "x", "h1", "h2", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "code",
    }  # fmt: skip
    table = root.findall("table")[-1]
    assert len(table.findall("tbody/tr")) == len(made.findings)
    assert {len(row) for row in table.iter("tr")} == {10}
    assert "&#" not in text("md", made)


def test_markdown_says_what_it_cut() -> None:
    cut = "".join(markdown.render(ORDINARY, limit=800))
    assert "**Cut:** 0 of 6 credentials are shown" in cut
    many = report(*(value(user(f"u{n}", credential(200))) for n in range(500)))
    assert len(text("md", many)) <= markdown.LIMIT


def test_markdown_counts_who_came_back_after_a_mark() -> None:
    back = report(value(user("a", credential(2)), MARKED), value(user("b", credential(200)), MARKED))
    assert "Came back after a mark: 1 of 2 marked users" in text("md", back)
    assert "Came back" not in text("md", report(value(user("a", credential(2)), LifecycleState())))


@pytest.mark.parametrize(
    ("who", "phase", "operation", "told"),
    [
        ("a", "detected", "unmark", "1 of 2 marked users"),
        ("b", "disabled", "disable", "1 of 2 marked users"),
        ("c", "disabled", "disable", "1 of 3 marked users"),
        ("c", "detected", "enable", "1 of 2 marked users"),
    ],
)
def test_who_came_back_counts_when_the_run_ended_the_mark(
    who: str, phase: str, operation: str, told: str
) -> None:
    marked = [value(user("a", credential(2)), MARKED), value(user("b", credential(200)), MARKED)]
    made = report(*marked, value(user("c", credential(200)), LifecycleState()))
    at = {"reason": "", "undo": None, "at": "2026-11-23T06:00:00Z"}
    done = {"phase": phase, "done": {"operation": operation, "result": "done", **at}, "disabled_at": None}
    ended = [{**f, **done} if f["user"] == who else f for f in made.findings]
    assert f"Came back after a mark: {told}" in text("md", replace(made, findings=ended))
