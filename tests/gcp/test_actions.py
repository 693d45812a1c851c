"""Actions on their edges: what is refused, what fails alone, and what is left as it is."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from c7n.exceptions import PolicyValidationError

from custom_filters.core.notes import Item
from custom_filters.gcp.schema import SCHEMA
from custom_filters.sandbox.gcp.people import Person
from custom_filters.sandbox.sandbox import Sandbox
from tests.gcp.conftest import Direct
from tests.gcp.runs import (
    account,
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
MARK = {"type": "mark-for-op", "op": "disable-unused", "tag": "c7n-unused", "hours": 336}
DUE = {"type": "unused-mark", "state": "due", "op": "disable-unused", "tag": "c7n-unused"}
DISABLE = {"type": "disable-unused", "tag": "c7n-unused"}
ENABLE = {"type": "enable-unused"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with embedded(now=NOW) as found:
        yield found


def log(out: Path, name: str) -> dict[str, tuple[str, str]]:
    """Result and reason by user, of the policy's journal; what came of it where something was done."""
    lines = (out / name / "c7n-unused-actions.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return {e["principal"]["user"].partition("@")[0]: (e["result"], e["reason"]) for e in entries}


def test_marking_without_the_schema_says_what_to_run(tmp_path: Path) -> None:
    with embedded(now=NOW, marks=False) as sandbox:
        sandbox.gcp.add(person("stale", NOW, 200))
        done = custodian(sandbox, tmp_path, policy("mark", actions=[MARK], exemptions="none"))
    assert done.returncode == 2
    assert "run `c7n-unused setup -p gcp --tag c7n-unused` once: nothing was changed" in done.stderr


def test_one_description_without_room_fails_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    full = account(sandbox, "full", NOW, 200, description="x" * 250)
    sandbox.gcp.add(full, account(sandbox, "stale", NOW, 200))
    mark = policy("mark", resource="service-account", actions=[MARK], exemptions="none")
    done = custodian(sandbox, tmp_path, mark)
    assert done.returncode == 2
    assert "full@" in done.stderr
    assert "shorten the service account's description (6 bytes are free)" in done.stderr
    found = log(tmp_path, "mark")
    assert (found["stale"][0], found["full"][0]) == ("done", "failed")
    assert sandbox.gcp.state.account(full.email) == full


def test_protected_accounts_and_the_built_in_ones(sandbox: Sandbox, tmp_path: Path) -> None:
    project = sandbox.gcp.company.projects[0]
    owner, custom = (noted_account(account(sandbox, name, NOW, 200), NOW) for name in ("owner", "custom"))
    default = account(sandbox, "d", NOW, 200, email=f"{project.number}-compute@developer.gserviceaccount.com")
    bindings = {"roles/owner": (owner,), f"projects/{project.id}/roles/ours": (custom,)}
    members = {role: tuple(f"serviceAccount:{a.email}" for a in some) for role, some in bindings.items()}
    sandbox.gcp.add(owner, custom, noted_account(default, NOW), replace(project, bindings=members))
    careful, admins = (
        policy(name, DUE, resource="service-account", actions=[action], exemptions="none")
        for name, action in (("careful", DISABLE), ("admins", {**DISABLE, "include-admins": True}))
    )
    done = custodian(sandbox, tmp_path, careful, admins)
    assert done.returncode == 0, done.stderr
    assert log(tmp_path, "careful") == {
        "owner": ("skipped", "protected: it administers IAM, projects or Workspace"),
        "custom": ("skipped", "protected: it has a custom role, which may administer IAM or projects"),
    }
    assert {name: result for name, (result, _) in log(tmp_path, "admins").items()} == {
        "owner": "done",
        "custom": "done",
    }
    held = sandbox.gcp.state
    assert (held.account(owner.email).disabled, held.account(default.email).disabled) == (True, False)


@pytest.mark.parametrize("resource", ["directory-user", "service-account"])
def test_nobody_is_touched_while_roles_are_not_known(sandbox: Sandbox, tmp_path: Path, resource: str) -> None:
    someone, one = (
        noted_person(person("a", NOW, 200), NOW),
        noted_account(account(sandbox, "a", NOW, 200), NOW),
    )
    sandbox.gcp.add(someone, one)
    sandbox.faults["deny"] = "admin.directory.roleAssignments.list"
    done = custodian(
        sandbox, tmp_path, policy("p", DUE, resource=resource, actions=[DISABLE], exemptions="none")
    )
    assert done.returncode == 0, done.stderr
    assert log(tmp_path, "p")["a"][1].startswith("its roles are not known: administrator roles could not be")
    assert not _person(sandbox, "a").suspended
    assert not sandbox.gcp.state.account(one.email).disabled


REFUSING = {"deny": "admin.reports.activities.list"}
RECENT = {
    "seen": ({}, "auto", True, "unmark", "active: sign-in: used"),
    "not looked at": ({}, "off", False, "disable", "not checked in the last hours"),
    "refused": (REFUSING, "auto", False, "disable", "not checked in the"),
    "refused, but required": (
        {"deny": "admin.reports.activities.list"},
        "required",
        True,
        "disable",
        "could not",
    ),
}


@pytest.mark.parametrize(("faults", "recent", "on", "operation", "told"), RECENT.values(), ids=RECENT)
def test_the_last_hours_of_a_user(
    sandbox: Sandbox,
    tmp_path: Path,
    faults: dict[str, Any],
    recent: str,
    on: bool,
    operation: str,
    told: str,
) -> None:
    """A token an hour ago is known to the activities alone."""
    sandbox.gcp.add(noted_person(person("a", NOW, 200, last_token=NOW - timedelta(hours=1)), NOW))
    sandbox.faults.update(faults)
    disable = policy("p", DUE, actions=[{**DISABLE, "recent": recent}], exemptions="none")
    done = custodian(sandbox, tmp_path, disable)
    assert done.returncode == 0, done.stderr
    assert _person(sandbox, "a").suspended is not on
    lines = (tmp_path / "p" / "c7n-unused-actions.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["operation"] == operation
    assert told in log(tmp_path, "p")["a"][1]


def test_who_is_seen_by_tokens_alone_is_not_marked_again_and_again(sandbox: Sandbox, tmp_path: Path) -> None:
    for name, days in (("a", 20), ("b", 80), ("c", 20)):
        sandbox.gcp.add(person(name, NOW, 200, last_token=NOW - timedelta(days=days)))
    mark = policy("mark", days=76, actions=[MARK], exemptions="none")
    assert custodian(sandbox, tmp_path, mark).returncode == 0
    results = {name: result for name, (result, _) in log(tmp_path, "mark").items() if len(name) == 1}
    assert results == {"a": "skipped", "b": "done", "c": "skipped"}
    assert "used 20 days ago" in log(tmp_path, "mark")["a"][1]


LATER = NOW + timedelta(hours=2)
RESTORES = {
    "ours": ({"suspended_at": NOW}, "done"),
    "without-a-date": ({}, "done"),
    "google": ({"suspension_reason": "ABUSE"}, "failed"),
    "again": ({"suspended_at": LATER}, "failed"),
    "on-already": ({"suspended": False}, "done"),
}


@pytest.mark.parametrize("even", [False, True])
def test_only_what_is_as_we_left_it_is_switched_on(sandbox: Sandbox, tmp_path: Path, even: bool) -> None:
    for name, (fields, _) in RESTORES.items():
        sandbox.gcp.add(replace(noted_person(person(name, NOW, 200), NOW, off=True), **fields))
    sandbox.gcp.add(person("not-ours", NOW, 200, suspended=True))
    names = RESTORES if even else ["all"]
    for name in names:
        action = {**ENABLE, "even-if-changed": f"{name}@lakeside.example"} if even else ENABLE
        done = custodian(
            sandbox, tmp_path / name, {"name": "r", "resource": "gcp.directory-user", "actions": [action]}
        )
        assert done.returncode == 2
    on = {name for name in [*RESTORES, "not-ours"] if not _person(sandbox, name).suspended}
    assert on == {"ours", "without-a-date", "on-already"} | ({"again"} if even else set())
    assert _person(sandbox, "google").custom[SCHEMA]
    if not even:
        found = log(tmp_path / "all", "r")
        assert {name: found[name][0] for name in RESTORES} == {
            n: result for n, (_, result) in RESTORES.items()
        }
        assert "Google itself suspended the user (ABUSE)" in found["google"][1]
        assert "suspended again by an administrator at 2026-06-15T14:00:00Z" in found["again"][1]


def _person(sandbox: Sandbox, name: str) -> Person:
    found: Person = sandbox.gcp.state.person(f"{name}@lakeside.example")
    return found


def test_a_key_that_google_found_in_public_stays_off(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each key of an account answers for itself."""
    owner = account(sandbox, "keys", NOW, 1)
    first, second = (key(owner, f"aaaaaaa{n}", NOW, 200, disabled=True) for n in (1, 2))
    items = [Item("service-account-key", k.id) for k in (first, second)]
    owner = noted_account(owner, NOW, *items, off=True)
    sandbox.gcp.add(owner, first, replace(second, reason="EXPOSED"))
    restore = {"name": "restore", "resource": "gcp.service-account-key", "actions": [ENABLE]}
    done = custodian(sandbox, tmp_path, restore)
    assert done.returncode == 2
    assert "Google reports the key as EXPOSED: make a new one instead" in done.stderr
    keys = sandbox.gcp.state.keys[owner.email]
    assert {k.id[:8]: k.disabled for k in keys.values()} == {"aaaaaaa1": False, "aaaaaaa2": True}
    assert second.id in sandbox.gcp.state.account(owner.email).description


def test_a_due_key_that_is_used_again_is_unmarked(sandbox: Sandbox, tmp_path: Path) -> None:
    idle = key(account(sandbox, "keys", NOW, 1), "aaaaaaa1", NOW, 200)
    owner = account(sandbox, "keys", NOW, 1, description="Exports")
    owner = noted_account(owner, NOW, Item("service-account-key", idle.id))
    sandbox.gcp.add(owner, idle)
    sandbox.on_request = used_after_listing(sandbox, idle)
    disable = policy("disable", DUE, resource="service-account-key", actions=[DISABLE], exemptions="none")
    done = custodian(sandbox, tmp_path, disable)
    assert done.returncode == 0, done.stderr
    assert not sandbox.gcp.state.keys[owner.email][idle.id].disabled
    assert sandbox.gcp.state.account(owner.email).description == "Exports"


def used_after_listing(sandbox: Sandbox, idle: Any) -> Any:
    """A hook: Monitoring sees the key in use once the policy looks at the account again."""

    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if action == "iam.projects.serviceAccounts.get":
            sandbox.gcp.add(replace(idle, last_metric=NOW - timedelta(hours=1)))

    return hook


def test_whose_notes_somebody_else_changes_in_between_is_left_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    one = noted_account(account(sandbox, "a", NOW, 200), NOW)
    sandbox.gcp.add(one)
    reads = itertools.count()

    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if (action, phase) == ("iam.projects.serviceAccounts.get", "before") and next(reads) == 1:
            sandbox.gcp.hand("note", one.email, value="[c7n-unused-record: somebody else's]")

    sandbox.on_request = hook
    done = custodian(
        sandbox,
        tmp_path,
        policy("p", DUE, resource="service-account", actions=[DISABLE], exemptions="none"),
    )
    assert done.returncode == 2
    assert "the record is that of 'somebody'" in done.stderr
    assert "not disabled" in done.stderr
    assert not sandbox.gcp.state.account(one.email).disabled


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no hours": ({"actions": [{**MARK, "hours": 0}], "exemptions": "none"}, "needs `hours:` above 0"),
    "days": ({"actions": [{**MARK, "days": 4}], "exemptions": "none"}, "and no `days:`"),
    "a zone": ({"actions": [{**MARK, "tz": "est"}], "exemptions": "none"}, "takes no `tz:` but utc"),
    "brackets": (
        {"actions": [{**MARK, "msg": "[x]: {op}@{action_date}"}], "exemptions": "none"},
        "no brackets",
    ),
    "a mark that can't be read": (
        {"actions": [{**MARK, "msg": "{op}"}], "exemptions": "none"},
        "must end in",
    ),
    "no exemptions": ({"actions": [DISABLE]}, "needs `exemptions:`"),
    "unknown": (
        {"actions": [DISABLE], "exemptions": "none", "verdicts": ["stale", "unknown"]},
        "takes the verdicts stale and never-used only",
    ),
}


@pytest.mark.parametrize(("fields", "told"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("resource", ["directory-user", "service-account", "service-account-key"])
def test_refused(direct: Direct, resource: str, fields: dict[str, Any], told: str) -> None:
    manager = direct.manager(policy("p", resource=resource, **fields))
    with pytest.raises(PolicyValidationError, match=told):
        validate(manager)


def validate(manager: Any) -> None:
    for element in (*manager.filters, *manager.actions):
        element.validate()


def test_disabling_needs_our_filter(direct: Direct) -> None:
    manager = direct.manager({"name": "p", "resource": "gcp.directory-user", "actions": [DISABLE]})
    with pytest.raises(PolicyValidationError, match="unused-credentials"):
        manager.actions[0].validate()
