"""What the kill harness plays on IAM roles: marking, switching off, restoring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from custom_filters.core.notes import read_notes
from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.aws.people import Role, days
from custom_filters.sandbox.aws.roles import LAMBDA
from tests.aws.runs import ROOT, give_role_notice
from tests.faults import Story

UNUSED = (Role("stale", created=days(900), used=days(200)), Role("never", created=days(250)))
ACTIVE = (Role("active", used=days(1)), *(Role(f"busy-{n}", created=days(3), trust=LAMBDA) for n in range(9)))


def mark(sandbox: Sandbox) -> None:
    """Two roles to be marked, one that came back and is to be unmarked."""
    sandbox.aws.add(*UNUSED, *ACTIVE)
    give_role_notice(sandbox, "active")


def disable(sandbox: Sandbox) -> None:
    """Two roles whose notice is over, and one that came back."""
    sandbox.aws.add(*UNUSED, *ACTIVE)
    give_role_notice(sandbox, "stale", "never", "active")


def restore(sandbox: Sandbox) -> None:
    """Two roles that were switched off, one of them with its policy renamed."""
    deny = {"Sid": "C7nUnusedQuarantine", "Effect": "Deny", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    for role, name in zip(UNUSED, ("c7n-unused-quarantine", "renamed"), strict=True):
        sandbox.aws.add(Role(role.name, created=role.created, used=role.used, inline={name: document}))
        made = sandbox.aws.account().backend.get_role(role.name)
        text = f"{made.id} c7n-unused 2605010000 2605150000 off=2606010000 role=role"
        made.tags = [{"Key": "c7n-unused-record", "Value": text}]
    sandbox.aws.add(*ACTIVE)


def shipped(folder: Path) -> Path:
    """roles-enforce.yml without `complete`, which only reads, in every Region."""
    (folder / "exemptions.yml").write_text("exemptions: []\n")
    path = folder / "roles-enforce.yml"
    text = (ROOT / "policies/aws/roles-enforce.yml").read_text()
    path.write_text(text.replace("complete: true", "complete: false"))
    return path


def restoring(folder: Path) -> Path:
    """enable-unused for every role that has a record."""
    policy = {
        "name": "restore",
        "resource": "aws.iam-role",
        "source": "unused-bulk",
        "filters": [{"tag:c7n-unused-record": "present"}],  # killed half-way, a role is on and recorded
        "actions": [{"type": "enable-unused", "tag": "c7n-unused"}],
    }
    path = folder / "restore.json"
    path.write_text(json.dumps({"policies": [policy]}))
    return path


def state(sandbox: Sandbox) -> dict[str, Any]:
    """Of each role: whether it is denied everything, marked, and recorded."""
    found = {}
    for name, role in sandbox.aws.roles().items():
        key = sandbox.aws.account().backend.get_role(name).id
        denied = [policy for policy, text in role["inline"].items() if "C7nUnusedQuarantine" in text]
        record = read_notes(role["tags"], key, sandbox.clock.now()).off()
        marked = bool(role["tags"].get("c7n-unused"))
        found[name] = {"denied": bool(denied), "marked": marked, "record": bool(record)}
    return found


def violations(before: Any, now: Any) -> list[str]:
    """Nobody denied without a record, nobody touched who is active, nothing lost."""
    found = [f"{name} is gone" for name in before if name not in now]
    for name, role in now.items():
        if role["denied"] and not role["record"] and not before[name]["denied"]:
            found.append(f"{name} is denied without a record")
        if role["denied"] and name.startswith(("active", "busy", "c7n")):
            found.append(f"{name} was touched")
    return found


def stories(settings: Settings) -> tuple[Story, ...]:
    """Each with what must hold; one is told again with reads that lag."""
    lag = {"aws_read_lag": 5, "aws_list_lag": 20}
    return (
        Story("aws", "roles: mark and unmark", settings, mark, shipped, state, violations),
        Story("aws", "roles: disable", settings, disable, shipped, state, violations, converges=False),
        Story("aws", "roles: disable, reads lag", settings, disable, shipped, state, violations, lag,
              converges=False),
        Story("aws", "roles: restore", settings, restore, restoring, state, violations),
    )  # fmt: skip
