"""Over the wire: connections that break before the answer cost time and nothing else."""

from __future__ import annotations

import itertools
from pathlib import Path

from custom_filters.sandbox.wire_http import ConnectionDroppedError
from tests.gcp.runs import annotations, custodian, embedded, policy, utc

NOW = utc(2026, 6, 15, 12, 0)
POLICIES = (
    policy("users", evidence=["last-login", "reports"]),
    policy("keys", resource="service-account-key"),
)


class DropEveryFifth:
    """A request hook that breaks every fifth connection before its request is answered."""

    def __init__(self) -> None:
        self._seen = itertools.count(1)

    def __call__(self, cloud: str, action: str, phase: str, is_write: bool) -> None:
        if phase == "before" and next(self._seen) % 5 == 0:
            raise ConnectionDroppedError


def test_dropped_connections_change_nothing(tmp_path: Path) -> None:
    found = []
    with embedded(users=40, seed=7, now=NOW, marks=False) as sandbox:
        for hook in (None, DropEveryFifth()):
            sandbox.on_request = hook
            out = tmp_path / str(len(found))
            done = custodian(sandbox, out, *POLICIES)
            assert done.returncode == 0, done.stderr
            found.append({a["credentials"][0]["uid"] for p in POLICIES for a in annotations(out, p["name"])})
    assert found[0] == found[1]
    assert "a call failed and is tried again (2 of 6)" in done.stderr
