"""A reviewer decides in the page, exports, and the command checks the file against the report."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result
from playwright.sync_api import Download, Page, expect

from custom_filters.core.decision import parse
from custom_filters.core.report import with_decisions
from custom_filters.core.risk import gravity
from custom_filters.core.verdict import UNUSED
from custom_filters.reports import json as as_json
from custom_filters.runner.main import cli
from tests.browser.company import report
from tests.browser.conftest import Open
from tests.browser.test_page import column

COMPANY = report(30)
OPEN = [f for f in COMPANY.findings if f["counts_as"] in UNUSED]


def decide(page: Page, choice: str, reason: str = "quarterly job") -> None:
    page.select_option("#choice", choice)
    page.fill("#reason", reason)
    page.click("#decide")


def saved(page: Page, button: str) -> str:
    with page.expect_download() as waiting:
        page.click(button)
    download: Download = waiting.value
    return Path(download.path()).read_text(encoding="utf-8")


def check(tmp_path: Path, decisions: str, made: str) -> Result:
    (tmp_path / "decisions.json").write_text(decisions)
    (tmp_path / "report.json").write_text(made)
    args = [str(tmp_path / "decisions.json"), "--report", str(tmp_path / "report.json")]
    return CliRunner().invoke(cli, ["decisions", "check", *args])


def test_decide_export_check_report(open_page: Open, tmp_path: Path) -> None:
    page = open_page(COMPANY)
    expect(page.locator("#progress")).to_have_text(f"decided 0 of {len(OPEN)}, 0 selected")
    page.click("#review summary")
    page.fill("#reviewer", "ciso@example.com")
    page.select_option("#filter-risk", "high")
    page.check("#pick-all")
    decide(page, "keep")
    high = [f for f in OPEN if f["risk"]["level"] == "high"]
    expect(page.locator("#progress")).to_contain_text(f"decided {len(high)} of {len(OPEN)}")
    page.select_option("#filter-risk", "")
    page.uncheck("#pick-all")
    page.check(f"[data-pick='{column_uid(page, 'undecided')}']")
    decide(page, "disable", "left in May")
    expect(page.locator("#decide-said")).to_have_text("1 decided: disable.")

    text = saved(page, "#export")
    decisions = parse(text)
    said = sorted(d.decision for d in decisions.by_uid.values())
    assert said == ["disable"] + ["keep"] * len(high)
    made = "".join(as_json.render(COMPANY))
    result = check(tmp_path, text, made)
    assert (result.exit_code, f"{len(said)} of {len(said)} decisions hold" in result.output) == (0, True)

    reviewed = with_decisions(COMPANY, decisions, datetime.now(timezone.utc))
    assert reviewed.review is not None
    assert (reviewed.review.decided, reviewed.review.of) == (len(said), len(OPEN))
    again = open_page(reviewed)
    expect(again.locator(".cards")).to_contain_text(f"of {len(OPEN)} decided")
    assert "keep" in column(again, "decided")
    assert parse(saved_unseen(again)).by_uid == decisions.by_uid


def column_uid(page: Page, decided: str) -> str:
    """The uid of the first row with this decision."""
    page.select_option("#filter-decided", decided)
    return str(page.locator("[data-pick]").first.get_attribute("data-pick"))


def saved_unseen(page: Page) -> str:
    page.click("#review summary")
    return saved(page, "#export")


def test_who_used_it_since_is_told(open_page: Open, tmp_path: Path) -> None:
    page = open_page(COMPANY)
    page.click("#review summary")
    page.fill("#reviewer", "ciso@example.com")
    page.locator("[data-pick]").first.check()
    decide(page, "disable")
    text = saved(page, "#export")
    (uid,) = parse(text).by_uid
    content = json.loads("".join(as_json.render(COMPANY)))
    later = (datetime.now(timezone.utc) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    content["findings"] = [
        {**f, "last_used": later if f["uid"] == uid else f["last_used"]} for f in content["findings"]
    ]
    result = check(tmp_path, text, json.dumps(content))
    assert (result.exit_code, "was used since it was decided" in result.output) == (1, True)


REFUSED = {
    "nothing is selected": (False, "ciso@example.com", "because", "Select rows first."),
    "no name": (True, "", "because", "A decision needs your name and a reason."),
    "no reason": (True, "ciso@example.com", " ", "A decision needs your name and a reason."),
}


@pytest.mark.parametrize(("select", "reviewer", "reason", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_decision(open_page: Open, select: bool, reviewer: str, reason: str, told: str) -> None:
    page = open_page(COMPANY)
    page.click("#review summary")
    if select:
        page.locator("[data-pick]").first.check()
    page.fill("#reviewer", reviewer)
    decide(page, "keep", reason)
    expect(page.locator("#decide-said")).to_have_text(told)
    expect(page.locator("#progress")).to_contain_text("decided 0 of")


def test_an_end_after_180_days_and_a_decision_about_oneself_are_refused(open_page: Open) -> None:
    page = open_page(COMPANY)
    page.click("#review summary")
    page.locator("[data-pick]").first.check()
    name = page.locator(".tabulator-row a").first.inner_text()
    page.fill("#reviewer", f"{name}@example.com")
    decide(page, "disable")
    expect(page.locator("#decide-said")).to_have_text(f"Somebody else has to decide about {name}.")
    page.fill("#reviewer", "ciso@example.com")
    far = datetime.now(timezone.utc) + timedelta(days=181)
    page.evaluate("date => { document.getElementById('until').value = date }", far.strftime("%Y-%m-%d"))
    decide(page, "keep")
    expect(page.locator("#decide-said")).to_contain_text("It needs an end between tomorrow and")


def test_decisions_stay_in_the_browser_and_can_be_taken_back(open_page: Open) -> None:
    page = open_page(COMPANY)
    page.click("#review summary")
    page.fill("#reviewer", "ciso@example.com")
    page.locator("[data-pick]").first.check()
    decide(page, "ask-owner")
    page.reload()
    page.wait_for_selector("#controls:not([hidden])")
    expect(page.locator("#progress")).to_have_text(f"decided 1 of {len(OPEN)}, 0 selected")
    page.click("#review summary")
    assert page.input_value("#reviewer") == "ciso@example.com"
    page.locator("[data-pick]").first.check()
    page.click("#withdraw")
    expect(page.locator("#progress")).to_contain_text("decided 0 of")


def test_mine_by_owner(open_page: Open) -> None:
    page = open_page(COMPANY)
    page.click("#review summary")
    page.fill("#reviewer", "Data@example.com")
    page.check("#mine")
    mine = sum(f["owner"] == "data@example.com" for f in COMPANY.findings)
    expect(page.locator("#shown")).to_have_text(f"{mine} of {len(COMPANY.findings)} credentials")


def test_filters_and_the_open_row_stand_in_the_address(open_page: Open) -> None:
    page = open_page(COMPANY)
    page.select_option("#filter-verdict", "stale")
    page.select_option("#filter-privileged", "yes")
    name = next(f["user"] for f in OPEN if f["counts_as"] == "stale" and f["privileged"])
    page.fill("#search", name)
    expect(page).to_have_url(re.compile(f"q={name}"))
    shown = page.inner_text("#shown")
    page.locator(".tabulator-row a").first.click()
    expect(page.locator("dialog[open]")).to_contain_text("It was used, but not for as many days")
    expect(page.locator("dialog[open]")).to_contain_text("What to do")
    state = parse_qs(urlsplit(page.url).fragment)
    assert {name: state[name] for name in ("verdict", "privileged", "q")} == {
        "verdict": ["stale"], "privileged": ["yes"], "q": [name],
    }  # fmt: skip
    again = open_page(COMPANY, f"#{urlsplit(page.url).fragment}")
    expect(again.locator("#shown")).to_have_text(shown)
    expect(again.locator("dialog[open] h2")).to_have_text(page.inner_text("dialog[open] h2"))


def test_csv_of_what_is_shown(open_page: Open) -> None:
    page = open_page(COMPANY)
    page.select_option("#filter-verdict", "never-used")
    rows = list(csv.DictReader(io.StringIO(saved(page, "#csv"), newline="")))
    expected = {f["uid"] for f in COMPANY.findings if f["counts_as"] == "never-used"}
    assert {row["uid"] for row in rows} == expected
    assert {row["verdict"] for row in rows} == {"never-used"}


def test_the_gravest_come_first(open_page: Open) -> None:
    risks = column(open_page(COMPANY), "risk")
    order = ["high", "medium", "low", ""]
    assert [order.index(r.strip()) for r in risks] == sorted(order.index(r.strip()) for r in risks)


def test_account_and_owner_are_there_on_a_phone(open_page: Open) -> None:
    page = open_page(COMPANY, viewport={"width": 390, "height": 844})
    cell = page.locator(".tabulator-cell[tabulator-field=user]").first
    gravest = min(COMPANY.findings, key=gravity)
    for name in ("user", "account", "owner"):
        expect(cell).to_contain_text(gravest[name])


CUT = (
    "(cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.innerText)"
)


def test_users_and_accounts_are_whole_on_a_phone(open_page: Open) -> None:
    page = open_page(COMPANY, viewport={"width": 390, "height": 844}, is_mobile=True)
    cells = page.locator('#table .tabulator-row [tabulator-field="user"], #table .tabulator-row small')
    assert cells.count() > len(OPEN) / 2
    assert cells.evaluate_all(CUT) == []


@pytest.mark.parametrize("width", [390, 1400])
def test_no_column_is_cut_off_in_a_review(open_page: Open, width: int) -> None:
    page = open_page(COMPANY, viewport={"width": width, "height": 900}, is_mobile=width < 600)
    page.click("#review summary")
    page.fill("#reviewer", "ciso@example.com")
    page.check("#pick-all")
    page.select_option("#filter-verdict", "stale")
    page.check("#pick-all")
    decide(page, "disable")
    expect(page.locator('#table [tabulator-field="decided"]').first).to_be_visible()
    holder = page.locator("#table .tabulator-tableholder")
    assert holder.evaluate("(box) => box.scrollWidth - box.clientWidth") <= 1
