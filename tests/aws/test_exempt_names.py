"""An exemption that names one user or role and matches nobody stops an enforcing run of the account."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml
from c7n.exceptions import PolicyExecutionError

from custom_filters.sandbox.aws.people import Key, Person, Role, days
from tests.aws.inside import run
from tests.aws.runs import ROOT, embedded

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(("file", "policy"), [
    ("enforce", "aws-iam-user-unused-mark"), ("roles-enforce", "aws-iam-role-unused-mark"),
])  # fmt: skip
@pytest.mark.parametrize(("name", "there"), [("jane", True), ("deploy", True), ("jnae", False)])
def test_users_and_roles_share_the_exemptions(
    tmp_path: Path, file: str, policy: str, name: str, there: bool
) -> None:
    found = yaml.safe_load((ROOT / f"policies/aws/{file}.yml").read_text())["policies"]
    (data,) = (one for one in found if one["name"] == policy)
    path = tmp_path / "exemptions.yml"
    for one in data["filters"]:
        one.update({"exemptions": str(path)} if "exemptions" in one else {})
    refused = pytest.raises(PolicyExecutionError, match=r"of jnae in the account .* matches nobody")
    with embedded(now=NOW) as sandbox:
        entry = {"provider": "aws", "account": sandbox.aws.account_id, "user": name, "reason": "sealed",
                 "approved_by": "ciso@example.com", "expires": "2027-01-01"}  # fmt: skip
        path.write_text(yaml.safe_dump({"exemptions": [entry]}))
        sandbox.aws.add(
            Person("jane", keys=(Key(used=days(200)),)), Person("joe", keys=(Key(used=days(200)),))
        )
        sandbox.aws.add(Role("deploy", created=days(400)), Role("old", created=days(400)))
        with nullcontext() if there else refused:
            run(sandbox, tmp_path, data)
        marked = [n for n, user in sandbox.aws.snapshot().items() if user["tags"].get("c7n-unused")]
        marked += [n for n, role in sandbox.aws.roles().items() if role["tags"].get("c7n-unused")]
    everybody = {"enforce": {"jane", "joe"}, "roles-enforce": {"deploy", "old"}}[file]
    assert set(marked) == (everybody - {name} if there else set())
