"""What one more user, service account or key to be disabled costs: its own requests, over the wire."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from custom_filters.core.notes import Item
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
DUE = {"type": "unused-mark", "state": "due", "op": "disable-unused", "tag": "c7n-unused"}
DISABLE = {"type": "disable-unused", "tag": "c7n-unused"}
IAM = "iam.projects.serviceAccounts."
QUERY = "policyanalyzer.projects.locations.activityTypes.activities.query"
SERIES = "monitoring.projects.timeSeries.list"
EACH: dict[str, dict[str, int]] = {}


def calls(out: Path, resource: str, count: int) -> Counter[str]:
    """Requests of a run that disables so many."""
    with embedded(now=NOW) as sandbox:
        for n in range(count):
            owner = account(sandbox, f"n{n}", NOW, 200)
            owned = key(owner, f"{n}aaaaaaa", NOW, 200)
            items = [Item("service-account-key", owned.id)] if resource == "service-account-key" else []
            sandbox.gcp.add(noted_account(owner, NOW, *items), owned)
            sandbox.gcp.add(noted_person(person(f"n{n}", NOW, 200), NOW))
        disable = policy("p", DUE, resource=resource, actions=[DISABLE], exemptions="none")
        done = custodian(sandbox, out, disable)
        assert done.returncode == 0, done.stderr
        return Counter({name.removeprefix("gcp:"): n for name, n in sandbox.calls.items()})


@pytest.mark.parametrize("resource", ["directory-user", "service-account", "service-account-key"])
def test_requests_for_each_to_be_disabled(tmp_path: Path, resource: str) -> None:
    one, two = calls(tmp_path / "1", resource, 1), calls(tmp_path / "2", resource, 2)
    assert two - one == Counter(EACH.get(resource))
