"""The page by itself; tests/browser opens it."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

import pytest

from custom_filters.core.report import Report
from custom_filters.reports import html
from custom_filters.reports.html import environment, render
from tests.reports.hostile import NAMES
from tests.reports.samples import MARKED, credential, evaluation, exempt, report, user, value

ASSETS = files("custom_filters.reports").joinpath("assets")


def page(made: Report) -> str:
    return "".join(render(made))


def summary(made: Report) -> str:
    """The visible text above the table of credentials."""
    body = page(made).partition("<main>")[2].partition('id="credentials-title"')[0]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


MADE = report(
    value(user("alice", credential(200)), MARKED),
    value(user("bob", credential(2)), MARKED),
    value(exempt("carol", credential(400), days=10)),
    value(exempt("dave", credential(400), days=60)),
    value(exempt("erin", credential(1000), days=-1)),
    evaluations=[evaluation(), evaluation("broken", "222222222222", evaluated=False, problem="AccessDenied")],
)


def test_the_policy_allows_just_the_scripts_and_styles_that_are_there() -> None:
    text = page(MADE)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        there = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in there}
        assert set(policy[1].partition(f"{directive} ")[2].partition(";")[0].split()) == hashes
    assert "unsafe" not in policy[1]
    assert policy[1].startswith("default-src 'none'; ")


def test_the_page_names_no_other_file() -> None:
    own = page(MADE).replace((ASSETS / "tabulator/tabulator.min.js").read_text().strip(), "")
    assert re.findall(r"""(?:src|href|url|action)\s*[=(]\s*["']?(?!#)[a-z./]""", own) == []
    assert " style=" not in own
    assert "sourceMappingURL" not in page(MADE)


@pytest.mark.parametrize("name", ["tabulator/tabulator.min.js", "report.js", "report.css"])
def test_our_assets_cannot_end_their_element(name: str) -> None:
    assert re.search(r"</(script|style)|<!--", (ASSETS / name).read_text()) is None


def test_the_table_library_comes_with_its_licence() -> None:
    assert "MIT License" in (ASSETS / "tabulator/LICENSE").read_text()


def body_of(name: str) -> str:
    """The static part of a page on which everything has this name."""
    failed = evaluation(name, name, evaluated=False, problem=name)
    text = page(report(value(user(name, credential(200), owner=name)), evaluations=[failed]))
    return text.partition("<body>")[2].partition('id="data"')[0]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_are_text(name: str) -> None:
    static, expected = (body_of(text) for text in (name, "x"))
    assert re.findall(r"<\w+", static) == re.findall(r"<\w+", expected)
    assert re.findall("[\u202a-\u202e\u2066-\u2069\x00-\x08]", static) == []


def test_a_template_escapes_and_knows_all_its_names() -> None:
    made = environment().from_string("{{ name }}")
    assert made.render(name="<b>") == "&lt;b&gt;"
    with pytest.raises(Exception, match="'name' is undefined"):
        made.render()


def test_what_stands_on_top() -> None:
    told = summary(MADE)
    assert told.startswith("1 not evaluated: nothing is known of these")
    assert "222222222222 broken AccessDenied" in told
    assert "Unused credentials 2 held by 2 users" in told  # alice, and erin whose exemption has ended
    assert "Came back after a mark 1 of 2 marked users" in told
    assert "2026-12-02 disable-unused 1" in told  # alice; bob is back in use
    listed = re.findall(r"(\d{4}-\d\d-\d\d)( expired)? aws 111111111111 (\w+) break-glass", told)
    assert listed == [("2026-11-22", " expired", "erin"), ("2026-12-03", "", "carol")]
    assert "180 to 364 1" in told
    assert "730 or more 1" in told
    assert "Everything was evaluated" in summary(report(value(user("alice", credential(200)))))
    assert "no credentials" in summary(report(evaluations=[evaluation()]))


def test_a_fleet_gets_totals_and_the_gravest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "INTERACTIVE_ROWS", 4)
    monkeypatch.setattr(html, "GRAVEST_ROWS", 2)
    text = page(MADE)
    assert "5 credentials are too many for one page: these are the 2 gravest" in text
    static = text.partition('id="static"')[2].partition("</table>")[0]
    assert re.findall(r"<bdi>(\w+)</bdi></a>", static) == ["erin", "alice"]


def test_what_was_resolved_is_told() -> None:
    gone = report(value(user("zoe", credential(200)))).findings
    told = summary(Report(MADE.findings, MADE.evaluations, MADE.as_of, gone))
    assert "aws 111111111111 zoe access-key AKIAEXAMPLE1" in told
    assert "0 new, 1 resolved, 0 reactivated" in told
