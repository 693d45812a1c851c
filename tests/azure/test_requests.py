"""What one more user to be disabled costs: its own requests, counted over the wire."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests.azure.conftest import NOW
from tests.azure.runs import custodian, embedded, marked, person, policy

DUE = {"type": "unused-mark", "state": "due", "tag": "c7n-unused"}
DISABLE = {"type": "disable-unused", "tag": "c7n-unused"}
#: A fresh read with activity and notes, both logs, and one batch of a PATCH and the end of sessions.
EACH = {
    "GET /users/{id}": 1,
    "GET /auditLogs/signIns": 1,
    "GET /beta/auditLogs/signIns": 1,
    "POST /$batch": 1,
    "batch:PATCH /users/{id}": 1,
    "batch:POST /users/{id}/revokeSignInSessions": 1,
}


def calls(out: Path, users: int) -> Counter[str]:
    """Requests of a run that disables so many."""
    with embedded(now=NOW) as sandbox:
        for number in range(users):
            sandbox.azure.add(person(f"idle.{number}", NOW, 200))
            marked(sandbox, f"idle.{number}", NOW - timedelta(days=15))
        sandbox.azure.add(person("busy", NOW, 1))
        done = custodian(sandbox, out, policy("p", DUE, actions=[DISABLE], exemptions="none"))
        assert done.returncode == 0, done.stderr
        assert sum(not p.enabled for p in sandbox.azure.people) == users
        return Counter({name.removeprefix("azure:"): n for name, n in sandbox.calls.items()})


def test_each_user_to_be_disabled_takes_four_requests(tmp_path: Path) -> None:
    one, two = calls(tmp_path / "1", 1), calls(tmp_path / "2", 2)
    assert two - one == Counter(EACH)
