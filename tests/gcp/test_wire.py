"""Over the wire: connections that break before the answer cost time and nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.gcp.runs import annotations, custodian, embedded, policy, utc

NOW = utc(2026, 6, 15, 12, 0)
POLICIES = (
    policy("users", evidence=["last-login", "reports"]),
    policy("keys", resource="service-account-key"),
)


def test_dropped_connections_change_nothing(tmp_path: Path) -> None:
    found = []
    with embedded(users=40, seed=7, now=NOW, marks=False) as sandbox:
        for faults in ({}, {"gcp_drop": 0.05}):
            sandbox.faults.update(faults)
            out = tmp_path / str(len(found))
            done = custodian(sandbox, out, *POLICIES)
            assert done.returncode == 0, done.stderr
            found.append({a["credentials"][0]["uid"] for p in POLICIES for a in annotations(out, p["name"])})
    assert found[0] == found[1]
    assert "before retry 1 of 5" in done.stderr
