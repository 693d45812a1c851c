"""The whole way of a review on the embedded AWS: decide in the page, export, check, enforce, report."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from playwright.sync_api import Browser

from custom_filters.runner.main import cli
from custom_filters.runner.run.policy_files import shipped
from custom_filters.sandbox.sandbox import Sandbox

_CHANGING = {"mark-for-op", "disable-unused"}


def invoke(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def policies(path: Path, decisions: Path | None = None) -> Path:
    """The shipped policies that mark and disable users; with `decisions` only what is approved."""
    data: list[Any] = [p.data for file in shipped("enforce", ["aws"]) for p in file.policies]
    wanted = [
        p
        for p in data
        if p["name"].startswith("aws-iam-user") and _actions(p) & {"mark-for-op", "disable-unused"}
    ]
    for policy in wanted:
        policy["max-resources"] = 50
        for found in policy["filters"]:
            if found.get("type") == "unused-credentials":
                found |= {"exemptions": "none"} | ({"decisions": str(decisions)} if decisions else {})
        for action in policy["actions"]:
            action.pop("limit-percent", None)
            if decisions and action["type"] == "disable-unused":
                action["require-decision"] = True
    path.write_text(yaml.safe_dump({"policies": wanted}))
    return path


def _actions(policy: dict[str, Any]) -> set[str]:
    return {action["type"] for action in policy.get("actions", ())}


def decided(browser: Browser, page_file: Path, uid: str, target: Path) -> None:
    """Approve one credential in the page, and keep what it exports."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(page_file.as_uri())
        page.click("#review summary")
        page.fill("#reviewer", "ciso@example.com")
        page.check(f"[data-pick='{uid}']")
        page.select_option("#choice", "disable")
        page.fill("#reason", "left in May")
        page.click("#decide")
        with page.expect_download() as waiting:
            page.click("#export")
        waiting.value.save_as(target)


def findings(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "report.json").read_text())["findings"]
    return found


@pytest.mark.slow
def test_only_what_a_reviewer_approved_is_disabled(
    sandbox: Sandbox, browser: Browser, tmp_path: Path
) -> None:
    plain, out, reviewed = policies(tmp_path / "plain.yml"), tmp_path / "out", tmp_path / "decisions.json"
    later = ("--now", (datetime.now(timezone.utc) + timedelta(days=15)).isoformat())
    assert invoke("run", "--enforce", "--yes", "-s", out, plain).exit_code == 0

    assert invoke("run", "-s", out, *later, plain).exit_code == 0
    seen = (out / "latest").resolve() / "report"
    due = [f for f in findings(seen) if f["phase"] == "marked" and f["counts_as"] in ("stale", "never-used")]
    chosen = next(f for f in due if f["credential"]["kind"] == "access-key")
    decided(browser, seen / "report.html", chosen["uid"], reviewed)
    checked = invoke("decisions", "check", reviewed, "--report", seen / "report.json")
    assert (checked.exit_code, "1 of 1 decisions hold." in checked.output) == (0, True)

    ran = invoke("run", "--enforce", "--yes", "-s", out, *later, policies(tmp_path / "decided.yml", reviewed))
    assert ran.exit_code == 0, ran.output
    assert "disabled 1 (undo: c7n-unused restore" in ran.output
    assert "no reviewer decided to disable it" in ran.output

    pack = tmp_path / "pack.zip"
    asked = ("-f", "json", "--decisions", reviewed, "--pack", pack)
    told = invoke("report", out, "-o", tmp_path / "report", *asked)
    assert "approved and still on 0" in told.output
    (done,) = [f for f in findings(tmp_path / "report") if f["done"] and f["done"]["result"] == "done"]
    assert (done["uid"], done["phase"], done["done"]["operation"]) == (chosen["uid"], "disabled", "disable")
    assert (done["decision"]["state"], done["decision"]["reviewer"]) == ("in-force", "ciso@example.com")
    with zipfile.ZipFile(pack) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["done"]["disable"] == 1
    assert manifest["calls"]["iam.UpdateAccessKey"] == 1
    assert "arn:aws" in manifest["who"]
    assert manifest["policies_commit"].startswith("sha256:")
