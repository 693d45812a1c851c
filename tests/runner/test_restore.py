from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from c7n.filters.core import ValueFilter

from custom_filters.runner.restore import disabled, restore_policy

RESOURCES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "aws.iam-user": ("ann", {"UserName": "ann"}, {"UserName": "anna"}),
    "azure.directory-user": (
        "ann@x.org",
        {"userPrincipalName": "ann@x.org"},
        {"userPrincipalName": "n@x.org"},
    ),
    "gcp.directory-user": ("ann@x.org", {"primaryEmail": "ann@x.org"}, {"primaryEmail": "bob@x.org"}),
    "gcp.service-account": ("a@p.iam", {"email": "a@p.iam"}, {"email": "b@p.iam"}),
    "gcp.service-account-key": (
        "a@p.iam",
        {"name": "projects/p/serviceAccounts/a@p.iam/keys/1"},
        {"name": "projects/p/serviceAccounts/aa@p.iam/keys/1"},
    ),
}


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_policy_is_for_that_user_only(resource: str) -> None:
    user, mine, other = RESOURCES[resource]
    policy = restore_policy(resource, user, None)
    (who,) = policy["filters"]
    assert [ValueFilter(who).match(found) for found in (mine, other)] == [True, False]
    assert policy["actions"] == [{"type": "enable-unused"}]


def entry(at: int, operation: str, kind: str, result: str = "done", user: str = "ann") -> dict[str, Any]:
    credential = {"kind": kind, "id": "1"}
    return {
        "at": f"2026-05-01T00:00:0{at}Z",
        "operation": operation,
        "result": result,
        "principal": {"user": user},
        "credential": credential,
    }


def test_what_is_off_is_what_the_logs_say_in_order_of_time(tmp_path: Path) -> None:
    logs = {
        "run-b": [entry(3, "enable", "access-key"), entry(4, "disable", "ssh-key")],
        "run-a": [
            entry(1, "disable", "access-key"),
            entry(2, "disable", "password", result="failed"),
            entry(2, "disable", "password", user="bob"),
        ],
    }
    for name, entries in logs.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "metadata.json").write_text(json.dumps({"policy": {"resource": "aws.iam-user"}}))
        lines = [json.dumps(line) for line in entries] + ['{"cut sho']
        (folder / "c7n-unused-actions.jsonl").write_text("\n".join(lines))
    assert disabled(tmp_path, "ann") == {"aws.iam-user": {"ssh-key=1"}}
