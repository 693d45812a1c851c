"""Named edge cases over the wire, with stock `custodian` and the shipped enforce.yml.

Everybody was marked 15 days ago, rightly or not. The name is the user's or account's; `end` says how it
stands after the run, `told` is part of the reason in the journal. Usage reports are two days old, of which
the newest is partial; mail's dates reach back 30 days; sign-ins of the last day show in activities only.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custom_filters.core.notes import Item
from custom_filters.gcp.permissions import iam_permissions, scopes
from custom_filters.gcp.schema import SCHEMA
from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.gcp.people import BoundKey, Group, Person, RoleAssignment, ServiceAccount
from tests.gcp.runs import (
    CUSTODIAN,
    DOMAIN,
    ENFORCE,
    account,
    annotations,
    custodian,
    embedded,
    key,
    noted_account,
    noted_person,
    person,
    policy,
    utc,
)

NOW = utc(2026, 6, 15, 12, 0)
KINDS = ("directory-user", "service-account", "service-account-key")
ENDED = NOW - timedelta(days=1)  # every notice
DUE = {"type": "unused-mark", "state": "due", "op": "disable-unused", "tag": "c7n-unused"}
DISABLE = {"type": "disable-unused", "tag": "c7n-unused"}
FAULTS: dict[str, str | float] = {
    "gmail_window": 30, "reports_partial": 2, "login_lag": 24,
    "omit_list": f"omitted-by-the-list@{DOMAIN}",
}  # fmt: skip


def ago(days: float) -> Any:
    return NOW - timedelta(days=days)


@dataclass(frozen=True)
class Case:
    """`idle` and `fields` make the person, account or key."""

    end: str
    told: str
    idle: float | None = 200
    fields: tuple[tuple[str, Any], ...] = ()


def case(end: str, told: str, idle: float | None = 200, **fields: Any) -> Case:
    return Case(end, told, idle, tuple(fields.items()))


OFF, KEPT, RELEASED = "off, recorded", "on, notice stands", "on, without notice"
PEOPLE = {
    "stale": case(OFF, "stale: last used 200 days ago"),
    "never": case(OFF, "never-used: never used", None),
    "imap-70-days-ago": case(RELEASED, "active", last_imap=ago(70)),
    "pop-last-week": case(RELEASED, "active", last_pop=ago(7)),
    "interaction-60-days-ago": case(RELEASED, "active", last_webmail=ago(60)),
    "drive-70-days-ago": case(RELEASED, "active", last_drive=ago(70)),
    "sso-last-week": case(RELEASED, "active", last_sso=ago(7)),
    "imap-100-days-ago": case(OFF, "stale", last_imap=ago(100)),
    "log-in-an-hour-ago": case(RELEASED, "active"),
    "token-an-hour-ago": case(RELEASED, "active: sign-in: used 0 days ago", last_token=ago(1 / 24)),
    "no-date-anywhere": case(KEPT, "unknown: ", login_time_missing=True),
    "omitted-by-the-list": case(RELEASED, "active", 3),
    "refused": case(KEPT, "unknown: "),
    "super-admin": case(RELEASED, "protected: an administrator", admin=True),
    "delegated-admin": case(RELEASED, "protected: an administrator", delegated_admin=True),
    "admin-by-group": case(RELEASED, "protected: holds an administrator role"),
    "guest": case(RELEASED, "guests are retired where they belong", guest=True),
    "archived": case(RELEASED, "no-credentials", archived=True),
}
ACCOUNTS = {
    "acct-stale": case(OFF, "stale: last used 199 days ago"),
    "acct-never": case(OFF, "never-used", None),
    "acct-no-row": case(KEPT, "Policy Analyzer has no row", observed_days=None),
    "acct-observed-60-days": case(KEPT, "observed only 60 days", None, observed_days=60),
    "acct-in-monitoring": case(RELEASED, "active", last_metric=ago(3)),
    "acct-an-hour-ago": case(RELEASED, "active", last_metric=ago(1 / 24)),
    "acct-hmac-key": case(KEPT, "it has the live HMAC key"),
    "acct-hmac-key-off": case(OFF, "stale"),
    "acct-api-key": case(KEPT, "it has the live API key"),
    "acct-hmac-key-in-use": case(RELEASED, "active", 2),
    "acct-owner": case(RELEASED, "protected: it administers IAM"),
    "acct-custom-role": case(RELEASED, "protected: it has a custom role"),
    "acct-workspace-admin": case(RELEASED, "protected: it administers IAM"),
    "acct-refused": case(KEPT, "unknown: "),
    "acct-recreated": case(KEPT, "Policy Analyzer has no row"),
}
KEYS = {
    "key-stale": case(OFF, "stale"),
    "key-never": case(OFF, "never-used", None),
    "key-no-row": case(KEPT, "Policy Analyzer has no row", observed_days=None),
    "key-in-monitoring": case(RELEASED, "active", last_metric=ago(2)),
}
CASES = {**PEOPLE, **ACCOUNTS, **KEYS}


@dataclass(frozen=True)
class Run:
    sandbox: Sandbox
    out: Path
    code: int
    log: str
    told: dict[str, str]

    def end(self, name: str) -> str:
        off, noted = self._person(name) if name in PEOPLE else self._account(name)
        return OFF if off and "off=" in noted else KEPT if noted else RELEASED

    def _person(self, name: str) -> tuple[bool, str]:
        found: Person = self.sandbox.gcp.state.person(f"{name}@{DOMAIN}")
        noted = found.custom.get(SCHEMA, {})
        return found.suspended, " ".join(str(text) for text in noted.values())

    def _account(self, name: str) -> tuple[bool, str]:
        found: ServiceAccount = self.sandbox.gcp.state.account(address(self.sandbox, name))
        off = found.disabled
        if name in KEYS:
            [only] = self.sandbox.gcp.state.keys[found.email].values()
            off = only.disabled
        return off, found.description


def address(sandbox: Sandbox, name: str) -> str:
    return f"{name}@{sandbox.gcp.company.projects[0].id}.iam.gserviceaccount.com"


def fill(sandbox: Sandbox) -> None:
    """Put everybody in, and a crowd at work: else `limit-percent` would stop the run."""
    cloud = sandbox.gcp
    for name, one in PEOPLE.items():
        cloud.add(noted_person(person(name, NOW, one.idle, **dict(one.fields)), ENDED))
    for name, one in ACCOUNTS.items():
        cloud.add(noted_account(account(sandbox, name, NOW, one.idle, **dict(one.fields)), ENDED))
    for number, (name, one) in enumerate(KEYS.items()):
        owner = account(sandbox, name, NOW, 1)
        owned = key(owner, f"{number}aaaaaaa", NOW, one.idle, **dict(one.fields))
        cloud.add(noted_account(owner, ENDED, Item("service-account-key", owned.id)), owned)
    for name, kind, state in (
        ("hmac-key", "hmac", "ACTIVE"), ("hmac-key-off", "hmac", "INACTIVE"), ("api-key", "api", "ACTIVE"),
        ("hmac-key-in-use", "hmac", "ACTIVE"),
    ):  # fmt: skip
        owner = cloud.state.account(address(sandbox, f"acct-{name}"))
        cloud.add(BoundKey(f"GOOG-{name}", owner.email, owner.project, ago(300), kind, state))
    cloud.add(*(person(f"busy.{n}", NOW, 2) for n in range(40)))
    cloud.add(*(account(sandbox, f"busy-{n}", NOW, 2) for n in range(40)))
    busy = cloud.state.account(address(sandbox, "busy-0"))
    cloud.add(*(key(busy, f"b{n:07d}", NOW, 2) for n in range(40)))


def give_roles(sandbox: Sandbox) -> None:
    project = sandbox.gcp.company.projects[0]
    bindings = {
        "roles/owner": (f"serviceAccount:{address(sandbox, 'acct-owner')}",),
        f"projects/{project.id}/roles/ours": (f"serviceAccount:{address(sandbox, 'acct-custom-role')}",),
    }
    members = f"admin-by-group@{DOMAIN}", address(sandbox, "acct-workspace-admin")
    group = Group("02admins", f"admins@{DOMAIN}", "admins", tuple((who, "MEMBER") for who in members))
    sandbox.gcp.add(replace(project, bindings={**project.bindings, **bindings}), group)
    sandbox.gcp.add(RoleAssignment("1", "77", group.id, "group"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    out = tmp_path_factory.mktemp("edge")
    (out / "exemptions.yml").write_text("exemptions: []\n")
    with embedded(now=NOW - timedelta(hours=1), faults=FAULTS) as sandbox:
        sandbox.gcp.permissions.intersection_update(n.name for n in iam_permissions(enforce=True))
        sandbox.gcp.delegated.intersection_update(n.name for n in scopes(enforce=True))
        fill(sandbox)
        give_roles(sandbox)
        sandbox.gcp.hand("use", f"log-in-an-hour-ago@{DOMAIN}")
        sandbox.gcp.hand("recreate", address(sandbox, "acct-recreated"))
        made = sandbox.gcp.state.account(address(sandbox, "acct-recreated"))
        sandbox.faults["analyzer_lag"] = 24  # its row is still that of the account before
        sandbox.gcp.hand("note", made.email, value=noted_account(made, ENDED).description)
        sandbox.faults["deny_user"] = f"refused@{DOMAIN}+{address(sandbox, 'acct-refused')}"
        sandbox.clock.set(NOW)
        unknown = [policy(f"unknown-{kind}", resource=kind, verdicts=["unknown"]) for kind in KINDS]
        done = custodian(sandbox, out, ENFORCE, *unknown)
        yield Run(sandbox, out, done.returncode, done.stderr, dict(_told(out)))


def _told(out: Path) -> Iterator[tuple[str, str]]:
    """User or account -> why it is unknown, or the reason of the last outcome."""
    for kind in KINDS:
        for found in annotations(out, f"unknown-{kind}"):
            if kind != "service-account-key" or found["user"].startswith("key-"):
                yield found["user"].partition("@")[0], f"unknown: {found['user_reason']}"
    for name in (f"gcp-{kind}-unused-{step}" for kind in KINDS for step in ("mark", "unmark", "disable")):
        journal = out / name / "c7n-unused-actions.jsonl"
        for text in journal.read_text().splitlines() if journal.exists() else ():
            line = json.loads(text)
            if line["step"] == "outcome":
                yield line["principal"]["user"].partition("@")[0], line["reason"]


def test_one_refusal_is_not_the_end_and_is_told_once(run: Run) -> None:
    assert run.code == 0, run.log
    for text in ("users that are unknown: 1", "service accounts whose keys are not known: 1"):
        assert run.log.count(text) == 1


def test_an_account_whose_keys_may_not_be_listed_is_unknown_and_the_others_are_judged(run: Run) -> None:
    [row] = [a for a in annotations(run.out, "unknown-service-account-key") if "refused" in a["user"]]
    assert row["user"] == address(run.sandbox, "acct-refused")
    assert "grant iam.serviceAccountKeys.list" in row["user_reason"]


@pytest.mark.parametrize("name", CASES)
def test_everybody_ends_as_it_should(run: Run, name: str) -> None:
    told = run.told.get(name, "")
    assert (run.end(name), CASES[name].told in told) == (CASES[name].end, True), told


def test_nobody_else_was_touched(run: Run) -> None:
    state = run.sandbox.gcp.state
    keys = [key for some in state.keys.values() for key in some.values()]
    off = [p.email for p in state.people.values() if p.suspended]
    off += [a.email for a in state.accounts.values() if a.disabled] + [k.account for k in keys if k.disabled]
    archived = {"archived"}
    assert {name.partition("@")[0] for name in off} - archived == {
        name for name, one in CASES.items() if one.end == OFF
    }


def test_usage_is_of_the_day_of_its_data(run: Run) -> None:
    """The newest complete day is the 11th; it ends at midnight of UTC-8."""
    selected = {a["user"]: a for a in annotations(run.out, "gcp-directory-user-unused-disable")}
    evidence = selected[f"never@{DOMAIN}"]["credentials"][0]["evidence"]
    dates = {e["observed_at"] for e in evidence if e["source"].startswith("reports")}
    assert dates == {"2026-06-12T08:00:00Z"}


def test_a_group_with_everybody_protects_everybody(tmp_path: Path) -> None:
    with embedded(now=NOW) as sandbox:
        everybody = Group("02all", f"all@{DOMAIN}", "all", ((sandbox.gcp.company.customer.id, "MEMBER"),))
        sandbox.gcp.add(
            noted_person(person("stale", NOW, 200), ENDED), everybody,
            RoleAssignment("1", "7", everybody.id, "group"),
        )  # fmt: skip
        done = custodian(sandbox, tmp_path, policy("p", DUE, actions=[DISABLE], exemptions="none"))
        assert done.returncode == 0, done.stderr
        assert not sandbox.gcp.state.person(f"stale@{DOMAIN}").suspended


def test_monitoring_knows_the_last_hours_to_the_minute(tmp_path: Path) -> None:
    """Where a policy asks Policy Analyzer alone, Monitoring is asked before a change all the same."""
    with embedded(now=NOW) as sandbox:
        for name, last in (("idle", ago(200)), ("an-hour-ago", ago(1 / 24))):
            sandbox.gcp.add(noted_account(account(sandbox, name, NOW, 200, last_metric=last), ENDED))
        disable = policy("p", DUE, resource="service-account", actions=[DISABLE], exemptions="none",
                         evidence=["policy-analyzer"])  # fmt: skip
        done = custodian(sandbox, tmp_path, disable)
        assert done.returncode == 0, done.stderr
        accounts = sandbox.gcp.state.accounts.values()
        off = {a.email.partition("@")[0]: a.disabled for a in accounts if not a.case}
    assert off == {"idle": True, "an-hour-ago": False}


def test_the_schemas_example_shows_every_default_source(tmp_path: Path) -> None:
    command = [str(CUSTODIAN), "schema", "gcp.directory-user.filters.unused-credentials"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "evidence: [last-login, reports]" in done.stdout
