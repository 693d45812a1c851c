"""The whole walk on the embedded Entra, through stock `custodian`: it reads like the story that it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custom_filters.azure.notes import APP_VARIABLE
from custom_filters.azure.permissions import needed
from custom_filters.core.journal import verify
from custom_filters.sandbox import Sandbox
from tests.azure.runs import DOMAIN, ENFORCE, custodian, embedded, notes, person, utc, write_note

pytestmark = pytest.mark.slow

START = utc(2026, 6, 15, 12, 0)
NOTICE = timedelta(hours=336)
DUE = "Unused: disable-unused@2026/06/29 1200 UTC"
NOBODY = "exemptions: []\n"
EXEMPT_EVE = f"""exemptions:
  - {{provider: azure, account: "*", user: exempted.eve@{DOMAIN}, reason: parental leave,
      approved_by: hr@example.com, expires: 2026-12-31}}
"""
PEOPLE = (
    person("stale.sam", START, 200),
    person("never.nina", START, None, licenses=("E3",)),
    person("returns.rita", START, 110),
    person("exempted.eve", START, 300),
    person("active.amy", START, 1),
    person("admin.ada", START, 300, roles=("Global Administrator",)),
    person("eligible.eli", START, 300, eligible=("User Administrator",)),
    person("group.gus", START, 300, groups=("Helpdesk operators",)),
    person("synced.sue", START, 300, synced=True),
    person("restricted.rob", START, 300, restricted=True),
    person("shared.box", START, None, purpose="shared"),
    person("new.ned", START, None, created=START - timedelta(days=3)),
    person("hired.hannah", START, None, hired=START + timedelta(days=10), licenses=("E3",)),
    person("off.olga", START, 300, enabled=False),
    # The crowd, at work until long after the story's end.
    *(person(f"busy.{n}", START, 2) for n in range(40)),
)
MARKED = {"stale.sam", "never.nina", "returns.rita", "exempted.eve"}
PREFIX = "azure-directory-user-unused"


class Walk:
    """A tenant, its exemptions file and enforce.yml, run again and again."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.out = sandbox, folder
        self.exempt(NOBODY)

    def exempt(self, text: str) -> None:
        (self.out / "exemptions.yml").write_text(text)

    def run(self, *policies: Path | dict[str, Any], only: str = "") -> subprocess.CompletedProcess[str]:
        return custodian(self.sandbox, self.out, *(policies or (ENFORCE,)), only=only)

    def restore_all(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "custom_filters", "restore", str(self.out), "--all"],
            env={**self.sandbox.child_environment(), APP_VARIABLE: self.sandbox.azure.app.client},
            cwd=self.out, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def marked(self) -> set[str]:
        return {name for name in self.enabled() if "c7n-unused" in notes(self.sandbox, name)}

    def recorded(self) -> set[str]:
        return {name for name in self.enabled() if "c7n-unused-record" in notes(self.sandbox, name)}

    def enabled(self) -> dict[str, bool]:
        return {p.upn.partition("@")[0]: p.enabled for p in self.sandbox.azure.people}

    def log(self, policy: str) -> list[dict[str, Any]]:
        lines = (self.out / policy / "c7n-unused-actions.jsonl").read_text().splitlines()
        assert verify(lines) == []
        return [json.loads(line) for line in lines]

    def outcomes(self, policy: str) -> dict[str, str]:
        """User -> what became of it last."""
        return {
            line["principal"]["user"].partition("@")[0]: f"{line['result']}: {line['reason']}"
            for line in self.log(policy)
            if line["step"] == "outcome"
        }


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    with embedded(now=START) as sandbox:
        # Exactly what `c7n-unused permissions -p azure --enforce` prints.
        sandbox.azure.permissions.intersection_update(p.name for p in needed(enforce=True))
        for someone in PEOPLE:
            sandbox.azure.add(someone)
        yield Walk(sandbox, tmp_path)


def test_from_notice_to_restore(walk: Walk) -> None:
    before = walk.enabled()

    # Day 0: who is unused for 76 days is marked, with 14 days' notice. Nobody is disabled.
    first = walk.run()
    assert first.returncode == 0, first.stderr
    assert walk.marked() == walk.recorded() == MARKED
    assert notes(walk.sandbox, "stale.sam")["c7n-unused"] == DUE
    assert walk.enabled() == before
    told = walk.outcomes(f"{PREFIX}-mark")
    assert all("directory role" in told[name] for name in ("admin.ada", "eligible.eli", "group.gus"))

    # Day 3: Rita signs in, and is unmarked. Eve is exempted.
    walk.sandbox.clock.advance(timedelta(days=3))
    walk.sandbox.azure.hand("use", f"returns.rita@{DOMAIN}")
    walk.exempt(EXEMPT_EVE)
    again = walk.run()
    assert again.returncode == 0, again.stderr
    assert walk.marked() == walk.recorded() == MARKED - {"returns.rita", "exempted.eve"}

    # One minute before the due hour: still nothing.
    walk.sandbox.clock.set(START + NOTICE - timedelta(minutes=1))
    assert walk.run().returncode == 0
    assert walk.enabled() == before

    # Day 15: who was given notice is disabled, in one write with the record.
    walk.sandbox.clock.set(START + timedelta(days=15))
    walk.sandbox.calls.clear()
    due = walk.run()
    assert due.returncode == 0, due.stderr
    disabled = {"stale.sam": False, "never.nina": False}
    assert walk.enabled() == {**before, **disabled}
    assert walk.sandbox.calls["azure:batch:PATCH /users/{id}"] == 2
    assert walk.marked() == set()
    assert "off=2606301200 sign-in=sign-in" in notes(walk.sandbox, "stale.sam")["c7n-unused-record"]
    assert walk.sandbox.azure.person(f"stale.sam@{DOMAIN}").sessions_valid_from is not None
    sessions = [line["sessions"] for line in walk.log(f"{PREFIX}-disable") if line["step"] == "outcome"]
    assert sessions == ["ended", "ended"]

    # Again: nothing is left to do.
    assert walk.run().returncode == 0
    assert walk.enabled() == {**before, **disabled}

    # The way back: everything that the run's journal lists, and no record stays. Again: nothing to do.
    for said in ("restored from its record", "already restored"):
        restored = walk.restore_all()
        assert restored.returncode == 0, restored.stdout + restored.stderr
        assert said in restored.stdout
        assert walk.enabled() == before
        assert walk.recorded() == set()


def test_what_cannot_be_right_is_told_once_and_replaced(walk: Walk) -> None:
    assert walk.run().returncode == 0
    write_note(walk.sandbox, "stale.sam", "c7n-unused", "disable-unused@2020/01/01 10:30 UTC")
    write_note(walk.sandbox, "never.nina", "c7n-unused-record", None)
    write_note(walk.sandbox, "active.amy", "c7n-unused", "moved by hand")
    told = walk.run()
    assert told.returncode == 2
    for name in ("stale.sam", "never.nina", "active.amy"):
        assert name in told.stderr
    assert notes(walk.sandbox, "stale.sam")["c7n-unused"] == DUE
    assert walk.marked() == walk.recorded() == MARKED
    assert walk.run().returncode == 0


def test_use_between_the_listing_and_the_change_is_seen(walk: Walk) -> None:
    assert walk.run().returncode == 0
    walk.sandbox.clock.set(START + NOTICE)
    walk.sandbox.on_request = signs_in_once_listed(walk.sandbox, "returns.rita")
    due = walk.run(only=f"{PREFIX}-disable")
    assert due.returncode == 0, due.stderr
    assert {name for name in MARKED if not walk.enabled()[name]} == MARKED - {"returns.rita"}
    assert walk.outcomes(f"{PREFIX}-disable")["returns.rita"].startswith("done: active: ")


def signs_in_once_listed(sandbox: Sandbox, name: str) -> Any:
    """A hook: single users are read only once all have been listed."""
    done: list[str] = []

    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if action == "GET /users/{id}" and not done:
            done.append(action)
            sandbox.azure.hand("use", f"{name}@{DOMAIN}")

    return hook
