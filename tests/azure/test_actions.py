from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from custom_filters.core.actionlog import verify
from custom_filters.core.record import RecordError

from custom_filters.azure.notes import EXTENSION, change_notes
from tests.azure.conftest import NOW, Tenant
from tests.azure.runs import custodian, embedded, person, policy

DUE = "c7n-unused=unused: disable-unused@2026/04/30 1200 UTC"
DISABLE = {"type": "disable-unused", "tag": "c7n-unused"}
MARK = {"type": "mark-for-op", "op": "disable-unused", "tag": "c7n-unused", "hours": 336}
ANYWAY: dict[str, Any] = {"actions": [DISABLE], "exemptions": "none"}


def log(out: Path, name: str) -> dict[str, tuple[str, str]]:
    """User -> result and reason; the chain holds."""
    lines = (out / name / "c7n-unused-actions.jsonl").read_text().splitlines()
    assert verify(lines) == []
    found = [json.loads(line) for line in lines]
    return {f["principal"]["user"].partition("@")[0]: (f["result"], f["reason"]) for f in found}


def test_what_fails_for_one_user_fails_the_policy_and_no_other_user(tmp_path: Path) -> None:
    people = ["one", "two", "three", "four"]
    with embedded(now=NOW) as sandbox:
        for name in people:
            sandbox.azure.add(person(name, NOW, 200, restricted=name == "three" or None))
            sandbox.azure.extensions(f"{name}@contoso.example")[EXTENSION] = {"tags": [DUE]}
        sandbox.azure.add(person("busy", NOW, 1))
        sandbox.faults["patch_fail"] = "two@contoso.example"
        done = custodian(sandbox, tmp_path, policy("disable", **ANYWAY))
        enabled = {p.name for p in sandbox.azure.people if p.enabled}
    assert done.returncode == 2
    assert "2 failures on 4 resources: " in done.stderr
    assert enabled == {"two", "three", "busy"}
    told = log(tmp_path, "disable")
    assert told["one"][0] == told["four"][0] == "done"
    assert told["two"][0] == "failed"
    assert "500 Service_InternalServerError" in told["two"][1]
    assert "only a directory role may change this user" in told["three"][1]


def test_nobody_is_touched_whose_roles_cannot_be_read_or_who_is_synced(tmp_path: Path) -> None:
    with embedded(now=NOW) as sandbox:
        for name in ("idle", "synced", "busy"):
            sandbox.azure.add(
                person(name, NOW, 1 if name == "busy" else 200, synced=name == "synced" or None)
            )
            sandbox.azure.extensions(f"{name}@contoso.example")[EXTENSION] = {"tags": [DUE]}
        sandbox.faults["permission"] = "RoleManagement.Read.Directory"
        done = custodian(sandbox, tmp_path, policy("disable", **ANYWAY))
        assert done.returncode == 0, done.stderr
        assert all(p.enabled for p in sandbox.azure.people)
    told = log(tmp_path, "disable")
    assert told["idle"] == ("skipped", "its privileges could not be read")
    assert told["synced"][1].startswith("disable at the source (on-premises)")


REFUSED = {
    "unknown beside disable": (
        policy("p", actions=[DISABLE], exemptions="none", verdicts=["stale", "unknown"]),
        "takes the verdicts stale and never-used only",
    ),
    "no exemptions": (policy("p", actions=[DISABLE]), "needs `exemptions:`"),
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
    "rate": (
        {"name": "p", "resource": "azure.directory-user", "query": [{"requests-per-minute": 0}]},
        "a number above 0",
    ),
    "query": (
        {"name": "p", "resource": "azure.directory-user", "query": [{"filter": "x"}]},
        "'requests-per-minute'",
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
            sandbox.azure.extensions(f"{name}@contoso.example")[EXTENSION] = {"tags": [DUE]}
        done = custodian(sandbox, tmp_path, refused, skip_validation=True)
        assert all(p.enabled for p in sandbox.azure.people)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_notes_of_others_survive_a_change(tenant: Tenant) -> None:
    user = tenant.id("idle")
    change_notes(tenant.graph, user, {"a": "1", "b": "x=y"})
    change_notes(tenant.graph, user, {"c": "3"}, ("a",))
    extensions = tenant.sandbox.azure.extensions("idle@contoso.example")
    assert extensions[EXTENSION]["tags"] == ["b=x=y", "c=3"]
    change_notes(tenant.graph, user, {}, ("b", "c"))
    assert extensions == {}


def test_notes_that_do_not_fit_are_refused(tenant: Tenant) -> None:
    with pytest.raises(RecordError, match="Entra allows 1900; shorten"):
        change_notes(tenant.graph, tenant.id("idle"), {"a": "x" * 2000})


def test_a_write_whose_answer_was_lost_is_made_good(tenant: Tenant) -> None:
    tenant.sandbox.faults["graph_drop_after"] = 0.5
    for number in range(5):
        change_notes(tenant.graph, tenant.id("idle"), {"a": str(number)})
        change_notes(tenant.graph, tenant.id("idle"), {}, ("a",))
    assert tenant.sandbox.azure.extensions("idle@contoso.example") == {}
