"""What the kill harness plays on Google: users, a service account with an owner's description, keys."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from custom_filters.gcp.schema import SCHEMA
from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.gcp.people import Key, ServiceAccount
from tests.faults import Story
from tests.gcp.runs import ENFORCE, account, add_schema, key, person, utc

NOW = utc(2026, 6, 15, 12, 0)
STAMP = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
DUE = "Unused: disable-unused@2026/06/15 1200 UTC"
MARKED = {"c7n_unused": DUE, "c7n_unused_marked": f"1/1 {STAMP} until={STAMP} sign-in=sign-in"}
RECORD = {"c7n_unused_record": f"1/1 {STAMP} sign-in=sign-in"}
NOTES = f"[c7n-unused: {DUE}][c7n-unused-marked: {STAMP}]"
OWNER = "Nightly invoices; owner: finance@"
CROWD = tuple(person(f"busy.{n}", NOW, 2) for n in range(8))


def mark(sandbox: Sandbox) -> None:
    """A user, an account and two of its keys to be marked; others that came back, to be unmarked."""
    fill(sandbox)
    back = account(sandbox, "active", NOW, 1, description=f"Metrics {NOTES}")
    stale = account(sandbox, "stale", NOW, 100, description=OWNER)
    sandbox.gcp.add(person("stale.sam", NOW, 100), person("active.amy", NOW, 1, custom={SCHEMA: MARKED}))
    mixed = account_with_keys(sandbox, "")
    sandbox.gcp.add(back, stale, mixed, *keys(mixed))


def disable(sandbox: Sandbox) -> None:
    """A user, an account and two keys of another whose notice is over."""
    fill(sandbox)
    both = f"[c7n-unused aaaaaaa1,aaaaaaa2: {DUE}][c7n-unused-marked aaaaaaa1,aaaaaaa2: {STAMP}]"
    stale = account(sandbox, "stale", NOW, 100, description=f"{OWNER} {NOTES}")
    back = account(sandbox, "active", NOW, 1, description=f"Metrics {NOTES}")
    mixed = account_with_keys(sandbox, f" {both}")
    sandbox.gcp.add(
        person("stale.sam", NOW, 200, custom={SCHEMA: MARKED}),
        person("active.amy", NOW, 1, custom={SCHEMA: MARKED}),
        stale,
        back,
        mixed,
        *keys(mixed),
    )


def restore(sandbox: Sandbox) -> None:
    """What we switched off, and what somebody else did."""
    fill(sandbox)
    off = account(
        sandbox, "stale", NOW, 100, disabled=True, description=f"{OWNER} [c7n-unused-record: {STAMP}]"
    )
    mixed = account_with_keys(sandbox, f" [c7n-unused-record aaaaaaa1,aaaaaaa2: {STAMP}]")
    sandbox.gcp.add(
        person("stale.sam", NOW, 200, suspended=True, custom={SCHEMA: RECORD}),
        person("active.off", NOW, 200, suspended=True),
        off,
        mixed,
        *(replace(k, disabled=k.id.startswith("aaaaaaa")) for k in keys(mixed)),
    )


def fill(sandbox: Sandbox) -> None:
    """Crowds at work, so that `max-resources` stops nothing."""
    add_schema(sandbox.gcp, NOW - timedelta(days=99))
    busy = [account(sandbox, f"busy-{n}", NOW, 2) for n in range(8)]
    sandbox.gcp.add(*CROWD, *busy, *(key(a, f"b{n:07}", NOW, 2) for n, a in enumerate(busy)))


def account_with_keys(sandbox: Sandbox, notes: str) -> ServiceAccount:
    return account(sandbox, "keys", NOW, 1, description=f"Exports{notes}")


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
        text, _, notes = one.description.partition("[")
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
    records = [part for part in thing["notes"].split("[") if part.startswith("c7n-unused-record")]
    key = name.partition("/")[2]
    return any(
        key in part.partition(":")[0] if key else part.startswith("c7n-unused-record:") for part in records
    )


SETTINGS = Settings(users=0, now=NOW, clouds=("gcp",))
THROTTLED = {"gcp_429": 0.1}
STORIES = (
    Story("gcp", "mark and unmark", SETTINGS, mark, shipped, state, violations),
    Story("gcp", "disable", SETTINGS, disable, shipped, state, violations),
    Story("gcp", "disable, 10 % throttled", SETTINGS, disable, shipped, state, violations, THROTTLED),
    Story("gcp", "restore", SETTINGS, restore, restoring, state, violations),
)
