"""Many subscriptions have one tenant: c7n-org lists it once where it is told one subscription."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.azure.runs import CUSTODIAN, REPORT, embedded, utc

SUBSCRIPTION = "- {{subscription_id: 0000000{n}-0000-0000-0000-000000000000, name: sub-{n}}}\n"


@pytest.mark.slow
def test_one_subscription_stands_for_the_tenant(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yml"
    accounts.write_text("subscriptions:\n" + "".join(SUBSCRIPTION.format(n=n) for n in range(3)))
    command = [str(CUSTODIAN.parent / "c7n-org"), "run", "-c", str(accounts), "-s", str(tmp_path / "out")]
    with embedded(users=60, now=utc(2026, 5, 1)) as sandbox:
        done = subprocess.run(
            [*command, "-u", str(REPORT), "-a", "sub-1"],
            env=sandbox.child_environment(), cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert sandbox.calls["azure:GET /users/$count"] == 1
    found = {path.parent.relative_to(tmp_path / "out") for path in tmp_path.glob("out/**/resources.json")}
    assert {path.parts[:2] for path in found} == {("sub-1", "global")}
    assert len(found) == 5
