"""What the kill harness plays on Entra: marking, disabling, restoring."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from custom_filters.azure.notes import EXTENSION
from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.azure.people import Person
from tests.azure.runs import ENFORCE, person, utc
from tests.faults import Story

NOW = utc(2026, 6, 15, 12, 0)
DUE = (
    "c7n-unused=unused: disable-unused@2026/06/15 1200 UTC",
    "c7n-unused-marked=1/1 2026-06-01T12:00:00Z until=2026-06-15T12:00:00Z sign-in=sign-in",
)
RECORD = ("c7n-unused-record=1/1 2026-06-01T12:00:00Z sign-in=sign-in",)
CROWD = tuple(person(f"busy.{n}", NOW, 2) for n in range(12))


def fill(sandbox: Sandbox, people: Iterable[tuple[Person, tuple[str, ...]]]) -> None:
    """These people with the texts of our extension, and a crowd at work."""
    for someone, texts in [*people, *((busy, ()) for busy in CROWD)]:
        sandbox.azure.add(someone)
        if texts:
            sandbox.azure.extensions(someone.upn)[EXTENSION] = {"tags": list(texts)}


def mark(sandbox: Sandbox) -> None:
    """Two users to be marked, one that came back and is to be unmarked."""
    unused = [(person("stale.sam", NOW, 100), ()), (person("never.nina", NOW, None), ())]
    fill(sandbox, [*unused, (person("active.amy", NOW, 1), DUE)])


def disable(sandbox: Sandbox) -> None:
    """Two users whose notice is over, one of whom was restored long ago."""
    restored = f"c7n-unused-restored=1/1 {NOW - timedelta(days=99):%Y-%m-%dT%H:%M:%SZ} sign-in=sign-in"
    due = [(person("stale.sam", NOW, 200), (*DUE, restored)), (person("never.nina", NOW, None), DUE)]
    fill(sandbox, [*due, (person("active.amy", NOW, 1), DUE)])


def restore(sandbox: Sandbox) -> None:
    """Two users that we disabled, and one whom somebody else did."""
    off = [(person(f"stale.{name}", NOW, 200, enabled=False), RECORD) for name in ("sam", "sid")]
    fill(sandbox, [*off, (person("off.olga", NOW, 300, enabled=False), ())])


def shipped(folder: Path) -> Path:
    """enforce.yml, as shipped."""
    (folder / "exemptions.yml").write_text("exemptions: []\n")
    path = folder / "enforce.yml"
    path.write_text(ENFORCE.read_text())
    return path


def restoring(folder: Path) -> Path:
    """enable-unused for everybody."""
    policy = {
        "name": "restore",
        "resource": "azure.directory-user",
        "actions": [{"type": "enable-unused", "tag": "c7n-unused"}],
    }
    path = folder / "restore.yml"
    path.write_text(json.dumps({"policies": [policy]}))
    return path


def state(sandbox: Sandbox) -> dict[str, Any]:
    """Each user: enabled, marked, what the record lists, and the names of what else we noted."""
    return {someone.upn: _state(sandbox, someone) for someone in sandbox.azure.people}


def _state(sandbox: Sandbox, someone: Person) -> dict[str, Any]:
    texts = sandbox.azure.extensions(someone.upn).get(EXTENSION, {}).get("tags", [])
    tags = dict(text.split("=", 1) for text in texts)
    record = tags.pop("c7n-unused-record", "")
    return {
        "enabled": someone.enabled,
        "marked": "c7n-unused" in tags,
        "record": sorted(word for word in record.split() if "=" in word),
        "notes": sorted(tags),
    }


def violations(before: Any, now: Any) -> list[str]:
    """Nobody off without a record, nobody touched who is active, nothing lost."""
    found = [f"{name} is gone" for name in before if name not in now]
    for name, user in now.items():
        was = before[name]
        if was["enabled"] and not user["enabled"] and user["record"] != ["sign-in=sign-in"]:
            found.append(f"{name} is off without a record")
        if name.startswith(("active", "busy", "off")) and user["enabled"] != was["enabled"]:
            found.append(f"{name} was touched")
        if not user["enabled"] and was["record"] and not user["record"]:
            found.append(f"{name} is off, and its record is lost")
        if "c7n-unused-restored" in was["notes"] and "c7n-unused-restored" not in user["notes"]:
            found.append(f"{name}: the note of its restore is lost")
    return found


SETTINGS = Settings(users=0, now=NOW, clouds=("azure",))
THROTTLED = {"graph_429": 0.1, "graph_429_retry_after": 0.05}
STORIES = (
    Story("azure", "mark and unmark", SETTINGS, mark, shipped, state, violations),
    Story("azure", "disable", SETTINGS, disable, shipped, state, violations),
    Story("azure", "disable, 10 % throttled", SETTINGS, disable, shipped, state, violations, THROTTLED),
    Story("azure", "restore", SETTINGS, restore, restoring, state, violations),
)
