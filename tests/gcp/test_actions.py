"""Actions on their edges: what is refused, what fails alone, and what is left as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from c7n.exceptions import PolicyValidationError

from custom_filters.gcp.schema import SCHEMA
from custom_filters.sandbox.gcp.people import Person, ServiceAccount
from custom_filters.sandbox.sandbox import Sandbox
from tests.gcp.conftest import Direct
from tests.gcp.runs import account, custodian, embedded, key, person, policy, utc

NOW = utc(2026, 6, 15, 12, 0)
STAMP = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
RECORD = {SCHEMA: {"c7n_unused_record": f"1/1 {STAMP} sign-in=sign-in"}}
MARK = {"type": "mark-for-op", "op": "disable-unused", "tag": "c7n-unused", "hours": 336}
DISABLE = {"type": "disable-unused", "tag": "c7n-unused"}
ENABLE = {"type": "enable-unused"}
BOTH = ["last-login", "reports"]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with embedded(now=NOW) as found:
        yield found


def log(out: Path, name: str) -> dict[str, tuple[str, str]]:
    """Result and reason by user, of the policy's action log."""
    lines = (out / name / "c7n-unused-actions.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return {e["principal"]["user"].partition("@")[0]: (e["result"], e["reason"]) for e in entries}


def test_marking_without_the_schema_says_what_to_run(tmp_path: Path) -> None:
    with embedded(now=NOW, marks=False) as sandbox:
        sandbox.gcp.add(person("stale", NOW, 200))
        done = custodian(sandbox, tmp_path, policy("mark", actions=[MARK], exemptions="none", evidence=BOTH))
    assert done.returncode == 2
    assert "run `c7n-unused setup -p gcp --tag c7n-unused` once: nothing was changed" in done.stderr


def test_one_description_without_room_fails_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    full = account(sandbox, "full", NOW, 200, description="x" * 250)
    sandbox.gcp.add(full, account(sandbox, "stale", NOW, 200))
    mark = policy("mark", resource="service-account", actions=[MARK], exemptions="none")
    done = custodian(sandbox, tmp_path, mark)
    assert done.returncode == 2
    assert "full@" in done.stderr
    assert "its description would need" in done.stderr
    found = log(tmp_path, "mark")
    assert (found["stale"][0], found["full"][0]) == ("done", "failed")
    assert sandbox.gcp.state.account(full.email) == full


def test_privileged_accounts_and_the_built_in_ones(sandbox: Sandbox, tmp_path: Path) -> None:
    project = sandbox.gcp.company.projects[0]
    owner, custom = (account(sandbox, name, NOW, 200) for name in ("owner", "custom"))
    default = account(sandbox, "d", NOW, 200, email=f"{project.number}-compute@developer.gserviceaccount.com")
    bindings = {"roles/owner": (owner,), f"projects/{project.id}/roles/ours": (custom,)}
    members = {role: tuple(f"serviceAccount:{a.email}" for a in some) for role, some in bindings.items()}
    sandbox.gcp.add(owner, custom, default, replace(project, bindings=members))
    off = {**DISABLE, "require-mark": False}
    careful = policy("careful", resource="service-account", actions=[off], exemptions="none")
    admins = policy(
        "admins", resource="service-account", actions=[{**off, "include-admins": True}], exemptions="none"
    )
    done = custodian(sandbox, tmp_path, careful, admins)
    assert done.returncode == 0, done.stderr
    assert log(tmp_path, "careful") == {
        "owner": ("skipped", "privileged"),
        "custom": ("skipped", "its privileges could not be read"),
    }
    assert {name: result for name, (result, _) in log(tmp_path, "admins").items()} == {
        "owner": "done",
        "custom": "done",
    }
    held = sandbox.gcp.state
    assert (held.account(owner.email).disabled, held.account(default.email).disabled) == (True, False)


RESTORES = {
    "ours": (person("ours", NOW, 200, suspended=True, custom=RECORD), "done"),
    "not-ours": (person("not-ours", NOW, 200, suspended=True), "skipped"),
    "abuse": (person("abuse", NOW, 200, suspended=True, suspension_reason="ABUSE", custom=RECORD), "failed"),
    "foreign": (
        person(
            "foreign", NOW, 200, suspended=True, custom={SCHEMA: {"c7n_unused_record": f"1/1 {STAMP} x=y"}}
        ),
        "failed",
    ),
}


def test_only_what_our_record_says_is_switched_on(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.gcp.add(*(someone for someone, _ in RESTORES.values()))
    done = custodian(
        sandbox, tmp_path, {"name": "restore", "resource": "gcp.directory-user", "actions": [ENABLE]}
    )
    assert done.returncode == 2
    found = log(tmp_path, "restore")
    assert {name: found[name][0] for name in RESTORES} == {
        name: result for name, (_, result) in RESTORES.items()
    }
    assert "Google itself suspended the user (ABUSE)" in found["abuse"][1]
    on = {name for name in RESTORES if not _person(sandbox, name).suspended}
    assert on == {"ours"}


def _person(sandbox: Sandbox, name: str) -> Person:
    found: Person = sandbox.gcp.state.person(f"{name}@lakeside.example")
    return found


def test_a_record_that_differs_from_the_runs_is_left_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    """A run's record names all keys of an account; each key answers for itself."""
    owner = account(sandbox, "keys", NOW, 1, description=f"[c7n-unused-record aaaaaaa1,aaaaaaa2: {STAMP}]")
    first, second = (key(owner, f"aaaaaaa{n}", NOW, 200, disabled=True) for n in (1, 2))
    sandbox.gcp.add(owner, first, second)
    expected = [f"service-account-key={first.id}"]
    restore = {
        "name": "restore",
        "resource": "gcp.service-account-key",
        "actions": [{**ENABLE, "record": expected}],
    }
    done = custodian(sandbox, tmp_path, restore)
    assert done.returncode == 2
    assert (
        f"the record in the cloud (service-account-key={second.id}) is not that of the run (empty)"
        in done.stderr
    )
    keys = sandbox.gcp.state.keys[owner.email]
    assert {k.id[:8]: k.disabled for k in keys.values()} == {"aaaaaaa1": False, "aaaaaaa2": True}


def test_a_due_key_that_is_used_again_is_skipped_and_unmarked(sandbox: Sandbox, tmp_path: Path) -> None:
    due = NOW - timedelta(days=1)
    notes = f"[c7n-unused aaaaaaa1: Unused: disable-unused@{due:%Y/%m/%d %H%M} UTC]"
    owner = account(sandbox, "keys", NOW, 1, description=f"Exports {notes}")
    idle = key(owner, "aaaaaaa1", NOW, 200)
    sandbox.gcp.add(owner, idle)
    sandbox.on_request = used_after_listing(sandbox, owner, idle)
    disable = policy("disable", resource="service-account-key", actions=[DISABLE], exemptions="none")
    done = custodian(sandbox, tmp_path, disable)
    assert done.returncode == 0, done.stderr
    assert not sandbox.gcp.state.keys[owner.email][idle.id].disabled
    assert sandbox.gcp.state.account(owner.email).description == "Exports"


def used_after_listing(sandbox: Sandbox, owner: ServiceAccount, idle: Any) -> Any:
    """A hook: Monitoring sees the key in use once the policy looks at the account again."""

    def hook(cloud: str, action: str, phase: str, is_write: bool) -> None:
        if action == "iam.projects.serviceAccounts.get":
            sandbox.gcp.add(replace(idle, last_metric=NOW - timedelta(hours=1)))

    return hook


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
