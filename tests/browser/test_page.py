"""The report as a person meets it: read, searched, sorted, folded, printed, with and without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from custom_filters.core.report import Report
from custom_filters.reports.html import STATIC_ROWS
from tests.browser.company import report
from tests.browser.conftest import Open
from tests.reports import samples
from tests.reports.hostile import NAMES

COMPANY = report(60)
HOSTILE = samples.report(
    *(
        samples.value(samples.user(name, samples.credential(200), owner=name, account=name))
        for name in NAMES.values()
    ),
    evaluations=[samples.evaluation(n, account=n, evaluated=False, problem=n) for n in NAMES.values()],
)


def shown(page: Page) -> int:
    return int(page.inner_text("#shown").split()[0].replace(",", ""))


def column(page: Page, field: str) -> list[str]:
    return page.locator(f".tabulator-cell[tabulator-field={field}]").all_inner_texts()


def test_what_was_not_evaluated_stands_on_top(open_page: Open) -> None:
    page = open_page(COMPANY)
    first = page.locator("main h2").first
    expect(first).to_have_text("2 not evaluated: nothing is known of these")
    assert "AccessDenied on GenerateCredentialReport" in page.locator("main table").first.inner_text()
    assert first.bounding_box()["y"] < 200  # type: ignore[index]


def test_search_and_filters(open_page: Open) -> None:
    page = open_page(COMPANY)
    total = len(COMPANY.findings)
    assert shown(page) == total
    unknown = sum(f["verdict"] == "unknown" and f["user_verdict"] != "exempt" for f in COMPANY.findings)
    page.select_option("#filter-verdict", "unknown")
    expect(page.locator("#shown")).to_have_text(f"{unknown} of {total} credentials")
    page.click("#reset")
    expect(page.locator("#shown")).to_have_text(f"{total} of {total} credentials")
    name = COMPANY.findings[3]["user"]  # type: ignore[index]
    page.fill("#search", f"  {name.upper()} access")
    found = [f for f in COMPANY.findings if f["user"] == name and f["credential"]["kind"] == "access-key"]
    expect(page.locator("#shown")).to_have_text(f"{len(found)} of {total} credentials")


def test_sorting_and_columns_by_keyboard(open_page: Open) -> None:
    page = open_page(COMPANY)
    page.focus(".tabulator-col[tabulator-field=days_unused]")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    days = [int(text) for text in column(page, "days_unused") if text.strip()]
    assert days == sorted(days, reverse=True)
    page.focus("#columns summary")
    page.keyboard.press("Enter")
    assert column(page, "user_type") == []
    page.focus("[data-column=user_type]")
    page.keyboard.press("Space")
    expect(page.locator(".tabulator-cell[tabulator-field=user_type]").first).to_be_visible()
    page.keyboard.press("Space")
    expect(page.locator(".tabulator-col[tabulator-field=user_type]")).to_have_count(0)


def test_grouped_by_account_owner_and_user(open_page: Open) -> None:
    page = open_page(COMPANY)
    page.check("#grouped")
    levels = [page.locator(f".tabulator-group-level-{n}").first for n in range(3)]
    before = page.locator(".tabulator-row:not(.tabulator-group)").count()
    levels[0].focus()
    page.keyboard.press("Enter")
    expect(levels[0]).to_have_attribute("aria-expanded", "false")
    assert page.locator(".tabulator-row:not(.tabulator-group)").count() != before


def test_evidence_on_demand_and_a_link_to_one_finding(open_page: Open) -> None:
    finding = COMPANY.findings[0]  # type: ignore[index]
    page = open_page(COMPANY, f"#{finding['uid']}")
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text(finding["reason"])
    expect(dialog).to_contain_text(finding["evidence"][0]["source"])
    expect(dialog).to_contain_text("CIS AWS Foundations 5.0: 1.11")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).not_to_be_visible()
    expect(page).to_have_url(re.compile("^[^#]*$"))
    link = page.locator(".tabulator-row a").first
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] h2")).to_contain_text(link.inner_text())


def test_the_first_rows_are_there_without_javascript(open_page: Open) -> None:
    page = open_page(report(700), java_script_enabled=False)
    rows = page.locator("#static tbody tr")
    assert rows.count() == STATIC_ROWS
    expect(rows.first).to_be_visible()
    assert rows.first.get_attribute("id")
    expect(page.locator("#static-more")).to_contain_text("500 of ")
    assert not page.locator("#controls").is_visible()


def test_hostile_names_do_nothing(open_page: Open) -> None:
    page = open_page(HOSTILE)
    assert shown(page) == len(NAMES)
    assert page.locator("script").count() == 3
    assert page.locator("img, iframe, [onerror], a[href^=http]").count() == 0
    page.fill("#search", "<script>alert(1)</script><img")
    expect(page.locator("#shown")).to_have_text(f"1 of {len(NAMES)} credentials")
    page.click(".tabulator-row a")
    expect(page.locator("dialog[open] h2")).to_contain_text(NAMES["HTML"])


def test_print_has_every_row_and_room_to_sign(open_page: Open) -> None:
    page = open_page(COMPANY)
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#print tbody tr").count() == len(COMPANY.findings)
    expect(page.locator("#print tbody tr").first).to_be_visible()
    expect(page.get_by_text("Reviewed by:")).to_be_visible()
    expect(page.locator("#controls")).not_to_be_visible()
    assert page.locator("main details:not([open])").count() == 0


@pytest.mark.slow
def test_fifty_thousand_rows(open_page: Open) -> None:
    rows = report(350).findings
    many = [
        {**f, "uid": f"{n:032x}", "user": f"{f['user']}-{n}"} for n, f in enumerate(list(rows)[:500] * 100)
    ]
    page = open_page(Report(many, COMPANY.evaluations, COMPANY.as_of))
    assert shown(page) == 50_000
    page.fill("#search", "-12345")
    expect(page.locator("#shown")).to_have_text("1 of 50,000 credentials")
    page.click("#reset")
    page.click(".tabulator-col[tabulator-field=user]")
    assert page.locator("#table .tabulator-row").count() < 200


VIEWS: dict[str, dict[str, Any]] = {
    "desktop": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("options", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("detail", [False, True], ids=["page", "finding"])
def test_accessible(open_page: Open, options: dict[str, Any], detail: bool) -> None:
    anchor = f"#{COMPANY.findings[0]['uid']}" if detail else ""  # type: ignore[index]
    page = open_page(COMPANY, anchor, **options)
    found = Axe().run(page).response["violations"]
    grave = [
        f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in ("serious", "critical")
    ]
    assert grave == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
