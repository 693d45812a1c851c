"""A headless Chromium for the report's page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from custom_filters.core.report import Report
from custom_filters.reports.html import render
from tests.runner.conftest import sandbox  # noqa: F401 (a fixture)

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRED = "C7N_UNUSED_BROWSER"


def chromium() -> str | None:
    """Path of the browser; CI sets `C7N_UNUSED_BROWSER` to one, so that nothing is skipped there."""
    return os.environ.get(REQUIRED) or next(filter(None, map(shutil.which, _NAMES)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip(f"no Chromium on this machine (apt-get install chromium, or set {REQUIRED} to its path)")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not work as root, which is what containers run as.
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a report; at the end of the test nothing may have been logged, refused or fetched."""
    complaints: list[str] = []
    contexts = []

    def open_report(report: Report, anchor: str = "", **options: Any) -> Page:
        path = tmp_path / "report.html"
        path.write_text("".join(render(report)), encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 1000}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda r: None if r.url.startswith(path.as_uri()) else complaints.append(r.url))
        page.goto(path.as_uri() + anchor)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("#controls:not([hidden])")
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert complaints == []
