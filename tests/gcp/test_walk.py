"""The whole walk on the embedded Google, through stock `custodian`, with reads that lag writes by 2 s."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custom_filters.core.journal import FILE_NAME, verify
from custom_filters.gcp.permissions import iam_permissions, scopes
from custom_filters.gcp.schema import SCHEMA
from custom_filters.sandbox.gcp.people import BoundKey, Group, RoleAssignment
from custom_filters.sandbox.sandbox import Sandbox
from tests.gcp.runs import (
    DOMAIN,
    ENFORCE,
    REPORT,
    account,
    annotations,
    custodian,
    embedded,
    key,
    person,
    utc,
)

pytestmark = pytest.mark.slow

START = utc(2026, 6, 15, 12, 0)
DUE = START + timedelta(hours=336)
LAG = {"gcp_read_lag": 2, "gcp_list_lag": 2, "login_lag": 24, "analyzer_lag": 24}
EXEMPT_EVE = f"""exemptions:
  - {{provider: gcp, account: "*", user: exempted.eve@{DOMAIN}, reason: parental leave,
      approved_by: hr@example.com, expires: 2026-12-31}}
"""
PEOPLE = (
    person("stale.sam", START, 200),
    person("never.nina", START, None),
    person("returns.rita", START, 110),
    person("late.lea", START, 110),
    person("exempted.eve", START, 300),
    person("active.amy", START, 1),
    person("mail.mo", START, 300, last_imap=START - timedelta(days=9)),
    person("admin.ada", START, 300, admin=True),
    person("delegated.del", START, 300, delegated_admin=True),
    person("group.gus", START, 300),
    person("guest.gil", START, 300, guest=True),
    person("archived.art", START, 300, archived=True),
    person("new.ned", START, None, created=START - timedelta(days=3)),
    person("off.olga", START, 300, suspended=True),
    # The crowd, at work until long after the story's end: else `limit-percent` would stop it.
    *(person(f"busy.{n}", START, 2) for n in range(40)),
)
ADMINS = Group("02admins", f"admins@{DOMAIN}", "admins", ((f"group.gus@{DOMAIN}", "MEMBER"),))
ROLE = "77"
MARKED = {"stale.sam", "never.nina", "returns.rita", "late.lea", "exempted.eve"}
INVOICES = "Nightly invoices; owner: finance@"
MARK = "[c7n-unused: Unused: disable-unused@2026/06/29 1200 UTC]"


class Walk:
    """A customer with a project, an exemptions file and enforce.yml, run again and again."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.out, self.state = sandbox, folder, sandbox.gcp.state
        self.exemptions = folder / "exemptions.yml"
        self.exemptions.write_text("exemptions: []\n")

    def run(self, *policies: Path | dict[str, Any], only: str = "") -> subprocess.CompletedProcess[str]:
        done = custodian(self.sandbox, self.out, *(policies or (ENFORCE,)), only=only)
        assert done.returncode == 0, done.stderr
        return done

    def restore(self) -> None:
        """All that the runs did, by the command."""
        done = subprocess.run(
            [sys.executable, "-m", "custom_filters", "restore", str(self.out), "--all",
             "-s", str(self.out.parent / "restored")],
            env=self.sandbox.child_environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def notes(self, name: str) -> dict[str, str]:
        return dict(self.state.person(f"{name}@{DOMAIN}").custom.get(SCHEMA, {}))

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

    def account(self, name: str) -> Any:
        project = self.sandbox.gcp.company.projects[0].id
        return self.state.account(f"{name}@{project}.iam.gserviceaccount.com")

    def log(self, policy: str) -> list[dict[str, Any]]:
        lines = (self.out / policy / FILE_NAME).read_text().splitlines()
        assert verify(lines) == []
        return [json.loads(line) for line in lines]


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    with embedded(now=START, faults=LAG) as sandbox:
        cloud = sandbox.gcp
        # No more than what `c7n-unused permissions -p gcp --enforce` lists.
        cloud.delegated.intersection_update(need.name for need in scopes(enforce=True))
        cloud.permissions = {need.name for need in iam_permissions(enforce=True)}
        cloud.add(*PEOPLE, ADMINS, RoleAssignment("9", ROLE, ADMINS.id, "group"))
        busy = [account(sandbox, f"busy-{n}", START, 2) for n in range(12)]
        stale = account(sandbox, "invoices", START, 200, description=INVOICES)
        used = account(sandbox, "metrics", START, 2, description="Metrics")
        robot, bucket = (account(sandbox, name, START, 200) for name in ("robot", "bucket"))
        cloud.add(*busy, stale, used, robot, bucket, account(sandbox, "returns", START, 100))
        cloud.add(BoundKey("GOOG1", bucket.email, bucket.project, START - timedelta(days=300)))
        cloud.add(RoleAssignment("10", ROLE, robot.unique_id))
        cloud.add(*(key(a, f"b{n:07}", START, 2) for n, a in enumerate(busy)))
        cloud.add(key(used, "aaaaaaa1", START, 150), key(used, "aaaaaaa2", START, None))
        cloud.add(key(used, "aaaaaaa3", START, 1))
        yield Walk(sandbox, tmp_path)


def test_people_from_notice_to_restore(walk: Walk) -> None:
    before = walk.people()
    people = "gcp-directory-user-*"

    # Day 0: who is unused for 76 days is marked, with 14 days' notice. Nobody is suspended.
    walk.run(only=people)
    assert walk.marked() == MARKED
    sam = walk.state.person(f"stale.sam@{DOMAIN}")
    assert walk.notes("stale.sam") == {
        "c7n_unused": "Unused: disable-unused@2026/06/29 1200 UTC",
        "c7n_unused_record": f"{sam.id} c7n-unused 2606151200 2606291200 sign-in=sign-in",
    }
    assert walk.people() == before
    told = {line["principal"]["user"]: line["reason"] for line in walk.log("gcp-directory-user-unused-mark")}
    assert told[f"guest.gil@{DOMAIN}"].startswith("guests are")
    assert told[f"admin.ada@{DOMAIN}"] == "protected: an administrator"
    assert told[f"group.gus@{DOMAIN}"] == "protected: holds an administrator role, by itself or by a group"

    # Day 3: Rita signs in, and loses the mark.
    walk.sandbox.clock.advance(timedelta(days=3))
    walk.sandbox.gcp.hand("use", f"returns.rita@{DOMAIN}")
    walk.sandbox.clock.advance(timedelta(days=2))
    walk.run(only=people)
    assert walk.marked() == MARKED - {"returns.rita"}
    assert walk.notes("returns.rita") == {}

    # One minute before the due hour: still nothing.
    walk.sandbox.clock.set(DUE - timedelta(minutes=3))
    walk.run(only=people)
    assert walk.people() == before

    # The due hour. Lea signs in once the users are listed; Eve was exempted meanwhile.
    walk.sandbox.clock.set(DUE)
    walk.exemptions.write_text(EXEMPT_EVE)
    walk.sandbox.on_request = once_listed(lambda: walk.sandbox.gcp.hand("use", f"late.lea@{DOMAIN}"))
    walk.run(only=people)
    walk.sandbox.on_request = None
    suspended = {"stale.sam": False, "never.nina": False}
    assert walk.people() == {**before, **suspended}
    assert walk.marked() == set()
    assert walk.notes("stale.sam") == {
        "c7n_unused_record": f"{sam.id} c7n-unused 2606151200 2606291200 off=2606291200 sign-in=sign-in"
    }
    steps = {(line["step"], line["result"]) for line in walk.log("gcp-directory-user-unused-disable")}
    assert steps == {("intent", "intended"), ("outcome", "done")}

    # Again, at once: nothing is left to do, and the report says who is off.
    again = walk.people(), walk.marked(), walk.notes("stale.sam")
    walk.run(only=people)
    assert (walk.people(), walk.marked(), walk.notes("stale.sam")) == again
    walk.sandbox.clock.advance(timedelta(minutes=1))
    walk.run(REPORT, only="gcp-directory-user-off")
    off = {a["user"].partition("@")[0]: a["phase"] for a in annotations(walk.out, "gcp-directory-user-off")}
    assert off == dict.fromkeys(suspended, "disabled")

    # The way back: everything that the records list; a second time there is nothing to do.
    for _ in range(2):
        walk.restore()
        assert walk.people() == before
        assert walk.notes("stale.sam") == {}


def test_service_accounts_and_keys_from_notice_to_restore(walk: Walk) -> None:
    accounts, keys = walk.accounts(), walk.keys()
    machines = "gcp-service-account*"

    # Day 0: marked in the description, behind what the owner wrote; keys are named in their account's record.
    walk.run(only=machines)
    invoices, returns, metrics = (walk.account(name) for name in ("invoices", "returns", "metrics"))
    times = "c7n-unused 2606151200 2606291200"
    of_account = f"{times} service-account=service-account]"
    both = "+".join(name.ljust(40, "0") for name in ("aaaaaaa1", "aaaaaaa2"))
    of_keys = f"{times} service-account-key={both}]"
    assert walk.accounts() == {
        **accounts,
        "invoices": (True, f"{INVOICES} {MARK} [c7n-unused-record: {invoices.unique_id} {of_account}"),
        "returns": (True, f"{MARK} [c7n-unused-record: {returns.unique_id} {of_account}"),
        "metrics": (True, f"Metrics {MARK} [c7n-unused-record: {metrics.unique_id} {of_keys}"),
    }
    assert walk.keys() == keys
    told = {line["principal"]["user"]: line["reason"] for line in walk.log("gcp-service-account-unused-mark")}
    assert told[walk.account("robot").email] == "protected: it administers IAM, projects or Workspace"
    assert walk.account("bucket").email not in told  # unknown: its HMAC key may be in use

    # The owner edits the text meanwhile, behind our notes; what runs nightly comes back.
    walk.sandbox.clock.advance(timedelta(days=5))
    walk.state.change(metrics, description=f"{metrics.description} of all regions")
    walk.state.change(returns, last_authenticated=START + timedelta(days=4))
    walk.run(only=machines)
    assert walk.accounts()["returns"] == (True, "")

    # The due hour: what is unused is off, and what it needs to come back stands in the description.
    walk.sandbox.clock.set(DUE)
    walk.run(only=machines)
    assert walk.keys() == {**keys, "aaaaaaa1": False, "aaaaaaa2": False}
    off = walk.accounts()
    assert off["invoices"][0] is False
    assert off["invoices"][1].startswith(f"{INVOICES} [c7n-unused-record: ")
    assert off["metrics"][1].startswith("Metrics of all regions [c7n-unused-record: ")
    assert "c7n-unused: " not in "".join(text for _, text in off.values())
    walk.run(only=machines)
    assert walk.accounts() == off
    walk.sandbox.clock.advance(timedelta(minutes=1))
    walk.run(REPORT, only="gcp-service-account*-off")
    assert len(annotations(walk.out, "gcp-service-account-key-off")) == 2
    assert len(annotations(walk.out, "gcp-service-account-off")) == 1

    # The way back: accounts and keys are on, the owner's words are as they were.
    for _ in range(2):
        walk.restore()
        assert walk.keys() == keys
        assert walk.accounts() == {**accounts, "metrics": (True, "Metrics of all regions")}


def test_what_cannot_be_right_is_told_once_and_replaced(walk: Walk) -> None:
    walk.run()
    for name, change in {
        "stale.sam": {"c7n_unused": "disable-unused@2020/01/01 10:30 UTC"},
        "never.nina": {"c7n_unused_record": ""},
        "late.lea": {"c7n_unused": "Unused: disable-unused@2026/06/16 0000 UTC"},
        "active.amy": {"c7n_unused": "moved by hand"},
    }.items():
        someone = walk.state.person(f"{name}@{DOMAIN}")
        walk.state.change(someone, custom={SCHEMA: {**walk.notes(name), **change}})
    invoices, returns, metrics = (walk.account(name) for name in ("invoices", "returns", "metrics"))
    walk.state.change(invoices, description=invoices.description.replace("Unused: ", "soon, "))
    walk.state.change(returns, description=MARK)
    walk.state.change(metrics, description=metrics.description.replace(metrics.unique_id, "1234"))
    walk.sandbox.clock.advance(timedelta(minutes=10))
    before = walk.people()

    told = custodian(walk.sandbox, walk.out, ENFORCE)
    assert told.returncode == 2
    wrong = ("stale.sam", "never.nina", "late.lea", "active.amy", "invoices", "returns", "metrics")
    assert [name for name in wrong if f"{name}@" not in told.stderr] == []

    # The notice that was given stands where the record does; who has none is given full notice anew.
    walk.sandbox.clock.advance(timedelta(minutes=10))
    walk.run()
    assert walk.marked() == MARKED
    assert walk.notes("stale.sam")["c7n_unused"] == walk.notes("late.lea")["c7n_unused"] == MARK[13:-1]
    assert walk.notes("never.nina")["c7n_unused"].endswith("@2026/06/29 1210 UTC")
    assert walk.notes("active.amy").get("c7n_unused", "") == ""
    marks = {name: text for name, (_, text) in walk.accounts().items() if "disable-unused@" in text}
    assert marks.keys() == {"invoices", "returns", "metrics"}
    assert marks["invoices"].startswith(f"{INVOICES} {MARK} [")
    assert f"[c7n-unused-record: {metrics.unique_id} " in marks["metrics"]
    assert walk.people() == before


def once_listed(do: Callable[[], None]) -> Any:
    """A hook that does something when the users are listed and judged, and roles are read before acting."""

    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if (action, phase) == ("admin.directory.roleAssignments.list", "before"):
            do()

    return hook
