"""Whatever was found, every format counts the same, and says the same of what was examined."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custom_filters.core.decision import Decision, Decisions, basis_sha256
from custom_filters.core.exemption import Matches
from custom_filters.core.judge import Rules, judge_identity
from custom_filters.core.outcome import told, with_actions
from custom_filters.core.population import row
from custom_filters.core.report import Report, with_decisions
from custom_filters.reports.formats import FORMATS
from custom_filters.reports.redact import redact
from tests.reports.samples import DETECTED, MARKED, NOW, credential, evaluation, exempt, report, user, value

USES = st.sampled_from((1, 89, 91, 400, None, "the report did not come"))
PROGRESS = st.sampled_from((DETECTED, MARKED, replace(DETECTED, phase="disabled")))


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Up to eight users with up to two keys each, and policies that failed or found something."""
    values = []
    for number in range(draw(st.integers(0, 8))):
        keys = [credential(draw(USES), id=f"AKIA{number}{n}") for n in range(draw(st.integers(0, 2)))]
        make = exempt if draw(st.booleans()) else user
        account = draw(st.sampled_from(("111111111111", "222222222222")))
        made = make(
            f"u{number}", *keys, account=account, privileged=draw(st.sampled_from((True, False, None)))
        )
        values.append(value(made, draw(PROGRESS)))
    examined = draw(
        st.none() | st.fixed_dictionaries({"active": st.integers(0, 9), "stale": st.integers(0, 9)})
    )
    runs = [evaluation(examined=examined)]
    runs += [evaluation("broken", evaluated=False, problem="AccessDenied")] * draw(st.integers(0, 2))
    runs += [evaluation("trail", judged=False, resources=1, description="no trail")] * draw(st.integers(0, 2))
    return report(*values, evaluations=runs)


def files(made: Report) -> dict[str, bytes]:
    names = ("html", "md", "csv", "xlsx", "json", "jsonl", "ocsf", "asff", "junit")
    return {
        file: b"".join(c if isinstance(c, bytes) else c.encode() for c in chunks)
        for name in names
        for file, chunks in FORMATS[name](made)
    }


def table(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def totals(found: dict[str, bytes]) -> dict[str, Counter[str]]:
    """Credentials by verdict, as each format tells them."""
    page, sheet = found["report.html"].decode(), _sheet(found["report.xlsx"])
    asff = [f for name, text in found.items() if name.startswith("asff/") for f in json.loads(text)]
    ocsf = json.loads(found["report.ocsf.json"])
    row = r"^\| ([\w-]+) \|.* (\d+) \|$"
    line = r'class="verdict [\w-]+">([\w-]+)</span></summary>.*?<td class="number">([\d,]+)</td></tr>'
    return {
        "csv": Counter(r["counts_as"] for r in table(found["report.csv"])),
        "jsonl": Counter(json.loads(line)["counts_as"] for line in found["report.jsonl"].splitlines()),
        "json": Counter(json.loads(found["report.json"])["summary"]["totals"]),
        "xlsx": Counter(sheet),
        "md": Counter({v: int(n) for v, n in re.findall(row, _totals_of(found), re.MULTILINE)}),
        "html": Counter({v: int(n) for v, n in re.findall(line, page)}),
        "ocsf": Counter(e["unmapped"]["counts_as"] for e in ocsf if "unmapped" in e),
        "asff": Counter(f["ProductFields"]["verdict"] for f in asff if "ProductFields" in f),
    }


def _totals_of(found: dict[str, bytes]) -> str:
    return found["report.md"].decode().partition("## By verdict")[2].partition("\n## ")[0]


def _sheet(content: bytes) -> list[str]:
    head, *rows = openpyxl.load_workbook(io.BytesIO(content))["Credentials"].iter_rows(values_only=True)
    return [row[head.index("counts_as")] for row in rows]


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports())
def test_totals_are_equal_over_all_formats(made: Report) -> None:
    expected = Counter(f["counts_as"] for f in made.findings)
    found = files(made)
    assert {name: +counts for name, counts in totals(found).items()} == dict.fromkeys(totals(found), expected)
    cases = ElementTree.fromstring(found["report.junit.xml"]).iter("testcase")
    skipped = sum(child.tag == "skipped" for case in cases for child in case)
    assert skipped == len({f["user"] for f in made.findings if f["counts_as"] == "exempt"})
    redacted = totals(files(redact(made, b"k" * 16)))
    assert redacted["json"] == redacted["csv"] == expected


def says(found: dict[str, bytes], outcome: str) -> dict[str, int]:
    """How many policy runs each format gives this outcome."""
    status = {"unknown": 0, "pass": 1, "fail": 3}[outcome]
    asff = {"unknown": "NOT_AVAILABLE", "pass": "PASSED", "fail": "FAILED"}[outcome]
    result = {"unknown": "error", "pass": "system-out", "fail": "failure"}[outcome]
    batches = [f for name, text in found.items() if name.startswith("asff/") for f in json.loads(text)]
    runs_as_lines = map(json.loads, found["report.evaluated.jsonl"].splitlines())
    suites = ElementTree.fromstring(found["report.junit.xml"])
    runs = [suite for suite in suites if suite.get("name") in ("evaluated", "not evaluated")]
    return {
        "csv": sum(r["outcome"] == outcome for r in table(found["report.evaluated.csv"])),
        "jsonl": sum(x["outcome"] == outcome for x in runs_as_lines),
        "json": sum(e["outcome"] == outcome for e in json.loads(found["report.json"])["evaluations"]),
        "ocsf": sum(
            e["compliance"]["status_id"] == status
            for e in json.loads(found["report.ocsf.json"]) if "unmapped" not in e
        ),
        "asff": sum(f["Compliance"]["Status"] == asff for f in batches if "ProductFields" not in f),
        "junit": sum(case.find(result) is not None for suite in runs for case in suite),
    }  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports())
def test_every_policy_run_is_told_in_every_format(made: Report) -> None:
    found = files(made)
    for outcome in ("unknown", "pass", "fail"):
        told = says(found, outcome)
        assert told == dict.fromkeys(told, sum(e.outcome == outcome for e in made.evaluations)), outcome
    first = made.evaluations[0]
    texts = [found[n].decode() for n in ("report.evaluated.csv", "report.ocsf.json", "report.junit.xml")]
    assert [first.sentence in text for text in texts] == [True] * 3
    page, pull_request = found["report.html"].decode(), found["report.md"].decode()
    recorded = first.examined is not None
    for text in (page, pull_request):
        assert ("population not recorded" in text) is not recorded
        assert text.count("AccessDenied") == bool(made.not_evaluated)  # one cause, told once
        assert text.count("no trail") == len(made.account_findings)


def test_exemptions_that_match_nobody_are_told_and_whom_patterns_match() -> None:
    """Over all that was read: of two policies on one account the larger number counts."""
    mine, other = Matches("*", "svc-*", 4, ("svc-a", "svc-b", "svc-c")), Matches("*", "svc-*", 1, ("svc-0",))
    nobody, ann, late = Matches("*", "anne"), Matches("111111111111", "ann", 1, ("ann",)), Matches("*", "eve")
    made = replace(report(), evaluations=(
        evaluation(exemptions=(mine, nobody, ann, late)),
        evaluation("roles", exemptions=(Matches("*", "svc-*"), nobody, Matches("111111111111", "ann"), late)),
        evaluation(account="222222222222", exemptions=(other, nobody, Matches("*", "eve", 1, ("eve",)))),
        evaluation("broken", evaluated=False, problem="AccessDenied"),
    ))  # fmt: skip
    remedy = "correct it, remove it, or add `may-be-absent: true`"
    assert list(told(made)) == [
        f"the exemption of anne in the aws account * matches nobody: {remedy}",
        "the exemption of eve in the aws account * matches 1: eve",
        "the exemption of svc-* in the aws account * matches 5: svc-0, svc-a, svc-b and 2 more",
    ]
    found = files(made)
    assert [e["matched"] for e in json.loads(found["report.json"])["summary"]["exemptions"]] == [0, 1, 5]
    for cells in (("anne", "nobody", ""), ("svc-*", "5", "svc-0, svc-a, svc-b and 2 more")):
        assert f"| {' | '.join(('aws *', *cells))} |".replace("*", r"\*") in found["report.md"].decode()
        assert all(cell in found["report.html"].decode() for cell in cells)
    shown = "".join(told(redact(made, b"k")))
    assert "matches 5: " in shown
    assert not any(name in shown for name in ("svc-", "ann", "eve"))
    nobodies = tuple(Matches("*", f"u{n}") for n in range(99))
    many = replace(made, evaluations=(evaluation(exemptions=nobodies),))
    assert list(told(many))[10:] == ["89 more exemptions are listed in the report"]


def test_nothing_evaluated_is_never_zero_or_green() -> None:
    made = Report([], (evaluation(evaluated=False, problem="AccessDenied", started=None),), None)
    found = files(made)
    page = found["report.html"].decode()
    assert 'class="good"' not in page.partition("</main>")[0]
    assert "nothing was evaluated" in page
    assert re.findall(r'class="number">0<', page) == []
    assert "| not evaluated | - |" in found["report.md"].decode()
    assert says(found, "unknown") == dict.fromkeys(says(found, "unknown"), 1)


def test_account_findings_count_as_soon_as_fail_on_is_given() -> None:
    trail = evaluation("trail", judged=False, resources=1)
    made = report(value(user("a", credential(1))), evaluations=[evaluation(), trail])
    assert made.counts_at([]) is False
    assert made.counts_at(["stale"]) is True
    assert replace(made, evaluations=made.evaluations[:1]).counts_at(["stale"]) is False
    assert replace(made, evaluations=made.evaluations[:1]).counts_at(["active"]) is True


def test_everybody_with_last_use_and_verdict() -> None:
    row: dict[str, Any] = {
        "provider": "aws", "account": "1", "policy": "p", "user": "=ann", "user_id": "A",
        "user_type": "human", "privileged": None, "owner": None, "verdict": "active",
        "last_used": "2026-11-20T00:00:00Z", "reason": "used", "as_of": "2026-11-23T06:00:00Z",
    }  # fmt: skip
    foreign = evaluation("older", "2")
    made = Report([], (evaluation("p", "1", examined={"active": 1}), foreign), None, users=[row])
    (file, chunks), = FORMATS["users"](made)  # fmt: skip
    silent, ann = table("".join(map(str, chunks)).encode())
    assert (file, silent["user"]) == ("report.users.csv", "population not recorded")
    assert (ann["user"], ann["verdict"], ann["last_used"]) == ("'=ann", "active", "2026-11-20T00:00:00Z")


def test_redacted_decisions_deeds_and_users_name_nobody() -> None:
    made = report(value(user("alice", credential(200), owner="bob")))
    who = {"provider": "aws", "account": "111111111111", "user": "alice", "user_id": "AIDAALICE"}
    deed = {
        "at": "2026-11-23T06:00:00Z", "operation": "disable", "result": "failed", "principal": who,
        "credential": {"kind": "access-key", "id": "AKIAEXAMPLE1"}, "reason": "no right on alice",
        "undo": "restore alice", "after": None,
    }  # fmt: skip
    alice = judge_identity(user("alice", credential(200), owner="bob"), Rules(90), NOW)
    everybody = [{**who, "policy": "p", **row(alice, "2026-11-23T06:00:00Z")}]
    finding = next(iter(made.findings))
    basis, end = basis_sha256(finding), NOW + timedelta(days=1)
    said = Decision(finding["uid"], basis, "keep", "ask alice", "bob", NOW, end)
    full = with_decisions(replace(made, users=everybody), Decisions("", {said.uid: said}), NOW)
    redacted = redact(with_actions(full, [deed]), b"k" * 16)
    for name in ("html", "md", "csv", "json", "jsonl", "users", "ocsf", "junit"):
        for _, chunks in FORMATS[name](redacted):
            text = "".join(c if isinstance(c, str) else c.decode("latin-1") for c in chunks).lower()
            assert [n for n in ("alice", "bob", "akiaexample") if n in text] == [], name
    assert next(iter(redacted.findings))["decision"]["state"] == "in-force"
