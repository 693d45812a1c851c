"""What the kill harness plays on Entra: marking, disabling, restoring."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.azure.people import Person, object_id
from tests.azure.runs import ENFORCE, marked, notes, person, set_up, utc, write_note
from tests.faults import Story

NOW = utc(2026, 6, 15, 12, 0)
NOTICE = timedelta(days=14)
CROWD = tuple(person(f"busy.{n}", NOW, 2) for n in range(12))


def fill(sandbox: Sandbox, people: Iterable[tuple[Person, datetime | None]]) -> None:
    """These people, marked at a time, and a crowd at work; the app that holds their notes."""
    set_up(sandbox)
    for someone, at in [*people, *((busy, None) for busy in CROWD)]:
        sandbox.azure.add(someone)
        if at:
            marked(sandbox, someone.name, at)


def mark(sandbox: Sandbox) -> None:
    """Two users to be marked, one that came back and is to be unmarked."""
    unused = [(person("stale.sam", NOW, 100), None), (person("never.nina", NOW, None), None)]
    fill(sandbox, [*unused, (person("active.amy", NOW, 1), NOW - NOTICE)])


def disable(sandbox: Sandbox) -> None:
    """Two users whose notice is over, and one who came back."""
    people = (person("stale.sam", NOW, 200), person("never.nina", NOW, None), person("active.amy", NOW, 1))
    fill(sandbox, [(someone, NOW - NOTICE) for someone in people])


def restore(sandbox: Sandbox) -> None:
    """Two users that we disabled, and one whom somebody else did."""
    sam, sid = (person(f"stale.{name}", NOW, 200, enabled=False) for name in ("sam", "sid"))
    fill(sandbox, [(sam, None), (sid, None), (person("off.olga", NOW, 300, enabled=False), None)])
    for someone in (sam, sid):
        text = f"{someone.id} c7n-unused 2606011200 2606151200 off=2606151200 sign-in=sign-in"
        write_note(sandbox, someone.name, "c7n-unused-record", text)


def shipped(folder: Path) -> Path:
    """enforce.yml, as shipped."""
    (folder / "exemptions.yml").write_text("exemptions: []\n")
    return _written(folder, yaml.safe_load(ENFORCE.read_text()))


def _written(folder: Path, policies: dict[str, Any]) -> Path:
    """The policies, told where notes are: the story's child process has no variable for it."""
    app = object_id("app", str(SETTINGS.seed))
    for one in policies["policies"]:
        one["query"] = [{"notes-app": app}]
    path = folder / "policies.json"
    path.write_text(json.dumps(policies))
    return path


def restoring(folder: Path) -> Path:
    """enable-unused for everybody."""
    policy = {
        "name": "restore",
        "resource": "azure.directory-user",
        "actions": [{"type": "enable-unused", "tag": "c7n-unused"}],
    }
    return _written(folder, {"policies": [policy]})


def state(sandbox: Sandbox) -> dict[str, Any]:
    """Each user: enabled, marked, and what the record lists."""
    return {someone.upn: _state(sandbox, someone) for someone in sandbox.azure.people}


def _state(sandbox: Sandbox, someone: Person) -> dict[str, Any]:
    held = notes(sandbox, someone.name)
    return {
        "enabled": someone.enabled,
        "marked": "c7n-unused" in held,
        "record": [word for word in held.get("c7n-unused-record", "").split() if "=" in word],
    }


def violations(before: Any, now: Any) -> list[str]:
    """Nobody off without a record, nobody touched who is active, nothing lost."""
    found = [f"{name} is gone" for name in before if name not in now]
    for name, user in now.items():
        was = before[name]
        if was["enabled"] and not user["enabled"] and not user["record"][:1] > ["off="]:
            found.append(f"{name} is off without a record")
        if name.startswith(("active", "busy", "off")) and user["enabled"] != was["enabled"]:
            found.append(f"{name} was touched")
        if not user["enabled"] and was["record"] and not user["record"]:
            found.append(f"{name} is off, and its record is lost")
    return found


SETTINGS = Settings(users=0, now=NOW, clouds=("azure",))
THROTTLED = {"graph_429": 0.1, "graph_429_retry_after": 0.05}
LAGGING = {"graph_read_lag": 2, "graph_list_lag": 2}
STORIES = (
    Story("azure", "mark and unmark", SETTINGS, mark, shipped, state, violations),
    Story("azure", "disable", SETTINGS, disable, shipped, state, violations),
    Story("azure", "disable, 10 % throttled", SETTINGS, disable, shipped, state, violations, THROTTLED),
    Story("azure", "disable, reads lag 2 s", SETTINGS, disable, shipped, state, violations, LAGGING),
    Story("azure", "restore", SETTINGS, restore, restoring, state, violations),
)
