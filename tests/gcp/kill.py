"""What the kill harness plays on Google: users, a service account with an owner's description, keys."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from custom_filters.core.notes import Item
from custom_filters.gcp.schema import SCHEMA
from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.gcp.people import Key, ServiceAccount
from tests.faults import Story
from tests.gcp.runs import ENFORCE, account, add_schema, key, noted_account, noted_person, person, utc

NOW = utc(2026, 6, 15, 12, 0)
OWNER = "Nightly invoices; owner: finance@"
CROWD = tuple(person(f"busy.{n}", NOW, 2) for n in range(8))


def mark(sandbox: Sandbox) -> None:
    """A user, an account and two of its keys to be marked; others that came back, to be unmarked."""
    fill(sandbox)
    back = account(sandbox, "active", NOW, 1, description="Metrics")
    stale = account(sandbox, "stale", NOW, 100, description=OWNER)
    amy = noted_person(person("active.amy", NOW, 1), NOW)
    sandbox.gcp.add(person("stale.sam", NOW, 100), amy)
    mixed = account(sandbox, "keys", NOW, 1, description="Exports")
    sandbox.gcp.add(noted_account(back, NOW), stale, mixed, *keys(mixed))


def disable(sandbox: Sandbox) -> None:
    """A user, an account and two keys of another whose notice is over."""
    fill(sandbox)
    stale = noted_account(account(sandbox, "stale", NOW, 100, description=OWNER), NOW)
    back = noted_account(account(sandbox, "active", NOW, 1, description="Metrics"), NOW)
    sandbox.gcp.add(
        noted_person(person("stale.sam", NOW, 200), NOW),
        noted_person(person("active.amy", NOW, 1), NOW),
        stale,
        back,
        *with_keys(sandbox, off=False),
    )


def restore(sandbox: Sandbox) -> None:
    """What we switched off, and what somebody else did."""
    fill(sandbox)
    off = noted_account(account(sandbox, "stale", NOW, 100, description=OWNER), NOW, off=True)
    sandbox.gcp.add(
        noted_person(person("stale.sam", NOW, 200), NOW, off=True),
        person("active.off", NOW, 200, suspended=True),
        off,
        *with_keys(sandbox, off=True),
    )


def fill(sandbox: Sandbox) -> None:
    """Crowds at work, so that `max-resources` stops nothing."""
    add_schema(sandbox.gcp, NOW - timedelta(days=99))
    busy = [account(sandbox, f"busy-{n}", NOW, 2) for n in range(8)]
    sandbox.gcp.add(*CROWD, *busy, *(key(a, f"b{n:07}", NOW, 2) for n, a in enumerate(busy)))


def with_keys(sandbox: Sandbox, *, off: bool) -> list[ServiceAccount | Key]:
    """An account with notes on its two idle keys."""
    mixed = account(sandbox, "keys", NOW, 1, description="Exports")
    held = keys(mixed)
    idle = [Item("service-account-key", k.id) for k in held[:2]]
    return [noted_account(mixed, NOW, *idle, off=off), *(replace(k, disabled=off) for k in held[:2]), held[2]]


def keys(owner: ServiceAccount) -> list[Key]:
    """Two keys that nobody uses and one in use."""
    idle = [key(owner, f"aaaaaaa{n}", NOW, days) for n, days in ((1, 150), (2, None))]
    return [*idle, key(owner, "bbbbbbb3", NOW, 1)]


def shipped(folder: Path) -> Path:
    """enforce.yml, as shipped."""
    (folder / "exemptions.yml").write_text("exemptions: []\n")
    path = folder / "enforce.yml"
    path.write_text(ENFORCE.read_text())
    return path


def restoring(folder: Path) -> Path:
    """enable-unused for everything."""
    resources = ("directory-user", "service-account", "service-account-key")
    policies = [
        {
            "name": f"restore-{name}",
            "resource": f"gcp.{name}",
            "actions": [{"type": "enable-unused", "tag": "c7n-unused"}],
        }
        for name in resources
    ]
    path = folder / "restore.yml"
    path.write_text(json.dumps({"policies": policies}))
    return path


def state(sandbox: Sandbox) -> dict[str, Any]:
    """What is on, what is marked, what is recorded, by user, account and key."""
    held = sandbox.gcp.state
    found: dict[str, Any] = {
        p.email.partition("@")[0]: {"on": not p.suspended, "notes": sorted(p.custom.get(SCHEMA, {}))}
        for p in held.people.values()
    }
    for one in held.accounts.values():
        text, _, notes = one.description.replace(one.unique_id, "ID").partition("[")
        name = one.email.partition("@")[0]
        found[name] = {"on": not one.disabled, "text": text.strip(), "notes": notes}
        for k in held.keys.get(one.email, {}).values():
            found[f"{name}/{k.id[:8]}"] = {"on": not k.disabled, "notes": notes}
    return found


def violations(before: Any, now: Any) -> list[str]:
    """Nothing off without a record, nothing touched that is active, no owner's text lost."""
    found = [f"{name} is gone" for name in before if name not in now]
    for name, thing in now.items():
        was = before[name]
        if was["on"] and not thing["on"] and not _recorded(name, thing):
            found.append(f"{name} is off without a record")
        if name.startswith(("active", "busy", "keys/b", "own", "delegate")) and thing["on"] != was["on"]:
            found.append(f"{name} was touched")
        if thing.get("text") != was.get("text"):
            found.append(f"{name}: the owner's text became {thing.get('text')!r}")
        if not thing["on"] and _recorded(name, was) and not _recorded(name, thing):
            found.append(f"{name} is off, and its record is lost")
    return found


def _recorded(name: str, thing: Any) -> bool:
    if isinstance(thing["notes"], list):
        return "c7n_unused_record" in thing["notes"]
    record = next((part for part in thing["notes"].split("[") if part.startswith("c7n-unused-record")), "")
    return (" off=" in record or " go=" in record) and (
        name.partition("/")[2] or "service-account=service-account"
    ) in record


SETTINGS = Settings(users=0, now=NOW, clouds=("gcp",), faults={"gcp_read_lag": 2, "gcp_list_lag": 2})
THROTTLED = {"gcp_429": 0.1}
STORIES = (
    Story("gcp", "mark and unmark", SETTINGS, mark, shipped, state, violations),
    Story("gcp", "disable", SETTINGS, disable, shipped, state, violations),
    Story("gcp", "disable, 10 % throttled", SETTINGS, disable, shipped, state, violations, THROTTLED),
    Story("gcp", "restore", SETTINGS, restore, restoring, state, violations),
)
