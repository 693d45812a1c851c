"""The whole walk on the embedded Google, through stock `custodian`: it reads like the story that it is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from custom_filters.core.actionlog import verify

from custom_filters.gcp.permissions import iam_permissions, scopes
from custom_filters.gcp.schema import SCHEMA
from custom_filters.sandbox.gcp.people import Group, Role, RoleAssignment
from custom_filters.sandbox.sandbox import Sandbox
from tests.gcp.runs import DOMAIN, ENFORCE, account, custodian, embedded, key, person, utc

START = utc(2026, 6, 15, 12, 0)
NOTICE = timedelta(hours=336)
EXEMPT_EVE = f"""exemptions:
  - {{provider: gcp, account: "*", user: exempted.eve@{DOMAIN}, reason: parental leave,
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
    person("mail.mo", START, 300, last_imap=START - timedelta(days=9)),
    person("admin.ada", START, 300, admin=True),
    person("delegated.del", START, 300, delegated_admin=True),
    person("group.gus", START, 300),
    person("guest.gil", START, 300, guest=True),
    person("archived.art", START, 300, archived=True),
    person("new.ned", START, None, created=START - timedelta(days=3)),
    person("off.olga", START, 300, suspended=True),
    # The crowd, at work until long after the story's end: else `max-resources` would stop it.
    *(person(f"busy.{n}", START, 2) for n in range(40)),
)
ADMINS = Group("02admins", f"admins@{DOMAIN}", "admins", ((f"group.gus@{DOMAIN}", "MEMBER"),))
ROLE = Role("77", "helpdesk", ("USERS_RETRIEVE",))
MARKED = {"stale.sam", "never.nina", "returns.rita", "exempted.eve", "nonsense.nat", "hasty.hal"}
INVOICES = "Nightly invoices; owner: finance@"


class Walk:
    """A customer with a project, an exemptions file and enforce.yml, run again and again."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.out, self.state = sandbox, folder, sandbox.gcp.state
        self.exemptions = folder / "exemptions.yml"
        self.exemptions.write_text("exemptions: []\n")

    def run(self, *policies: Path | dict[str, Any], only: str = "") -> subprocess.CompletedProcess[str]:
        return custodian(self.sandbox, self.out, *(policies or (ENFORCE,)), only=only)

    def notes(self, name: str) -> dict[str, str]:
        return dict(self.state.person(f"{name}@{DOMAIN}").custom.get(SCHEMA, {}))

    def edit_mark(self, name: str, value: str) -> None:
        someone = self.state.person(f"{name}@{DOMAIN}")
        self.state.add(replace(someone, custom={SCHEMA: {**someone.custom[SCHEMA], "c7n_unused": value}}))

    def people(self) -> dict[str, bool]:
        found = self.state.people.values()
        return {p.email.partition("@")[0]: not p.suspended for p in found if p.case != "own-subject"}

    def marked(self) -> set[str]:
        return {name for name in self.people() if "c7n_unused" in self.notes(name)}

    def accounts(self) -> dict[str, tuple[bool, str]]:
        """On or off, and the description, by name."""
        found = self.state.accounts.values()
        return {a.email.partition("@")[0]: (not a.disabled, a.description) for a in found}

    def keys(self) -> dict[str, bool]:
        found = [k for keys in self.state.keys.values() for k in keys.values()]
        return {k.id[:8]: not k.disabled for k in found if not k.case}

    def log(self, policy: str) -> list[dict[str, Any]]:
        lines = (self.out / policy / "c7n-unused-actions.jsonl").read_text().splitlines()
        assert verify(lines) == []
        return [json.loads(line) for line in lines]


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    with embedded(now=START) as sandbox:
        cloud = sandbox.gcp
        # No more than what `c7n-unused permissions -p gcp --enforce` lists.
        cloud.delegated.intersection_update(need.name for need in scopes(enforce=True))
        cloud.permissions = {need.name for need in iam_permissions(enforce=True)}
        cloud.add(*PEOPLE, ADMINS, ROLE, RoleAssignment("9", ROLE.id, ADMINS.id, "group"))
        busy = [account(sandbox, f"busy-{n}", START, 2) for n in range(12)]
        stale = account(sandbox, "invoices", START, 200, description=INVOICES)
        used = account(sandbox, "metrics", START, 2, description="Metrics")
        cloud.add(*busy, stale, used, account(sandbox, "returns", START, 100))
        cloud.add(*(key(a, f"b{n:07}", START, 2) for n, a in enumerate(busy)))
        cloud.add(key(used, "aaaaaaa1", START, 150), key(used, "aaaaaaa2", START, None))
        cloud.add(key(used, "aaaaaaa3", START, 1))
        yield Walk(sandbox, tmp_path)


def test_people_from_notice_to_restore(walk: Walk) -> None:
    before = walk.people()
    people = "gcp-directory-user-*"

    # Day 0: who is unused for 76 days is marked, with 14 days' notice. Nobody is suspended.
    first = walk.run(only=people)
    assert first.returncode == 0, first.stderr
    assert walk.marked() == MARKED
    assert walk.notes("stale.sam")["c7n_unused"].endswith("disable-unused@2026/06/29 1200 UTC")
    assert walk.people() == before
    skipped = {
        line["principal"]["user"]: line["reason"] for line in walk.log("gcp-directory-user-unused-mark")
    }
    assert skipped[f"guest.gil@{DOMAIN}"].startswith("guests are")
    assert skipped[f"admin.ada@{DOMAIN}"] == skipped[f"group.gus@{DOMAIN}"] == "privileged"

    # Day 3: one mark becomes nonsense, one is moved into the past by hand. Neither brings anything forward.
    walk.sandbox.clock.advance(timedelta(days=3))
    walk.edit_mark("nonsense.nat", "disable-unused@2020/01/01 10:30 UTC")
    walk.edit_mark("hasty.hal", "moved by hand: disable-unused@2026/06/01 0000 UTC")
    again = walk.run(only=people)
    assert again.returncode == 0, again.stderr
    assert f"nonsense.nat@{DOMAIN}: mark c7n-unused is malformed" in again.stderr
    assert walk.people() == before

    # One minute before the due hour: still nothing.
    walk.sandbox.clock.set(START + NOTICE - timedelta(minutes=1))
    assert walk.run(only=people).returncode == 0
    assert walk.people() == before

    # The due hour. Rita signs in once the users are listed; Eve was exempted meanwhile.
    walk.sandbox.clock.set(START + NOTICE)
    walk.exemptions.write_text(EXEMPT_EVE)
    rita = walk.state.person(f"returns.rita@{DOMAIN}")
    walk.sandbox.on_request = once_listed(lambda: walk.state.add(replace(rita, last_login=START + NOTICE)))
    due = walk.run(only="gcp-directory-user-unused-disable")
    walk.sandbox.on_request = None
    assert due.returncode == 0, due.stderr
    suspended = {"stale.sam": False, "never.nina": False, "hasty.hal": False}
    assert walk.people() == {**before, **suspended}
    assert walk.marked() == {"nonsense.nat", "exempted.eve"}
    log = walk.log("gcp-directory-user-unused-disable")
    reasons = {(line["principal"]["user"].partition("@")[0], line["result"]): line["reason"] for line in log}
    assert reasons["returns.rita", "skipped"].startswith("active: ")
    assert "sign-in=sign-in" in walk.notes("stale.sam")["c7n_unused_record"]

    # Again, at once: Eve is unmarked, and nothing else is left to do.
    assert walk.run(only=people).returncode == 0
    assert walk.people() == {**before, **suspended}
    assert walk.marked() == {"nonsense.nat"}

    # The way back: everything that the records list.
    restored = walk.run(restore("directory-user"))
    assert restored.returncode == 0, restored.stderr
    assert walk.people() == before
    assert {line["result"] for line in walk.log("restore")} == {"done", "skipped"}

    # Restored users are new again: they are not marked at once.
    assert walk.run(only=people).returncode == 0
    assert walk.marked() == {"nonsense.nat"}
    assert set(walk.notes("stale.sam")) == {"c7n_unused_restored"}


def test_service_accounts_and_keys_from_notice_to_restore(walk: Walk) -> None:
    accounts, keys = walk.accounts(), walk.keys()
    machines = "gcp-service-account*"

    # Day 0: marked in the description, behind what the owner wrote; keys are named in their account's.
    first = walk.run(only=machines)
    assert first.returncode == 0, first.stderr
    until, due = "2026-06-29T12:00:00Z", "Unused: disable-unused@2026/06/29 1200 UTC"
    marked, both = f"[c7n-unused: {due}][c7n-unused-marked: {until}]", "aaaaaaa1,aaaaaaa2"
    assert walk.accounts() == {
        **accounts,
        "invoices": (True, f"{INVOICES} {marked}"),
        "returns": (True, marked),
        "metrics": (True, f"Metrics [c7n-unused {both}: {due}][c7n-unused-marked {both}: {until}]"),
    }
    assert walk.keys() == keys

    # The owner edits the text meanwhile, behind our notes; what runs nightly comes back.
    walk.sandbox.clock.advance(timedelta(days=5))
    metrics = walk.state.account(email(walk, "metrics"))
    walk.state.add(replace(metrics, description=f"{metrics.description} of all regions"))
    back = walk.state.account(email(walk, "returns"))
    walk.state.add(replace(back, last_authenticated=START + timedelta(days=4)))
    assert walk.run(only=machines).returncode == 0
    assert walk.accounts()["returns"] == (True, "")

    # The due hour: what is unused is off, and what it needs to come back stands in the description.
    walk.sandbox.clock.set(START + NOTICE)
    assert walk.run(only=machines).returncode == 0
    assert walk.keys() == {**keys, "aaaaaaa1": False, "aaaaaaa2": False}
    assert walk.accounts() == {
        **accounts,
        "invoices": (False, f"{INVOICES} [c7n-unused-record: {until}]"),
        "metrics": (True, f"Metrics of all regions [c7n-unused-record {both}: {until}]"),
    }
    assert walk.run(only=machines).returncode == 0

    # The way back: accounts and keys are on, the owner's words are as they were.
    for resource in ("service-account", "service-account-key"):
        restored = walk.run(restore(resource))
        assert restored.returncode == 0, restored.stderr
    assert walk.keys() == keys
    on = {name: (state, text.partition("[")[0].strip()) for name, (state, text) in walk.accounts().items()}
    assert on == {**accounts, "metrics": (True, "Metrics of all regions")}
    assert walk.run(only=machines).returncode == 0
    assert "[c7n-unused: " not in "".join(text for _, text in walk.accounts().values())


def restore(resource: str) -> dict[str, Any]:
    return {
        "name": "restore",
        "resource": f"gcp.{resource}",
        "actions": [{"type": "enable-unused", "tag": "c7n-unused"}],
    }


def email(walk: Walk, name: str) -> str:
    return f"{name}@{walk.sandbox.gcp.company.projects[0].id}.iam.gserviceaccount.com"


def once_listed(do: Any) -> Any:
    """A hook that does something when the users are listed and judged, and roles are read before acting."""

    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if (action, phase) == ("admin.directory.roleAssignments.list", "before"):
            do()

    return hook
