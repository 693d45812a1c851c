"""`python -m tests.browser.screenshot FILE.png [dark|phone]`: a picture of the sample report, for README."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from custom_filters.reports.html import render
from tests.browser.company import report
from tests.browser.conftest import chromium

_USERS = 40
VIEWS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1360, "height": 900}},
    "dark": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True},
}


def main() -> int:
    """Write the picture; 2 when there is no browser."""
    target, view = Path(sys.argv[1]), VIEWS[(sys.argv[2:] or ["desktop"])[0]]
    path = chromium()
    if path is None:
        print("no Chromium on this machine: apt-get install chromium", file=sys.stderr)
        return 2
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder, "report.html")
        page_file.write_text("".join(render(report(_USERS))), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(**view)
        page.goto(page_file.as_uri())
        page.wait_for_selector("#controls:not([hidden])")
        target.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=target, full_page=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
