from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from c7n.utils import reset_session_cache
from c7n_azure.session import Session

from custom_filters.azure.directory_user import DirectoryUser
from custom_filters.azure.notes import SET_UP
from custom_filters.core.journal import verify
from custom_filters.core.notes import Item
from custom_filters.custodian.selected import NotesChange, Selected
from tests.azure.conftest import NOW, Tenant
from tests.azure.runs import custodian, embedded, marked, notes, person, policy

DUE = {"type": "unused-mark", "state": "due", "tag": "c7n-unused"}
MARKED = NOW - timedelta(days=15)
DISABLE = {"type": "disable-unused", "tag": "c7n-unused"}
MARK = {"type": "mark-for-op", "op": "disable-unused", "tag": "c7n-unused", "hours": 336}
ANYWAY: dict[str, Any] = {"actions": [DISABLE], "exemptions": "none"}
#: The last hours are asked elsewhere; here that would only take its time.
DISABLING: dict[str, Any] = {"actions": [{**DISABLE, "recent": "off"}], "exemptions": "none"}


def log(out: Path, name: str) -> dict[str, tuple[str, str]]:
    """User -> result and reason; the chain holds."""
    lines = (out / name / "c7n-unused-actions.jsonl").read_text().splitlines()
    assert verify(lines) == []
    found = [json.loads(line) for line in lines]
    ends = [f for f in found if f["step"] == "outcome"]
    return {f["principal"]["user"].partition("@")[0]: (f["result"], f["reason"]) for f in ends}


def test_what_fails_for_one_user_fails_the_policy_and_no_other_user(tmp_path: Path) -> None:
    with embedded(now=NOW) as sandbox:
        for name in ("one", "two", "three"):
            sandbox.azure.add(person(name, NOW, 200))
            marked(sandbox, name, MARKED)
        sandbox.azure.add(person("busy", NOW, 1))
        sandbox.faults["patch_fail"] = "two@contoso.example"
        done = custodian(sandbox, tmp_path, policy("disable", DUE, **DISABLING))
        enabled = {p.name for p in sandbox.azure.people if p.enabled}
        assert "c7n-unused" in notes(sandbox, "two")
    assert done.returncode == 2
    assert "1 failures on 3 resources: " in done.stderr
    assert enabled == {"two", "busy"}
    told = log(tmp_path, "disable")
    assert told["one"][0] == told["three"][0] == "done"
    assert told["two"][0] == "failed"
    assert "500 Service_InternalServerError" in told["two"][1]


@pytest.mark.parametrize("status", ["403", "500"])
def test_sessions_that_could_not_be_ended_are_told(tmp_path: Path, status: str) -> None:
    with embedded(now=NOW) as sandbox:
        for name in ("one", "busy"):
            sandbox.azure.add(person(name, NOW, 1 if name == "busy" else 200))
        marked(sandbox, "one", MARKED)
        sandbox.faults["revoke_fail"] = status
        done = custodian(sandbox, tmp_path, policy("disable", DUE, **DISABLING))
        assert not sandbox.azure.person("one@contoso.example").enabled
        assert "off=" in notes(sandbox, "one")["c7n-unused-record"]
    assert done.returncode == 2
    assert "one@contoso.example is switched off, but its sessions were not ended: " in done.stderr
    assert ("grant the app User.RevokeSessions.All" in done.stderr) == (status == "403")
    last = json.loads((tmp_path / "disable" / "c7n-unused-actions.jsonl").read_text().splitlines()[-1])
    assert (last["result"], last["sessions"]) == ("done", "failed")


def test_the_next_run_that_acts_ends_the_sessions_that_are_left(tmp_path: Path) -> None:
    with embedded(now=NOW) as sandbox:
        for name in ("one", "two", "three", "busy"):
            sandbox.azure.add(person(name, NOW, 1 if name == "busy" else 200))
        marked(sandbox, "one", MARKED)
        sandbox.faults["revoke_fail"] = "500"
        custodian(sandbox, tmp_path, policy("disable", DUE, **DISABLING))
        before = sandbox.azure.person("one@contoso.example").sessions_valid_from
        del sandbox.faults["revoke_fail"]
        marking = policy("mark", actions=[MARK], exemptions="none")
        first = custodian(sandbox, tmp_path, marking)
        ended = sandbox.azure.person("one@contoso.example").sessions_valid_from
        again = custodian(sandbox, tmp_path, marking)
    assert (before, ended is not None) == (None, True)
    assert "the sessions of one@contoso.example are ended now" in first.stderr
    assert "sessions" not in again.stderr


EVERY = ["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used"]
UNMARKING: dict[str, Any] = {
    "actions": [{"type": "unmark-unused", "tag": "c7n-unused"}],
    "exemptions": "none",
    "verdicts": EVERY,
}


def test_sessions_that_are_left_are_reason_enough_to_select_a_user(tmp_path: Path) -> None:
    """Nobody else is to be changed; a failure fails the policy, until they are ended."""
    states = {**DUE, "state": ["pending", "due", "void", "malformed"]}
    unmark = policy("unmark", states, **UNMARKING)
    with embedded(now=NOW) as sandbox:
        for name in ("one", "busy"):
            sandbox.azure.add(person(name, NOW, 1 if name == "busy" else 200))
        marked(sandbox, "one", MARKED)
        sandbox.faults["revoke_fail"] = "403"
        custodian(sandbox, tmp_path, policy("disable", DUE, **DISABLING))
        failed = custodian(sandbox, tmp_path, unmark)
        del sandbox.faults["revoke_fail"]
        ended, quiet = (custodian(sandbox, tmp_path, unmark) for _ in range(2))
    assert (failed.returncode, ended.returncode, quiet.returncode) == (2, 0, 0)
    assert "the sessions of one@contoso.example are still not ended: " in failed.stderr
    assert "the sessions of one@contoso.example are ended now" in ended.stderr
    assert "sessions" not in quiet.stderr


def test_nobody_is_changed_whose_roles_cannot_be_read(tmp_path: Path) -> None:
    with embedded(now=NOW) as sandbox:
        for name in ("idle", "busy"):
            sandbox.azure.add(person(name, NOW, 1 if name == "busy" else 200))
        marked(sandbox, "idle", MARKED)
        sandbox.faults["permission"] = "RoleManagement.Read.Directory"
        done = custodian(sandbox, tmp_path, policy("disable", DUE, **DISABLING))
        assert done.returncode == 0, done.stderr
        assert all(p.enabled for p in sandbox.azure.people)
    assert log(tmp_path, "disable")["idle"] == (
        "skipped", "its roles could not be read (RoleManagement.Read.Directory)",
    )  # fmt: skip


def test_without_a_place_for_notes_reports_go_on_and_changes_stop(tmp_path: Path) -> None:
    with embedded(now=NOW) as sandbox:
        for name in ("idle", "busy"):
            sandbox.azure.add(person(name, NOW, 1 if name == "busy" else 200))
        sandbox.azure.hand("delete-app", sandbox.azure.app.client)
        marking = policy("mark", actions=[MARK], exemptions="none")
        done = custodian(sandbox, tmp_path, policy("report"), marking)
        assert len(json.loads((tmp_path / "report" / "resources.json").read_text())) == 1
    assert done.returncode == 2
    assert SET_UP in done.stderr


REFUSED = {
    "unknown beside disable": (
        policy("p", actions=[DISABLE], exemptions="none", verdicts=["stale", "unknown"]),
        "takes the verdicts stale and never-used only",
    ),
    "no exemptions": (policy("p", actions=[DISABLE]), "needs `exemptions:`"),
    "no notice": (policy("p", **ANYWAY), "so that notice was given"),
    "notes-app": (
        {"name": "p", "resource": "azure.directory-user", "query": [{"notes-app": "ours"}]},
        "with an application id",
    ),
    "two filters": (
        policy("p", {"type": "unused-credentials", "exemptions": "none"}, **ANYWAY),
        "needs exactly one",
    ),
    "not": (
        {
            "name": "p",
            "resource": "azure.directory-user",
            "filters": [{"not": [{"type": "unused-credentials", "exemptions": "none"}]}],
            "actions": [DISABLE],
        },
        "outside of `not:`",
    ),
    "hours 0": (
        policy("p", actions=[{**MARK, "hours": 0}], exemptions="none"),
        "needs `hours:` above 0",
    ),
    "tz": (policy("p", actions=[{**MARK, "tz": "est"}], exemptions="none"), "takes no `tz:` but utc"),
    "msg": (policy("p", actions=[{**MARK, "msg": "hello"}], exemptions="none"), "`msg:` must end in"),
    "query": (
        {"name": "p", "resource": "azure.directory-user", "query": [{"filter": "x"}]},
        "takes 'notes-app' with an application id",
    ),
    "source": (
        {"name": "p", "resource": "azure.directory-user", "source": "resource-graph"},
        "takes no `source:`",
    ),
}


def test_validation_refuses_each_in_a_sentence(tmp_path: Path) -> None:
    """One process for all of them: what `custodian validate` does, without starting it eight times."""
    from c7n.config import Config
    from c7n.exceptions import PolicyValidationError
    from c7n.policy import PolicyCollection
    from c7n.resources import load_resources

    from custom_filters import autoload

    autoload.load()
    load_resources(("azure.directory-user",))
    for name, (refused, sentence) in REFUSED.items():
        (made,) = PolicyCollection.from_data({"policies": [refused]}, Config.empty(account_id="x"))
        with pytest.raises(PolicyValidationError) as caught:
            made.validate()
        assert sentence in str(caught.value), name


def test_skipping_validation_does_not_get_past_the_action(tmp_path: Path) -> None:
    refused, sentence = REFUSED["unknown beside disable"]
    with embedded(now=NOW) as sandbox:
        for name in ("idle", "busy"):
            sandbox.azure.add(person(name, NOW, 1 if name == "busy" else 200))
        marked(sandbox, "idle", MARKED)
        done = custodian(sandbox, tmp_path, refused, skip_validation=True)
        assert all(p.enabled for p in sandbox.azure.people)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_a_write_whose_answer_was_lost_is_made_good(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C7N_UNUSED_ENTRA_APP", tenant.sandbox.azure.app.client)
    reset_session_cache()
    manager = SimpleNamespace(session_factory=Session, data={})
    kind = DirectoryUser(manager, {})
    resource = {"id": tenant.id("idle"), "userPrincipalName": "idle@contoso.example"}
    of = Selected(resource, kind.identity(resource), {})
    assert kind.properties
    tenant.sandbox.faults["graph_drop_after"] = 0.5
    for number in range(5):
        texts = {"c7n-unused": str(number), "c7n-unused-record": ""}
        [written] = kind.write([NotesChange(of, texts, "off", (Item("sign-in", "sign-in"),))])
        assert (written.error, written.sessions) == (None, "ended")
        assert notes(tenant.sandbox, "idle") == {"c7n-unused": str(number)}
    assert not tenant.sandbox.azure.person("idle@contoso.example").enabled
    [written] = kind.write([NotesChange(of, {"c7n-unused": None}, "on")])
    assert notes(tenant.sandbox, "idle") == {}
    assert tenant.sandbox.azure.person("idle@contoso.example").enabled
    reset_session_cache()


def test_who_has_no_activity_in_the_listing_is_read_again_before_marking(tmp_path: Path) -> None:
    """A listing leaves the activity out in error, too, for people who sign in every day."""
    with embedded(now=NOW, faults={"omit_list": "omitted@contoso.example"}) as sandbox:
        for name, idle in {"omitted": 2, "never": None, "stale": 200, "busy": 1}.items():
            sandbox.azure.add(person(name, NOW, idle, licenses=("E3",)))
        mark = policy("mark", actions=[MARK], exemptions="none", verdicts=["never-used", "stale"])
        done = custodian(sandbox, tmp_path, mark)
        told = {name: bool(notes(sandbox, name)) for name in ("omitted", "never", "stale", "busy")}
        reads = sandbox.calls["azure:GET /users/{id}"]
    assert done.returncode == 0, done.stderr
    assert told == {"omitted": False, "never": True, "stale": True, "busy": False}
    assert reads == 2
    result, reason = log(tmp_path, "mark")["omitted"]
    assert (result, reason[:35]) == ("skipped", "active: sign-in: used 2 days ago (2")


def test_who_came_into_a_restricted_unit_is_left_as_he_is_and_told(tmp_path: Path) -> None:
    """Graph refuses every change: his mark stays, does nothing, and no run fails for it."""
    states = {**DUE, "state": ["pending", "due", "void", "malformed"]}
    with embedded(now=NOW) as sandbox:
        sandbox.azure.add(person("rob", NOW, 200, restricted=True))
        sandbox.azure.add(person("busy", NOW, 1))
        marked(sandbox, "rob", MARKED)
        unmark, disable = policy("unmark", states, **UNMARKING), policy("disable", DUE, **DISABLING)
        done = custodian(sandbox, tmp_path, unmark, disable)
        assert sandbox.azure.person("rob@contoso.example").enabled
        assert "c7n-unused" in notes(sandbox, "rob")
    assert done.returncode == 0, done.stderr
    for name in ("unmark", "disable"):
        result, reason = log(tmp_path, name)["rob"]
        assert (result, "restricted management unit" in reason) == ("skipped", True)
