from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from custom_filters.core.report import Evaluation, Report
from custom_filters.outputs.merge import merge
from custom_filters.outputs.validate_findings import checked_findings
from custom_filters.runner.run.plan import Step, plan_tables
from custom_filters.runner.run.policy_files import Policy
from custom_filters.runner.tables import not_evaluated_lines, show, threshold_table, verdict_table
from tests.reports.samples import NOW, POLICY, credential, evaluation, exempt, user, value

DAYS = [45, 60, 90]


def policy(name: str, filter: Any) -> Policy:
    return Policy("aws", name, "aws.iam-user", {"name": name, "filters": [filter]})


JUDGES = policy(POLICY, {"type": "unused-credentials", "days": DAYS})
BROKEN = policy("broken", {"type": "unused-credentials", "days": [45]})
ASKS_UNKNOWN = policy("unknown", {"type": "unused-credentials", "days": DAYS, "verdicts": ["unknown"]})
CHECK = policy("check", {"type": "value", "key": "x", "value": "unused-credentials"})


def judged(*values: dict[str, Any]) -> Report:
    """Findings as a filter with several thresholds leaves them: each says which ones it exceeds."""
    rows = [
        ("111111111111", {**f, "exceeds": [n for n in DAYS if (f["days_unused"] or 0) >= n]})
        for item in values
        for f in checked_findings(item)
    ]
    evaluations = (evaluation(), evaluation("broken", evaluated=False), evaluation("check"))
    return Report(list(merge(rows)), evaluations, NOW)


def cells(report: Report) -> list[list[str]]:
    console = Console(width=120)
    with console.capture() as shown:
        console.print(threshold_table([JUDGES, BROKEN, ASKS_UNKNOWN, CHECK], report))
    return table_rows(shown.get())


def table_rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


ROWS = {
    "nobody": ([], [("0", "0")] * 3),
    "between two": ([user("a", credential(70))], [("1", "1"), ("1", "1"), ("0", "0")]),
    "two credentials of one user": (
        [user("a", credential(50), credential(200, id="AKIAEXAMPLE2"))],
        [("1", "2"), ("0", "0"), ("0", "0")],
    ),
    "the exempt are left out": ([exempt("a", credential(200))], [("0", "0")] * 3),
    "who is active at the smallest": ([user("a", credential(3))], [("0", "0")] * 3),
}


@pytest.mark.parametrize(("users", "hits"), ROWS.values(), ids=ROWS)
def test_each_threshold_counts_what_exceeds_it(users: list[Any], hits: list[tuple[str, str]]) -> None:
    rows = cells(judged(*(value(item, days=45) for item in users)))
    assert rows == [
        *(["aws", POLICY, str(n), *hit] for n, hit in zip(DAYS, hits, strict=True)),
        ["aws", "broken", "45", "not evaluated", ""],
    ]


def test_a_policy_counts_what_it_said_itself() -> None:
    bob = user("bob", credential(70))
    report = judged(value(bob, days=45), value(bob, days=45, policy="other"))
    assert len(report.findings) == 1
    assert [row[3:] for row in cells(report)[:3]] == [["1", "1"], ["1", "1"], ["0", "0"]]


def test_single_credentials_are_hit_beside_those_in_use() -> None:
    single = policy(POLICY, {"type": "unused-credentials", "days": DAYS, "match": "credential"})
    both = user("a", credential(50), credential(200, id="AKIAEXAMPLE2"))
    console = Console(width=120)
    with console.capture() as shown:
        console.print(threshold_table([single], judged(value(both, days=45))))
    assert [row[3:] for row in table_rows(shown.get())] == [["1", "2"], ["1", "1"], ["1", "1"]]


NARROW_USER = "svc-data-billing-export@example.com"
STEP = Step(
    "aws", "111111111111", "aws-iam-user-unused-mark", "mark-for-op", NARROW_USER,
    "access-key AKIAEXAMPLE123456789", "due 2026/12/08 1500 UTC", "unmark",
)  # fmt: skip


@pytest.mark.parametrize("columns", ["60", "140"])
def test_every_word_of_a_table_is_shown_however_narrow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    report = judged(value(user("a", credential(70)), days=DAYS[0]))
    (plan,) = plan_tables([STEP])
    for table in (plan, verdict_table(report), threshold_table([JUDGES], report)):
        show(table)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= int(columns)
    assert "…" not in shown
    words = {NARROW_USER, "AKIAEXAMPLE123456789", "2026/12/08", "unmark", "stale", "evaluated", "credentials"}
    assert [word for word in words if word not in shown] == []
    assert (f"{NARROW_USER}: credential" in shown) is (columns == "60")


def test_one_cause_is_one_line_with_the_policies_that_it_stops() -> None:
    stopped = tuple(
        Evaluation("gcp", "", "", f"policy-{number}", "x", False, "check the network") for number in range(5)
    )
    other = Evaluation("aws", "111111111111", "", "broken", "x", False, "the policy failed")
    assert list(not_evaluated_lines(Report([], (*stopped, other), NOW))) == [
        "not evaluated: gcp policy-0, policy-1, policy-2 and 2 more: check the network",
        "not evaluated: aws 111111111111 broken: the policy failed",
        "`c7n-unused doctor -p aws` checks what a run needs.",
        "`c7n-unused doctor -p gcp` checks what a run needs.",
    ]
