"""The whole walk on the embedded Entra, through stock `custodian`: it reads like the story that it is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from custom_filters.core.actionlog import verify

from custom_filters.azure.notes import EXTENSION
from custom_filters.azure.permissions import needed
from custom_filters.sandbox import Sandbox
from tests.azure.runs import DOMAIN, ENFORCE, custodian, embedded, person, utc

START = utc(2026, 6, 15, 12, 0)
NOTICE = timedelta(hours=336)
EXEMPT_EVE = f"""exemptions:
  - {{provider: azure, account: "*", user: exempted.eve@{DOMAIN}, reason: parental leave,
      approved_by: hr@example.com, expires: 2026-12-31}}
"""
PEOPLE = (
    person("stale.sam", START, 200),
    person("never.nina", START, None),
    person("returns.rita", START, 110),
    person("exempted.eve", START, 300),
    person("nonsense.nat", START, 100),
    person("hasty.hal", START, 80),
    person("active.amy", START, 1),
    person("admin.ada", START, 300, roles=("Global Administrator",)),
    person("eligible.eli", START, 300, eligible=("User Administrator",)),
    person("group.gus", START, 300, groups=("Helpdesk operators",)),
    person("synced.sue", START, 300, synced=True),
    person("new.ned", START, None, created=START - timedelta(days=3)),
    person("off.olga", START, 300, enabled=False),
    # The crowd, at work until long after the story's end: else `max-resources` would stop it.
    *(person(f"busy.{n}", START, 2) for n in range(40)),
)
ADMINS = {"admin.ada", "eligible.eli", "group.gus"}
MARKED = {"stale.sam", "never.nina", "returns.rita", "exempted.eve", "nonsense.nat", "hasty.hal", *ADMINS}


class Walk:
    """A tenant, its exemptions file and enforce.yml, run again and again."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.out = sandbox, folder
        self.exemptions = folder / "exemptions.yml"
        self.exemptions.write_text("exemptions: []\n")

    def run(self, *policies: Path | dict[str, Any], only: str = "") -> subprocess.CompletedProcess[str]:
        return custodian(self.sandbox, self.out, *(policies or (ENFORCE,)), only=only)

    def tags(self, name: str) -> dict[str, str]:
        texts = self.sandbox.azure.extensions(f"{name}@{DOMAIN}").get(EXTENSION, {}).get("tags", [])
        return dict(text.split("=", 1) for text in texts)

    def edit_mark(self, name: str, value: str) -> None:
        tags = {**self.tags(name), "c7n-unused": value}
        body = self.sandbox.azure.extensions(f"{name}@{DOMAIN}")[EXTENSION]
        body["tags"] = [f"{key}={text}" for key, text in tags.items()]

    def marked(self) -> set[str]:
        return {name for name in self.enabled() if "c7n-unused" in self.tags(name)}

    def enabled(self) -> dict[str, bool]:
        return {p.upn.partition("@")[0]: p.enabled for p in self.sandbox.azure.people}

    def log(self, policy: str) -> list[dict[str, Any]]:
        lines = (self.out / policy / "c7n-unused-actions.jsonl").read_text().splitlines()
        assert verify(lines) == []
        return [json.loads(line) for line in lines]


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
    assert walk.marked() == MARKED
    assert walk.tags("stale.sam")["c7n-unused"].endswith("disable-unused@2026/06/29 1200 UTC")
    assert walk.enabled() == before

    # Day 3: one mark becomes nonsense, one is moved into the past by hand. Neither brings anything forward.
    walk.sandbox.clock.advance(timedelta(days=3))
    walk.edit_mark("nonsense.nat", "disable-unused@2020/01/01 10:30 UTC")
    walk.edit_mark("hasty.hal", "moved by hand: disable-unused@2026/06/01 0000 UTC")
    again = walk.run()
    assert again.returncode == 0, again.stderr
    assert f"nonsense.nat@{DOMAIN}: mark c7n-unused is malformed" in again.stderr
    assert walk.enabled() == before

    # One minute before the due hour: still nothing.
    walk.sandbox.clock.set(START + NOTICE - timedelta(minutes=1))
    assert walk.run().returncode == 0
    assert walk.enabled() == before

    # The due hour. Rita signs in once the users are listed; Eve was exempted meanwhile.
    walk.sandbox.clock.set(START + NOTICE)
    walk.exemptions.write_text(EXEMPT_EVE)
    walk.sandbox.on_request = signs_in_once_listed(walk.sandbox, "returns.rita")
    due = walk.run(only="azure-directory-user-unused-disable")
    walk.sandbox.on_request = None
    assert due.returncode == 0, due.stderr
    disabled = {"stale.sam": False, "never.nina": False, "hasty.hal": False}
    assert walk.enabled() == {**before, **disabled}
    assert walk.marked() == {"nonsense.nat", "exempted.eve", *ADMINS}
    log = walk.log("azure-directory-user-unused-disable")
    reasons = {(line["principal"]["user"].partition("@")[0], line["result"]): line["reason"] for line in log}
    assert {reasons[admin, "skipped"] for admin in ADMINS} == {"privileged"}
    assert reasons["returns.rita", "skipped"].startswith("active: ")
    assert "sign-in=sign-in" in walk.tags("stale.sam")["c7n-unused-record"]
    assert walk.sandbox.azure.person(f"stale.sam@{DOMAIN}").sessions_valid_from is not None
    assert walk.sandbox.azure.person(f"admin.ada@{DOMAIN}").sessions_valid_from is None

    # Again, at once: Eve is unmarked, and nothing else is left to do.
    assert walk.run().returncode == 0
    assert walk.enabled() == {**before, **disabled}
    assert walk.marked() == {"nonsense.nat", *ADMINS}

    # The way back: everything that the records list.
    restored = walk.run(RESTORE)
    assert restored.returncode == 0, restored.stderr
    assert walk.enabled() == before
    assert {line["result"] for line in walk.log("restore")} == {"done", "skipped"}

    # Restored users are new again: they are not marked at once.
    assert walk.run().returncode == 0
    assert walk.marked() == {"nonsense.nat", *ADMINS}
    assert set(walk.tags("stale.sam")) == {"c7n-unused-restored"}


RESTORE = {"name": "restore", "resource": "azure.directory-user", "actions": [{"type": "enable-unused"}]}


def signs_in_once_listed(sandbox: Sandbox, name: str) -> Any:
    """A hook: single users are read only once all have been listed."""
    done: list[str] = []

    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if action == "GET /users/{id}" and not done:
            done.append(action)
            sandbox.azure.sign_in(f"{name}@{DOMAIN}")

    return hook
