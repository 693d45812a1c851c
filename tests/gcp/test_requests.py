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
#: Users: a second look at the listing's date, a fresh read, the newest usage report, two logs, one write.
#: Accounts: a fresh read, Policy Analyzer, Monitoring twice (six weeks, the last hours), description, switch.
EACH = {
    "directory-user": {
        "admin.directory.users.get": 2,
        "admin.reports.userUsageReport.get": 1,
        "admin.reports.activities.list": 2,
        "admin.directory.users.patch": 1,
    },
    "service-account": {
        f"{IAM}get": 3, QUERY: 1, SERIES: 2, f"{IAM}patch": 2, f"{IAM}disable": 1,
    },
    "service-account-key": {
        f"{IAM}get": 3, f"{IAM}keys.list": 2, f"{IAM}keys.get": 1, QUERY: 1, SERIES: 2, f"{IAM}patch": 2,
        f"{IAM}keys.disable": 1,
    },
}  # fmt: skip


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
        found = {name.removeprefix("gcp:"): n for name, n in sandbox.calls.items()}
    return Counter(
        {name: n for name, n in found.items() if not name.startswith(("oauth2", "iamcredentials"))}
    )


@pytest.mark.parametrize("resource", EACH)
def test_requests_for_each_to_be_disabled(tmp_path: Path, resource: str) -> None:
    one, two = calls(tmp_path / "1", resource, 1), calls(tmp_path / "2", resource, 2)
    assert two - one == Counter(EACH[resource])
