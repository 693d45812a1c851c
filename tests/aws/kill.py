"""What the kill harness plays on AWS: marking, switching off, restoring."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from custom_filters.core.notes import Notes, read_notes
from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.aws.people import Key, Password, Person, ServiceCredential, SshKey, days
from tests.aws.runs import give_notice
from tests.faults import Story

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=timezone.utc)
ENFORCE = Path(__file__).parents[2] / "policies" / "aws" / "enforce.yml"
KEYS = ("AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE")
CROWD = tuple(Person(f"busy.{n}", created=days(2), keys=(Key(),)) for n in range(12))
ACTIVE = Person("active.amy", password=Password(used=days(1)), keys=(Key(used=days(200)),))


def mark(sandbox: Sandbox) -> None:
    """Two users to be marked, one that came back and is to be unmarked."""
    unused = (Person("stale.sam", keys=(Key(used=days(100)),)), Person("never.nina", password=Password()))
    sandbox.aws.add(*unused, ACTIVE, *CROWD)
    give_notice(sandbox, "active.amy")


def disable(sandbox: Sandbox) -> None:
    """Two users whose notice is over, with several credentials each."""
    sandbox.aws.add(
        Person("stale.sam", password=Password(used=days(200)), keys=(Key(used=days(99)), Key())),
        Person("never.nina", keys=(Key(), Key())),
        ACTIVE,
        *CROWD,
    )
    give_notice(sandbox, "stale.sam", "never.nina", "active.amy")


def restore(sandbox: Sandbox) -> None:
    """One user that was switched off, with what cannot be restored and what can."""
    keys = tuple(Key(used=days(150), active=False, id=key) for key in KEYS)
    sam = Person(
        "stale.sam",
        keys=keys,
        ssh_keys=(SshKey(active=False, id="APKAEIBAERJR2EXAMPLE"),),
        service_credentials=(ServiceCredential(active=False),),
    )
    sandbox.aws.add(sam, ACTIVE, *CROWD)
    text = f"{sandbox.aws.user('stale.sam').id} c7n-unused 2605010000 2605150000 off=2606010000"
    text += f" access-key={'+'.join(KEYS)} password=password ssh-key=APKAEIBAERJR2EXAMPLE"
    sandbox.aws.account().backend.tag_user("stale.sam", [{"Key": "c7n-unused-record", "Value": text}])


def shipped(folder: Path) -> Path:
    """The user policies of enforce.yml, as shipped."""
    (folder / "exemptions.yml").write_text("exemptions: []\n")
    text = ENFORCE.read_text()
    path = folder / "enforce.yml"
    path.write_text(text[: text.index("  - name: aws-iam-credential-unused-mark")])
    return path


def restoring(folder: Path) -> Path:
    """enable-unused for everybody who has a record."""
    policy = {
        "name": "restore",
        "resource": "aws.iam-user",
        "source": "unused-bulk",
        "filters": [{"type": "unused-record", "state": "off"}],
        "actions": [{"type": "enable-unused", "tag": "c7n-unused"}],
    }
    path = folder / "restore.yml"
    path.write_text(json.dumps({"policies": [policy]}))
    return path


def state(sandbox: Sandbox) -> dict[str, Any]:
    """Each user's credentials, whether it is marked, and the credentials that its record lists."""
    return {
        name: {
            "password": user["password"],
            **{kind: user[kind] for kind in ("keys", "ssh_keys", "service_credentials")},
            "marked": bool(user["tags"].get("c7n-unused")),
            "record": sorted(f"{e.kind}={e.id}" for e in notes_of(sandbox, name, user["tags"]).off()),
        }
        for name, user in sandbox.aws.snapshot().items()
    }


def notes_of(sandbox: Sandbox, name: str, tags: dict[str, str]) -> Notes:
    """A user's notes, as the product reads them."""
    return read_notes(tags, sandbox.aws.user(name).id, sandbox.clock.now())


def violations(before: Any, now: Any) -> list[str]:
    """No credential off without a record, nobody touched who is active, nothing lost."""
    found = [f"{name} is gone" for name in before if name not in now]
    for name, user in now.items():
        found += [f"{name}: {what} is off without a record" for what in _unrecorded(before[name], user)]
        if name.startswith(("active", "busy")) and _credentials(user) != _credentials(before[name]):
            found.append(f"{name} was touched")
    return found


def _unrecorded(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    off = ["password=password"] if before["password"] and not now["password"] else []
    for kind, key in (("access-key", "keys"), ("ssh-key", "ssh_keys")):
        was = before[key]
        off += [f"{kind}={i}" for i, s in now[key].items() if s == "Inactive" and was.get(i) == "Active"]
    return [what for what in off if what not in now["record"]]


def _credentials(user: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in user.items() if key not in {"marked", "record"}}


SETTINGS = Settings(users=0, now=NOW)
STORIES = (
    Story("aws", "mark and unmark", SETTINGS, mark, shipped, state, violations),
    Story("aws", "disable", SETTINGS, disable, shipped, state, violations, converges=False),
    Story(
        "aws",
        "disable, 10 % throttled",
        SETTINGS,
        disable,
        shipped,
        state,
        violations,
        {"throttle": 0.1},
        converges=False,
    ),
    Story("aws", "restore", SETTINGS, restore, restoring, state, violations),
)
