"""Calls, time and memory of `aws-iam-user-unused` beside stock Custodian's best policy, on the same account.

    python -m tests.benchmarks.bench_aws [--users 5000] [--latency-ms 40] [--no-stock]

Both are `custodian run` with one policy, as child processes, against one embedded AWS in one run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custom_filters.sandbox.sandbox import Sandbox, Settings

ROOT = Path(__file__).resolve().parents[2]
CUSTODIAN = Path(sysconfig.get_path("scripts"), "custodian")
SHIPPED = "aws-iam-user-unused"
#: Calls beyond one for each user that is not plainly active.
BULK_CALLS = 12
#: Seconds for 5,000 users on 2 cores.
WALL_LIMIT = 25
VERDICTS = ["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used"]


def _recent(key: str) -> dict[str, Any]:
    return {"type": "credential", "key": key, "value_type": "age", "op": "less-than", "value": 90}


# Something is on, nothing was used for 90 days, and the user is older than that. It cannot say more: keys
# that were never used have no age to the stock filter, and the age of a credential is not that of the user.
STOCK: dict[str, Any] = {
    "name": "stock",
    "resource": "aws.iam-user",
    "filters": [
        {"type": "value", "key": "CreateDate", "value_type": "age", "op": "greater-than", "value": 90},
        {
            "or": [
                {"type": "credential", "key": "password_enabled", "value": True, "report_delay": 2},
                {"type": "credential", "key": "access_keys.active", "value": True},
            ]
        },
        {"not": [{"or": [_recent("password_last_used"), _recent("access_keys.last_used_date")]}]},
    ],
}
EVERYBODY: dict[str, Any] = {
    "name": "everybody",
    "resource": "aws.iam-user",
    "source": "unused-bulk",
    "filters": [{"type": "unused-credentials", "verdicts": VERDICTS}],
}


@dataclass(frozen=True)
class Measured:
    """One `custodian run`: calls by action, wall and processor seconds, peak memory in MB, users selected."""

    calls: Counter[str]
    wall: float
    processor: float
    peak: float
    selected: int


def measure(sandbox: Sandbox, out: Path, file: Path, policy: str) -> Measured:
    """Run one policy of a file; raises CalledProcessError when it fails."""
    sandbox.aws.forget_report()
    sandbox.calls.clear()
    command = [CUSTODIAN, "run", "-s", out, "--cache-period", "0", "-p", policy, file]
    started = time.perf_counter()
    with (out / f"{policy}.log").open("w") as log:
        child = subprocess.Popen(list(map(str, command)), env=sandbox.child_environment(), stderr=log)
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    if code := os.waitstatus_to_exitcode(status):
        print((out / f"{policy}.log").read_text(), file=sys.stderr)
        raise subprocess.CalledProcessError(code, command)
    selected = len(json.loads((out / policy / "resources.json").read_text()))
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    processor = usage.ru_utime + usage.ru_stime
    return Measured(Counter(sandbox.calls), wall, processor, kilobytes / 1024, selected)


def not_plainly_active(sandbox: Sandbox, out: Path) -> int:
    """Users whose verdict is anything but active."""
    file = out / "everybody.json"
    file.write_text(json.dumps({"policies": [EVERYBODY]}))
    measure(sandbox, out, file, "everybody")
    found = json.loads((out / "everybody/resources.json").read_text())
    return sum(user["c7n:unused"]["user_verdict"] != "active" for user in found)


def row(name: str, one: Measured, base: Measured | None = None) -> str:
    """A line of the table; with a base, how many times as much it is."""
    calls = one.calls.total()
    line = f"{name:<22}{calls:>8,}{one.wall:>9.1f}{one.processor:>9.1f}{one.peak:>9.0f}{one.selected:>10,}"
    if base:
        line += f"   {calls / base.calls.total():.1f} x calls, {one.wall / base.wall:.1f} x time"
        line += f", {one.peak / base.peak:.1f} x memory"
    return line


def main() -> int:
    """Print the table; 1 when more calls were made than allowed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--latency-ms", type=float, default=40)
    parser.add_argument("--no-stock", action="store_true", help="leave out stock Custodian, which is slow")
    options = parser.parse_args()
    settings = Settings(users=options.users, latency_ms=options.latency_ms)
    with tempfile.TemporaryDirectory() as folder, Sandbox(settings) as sandbox:
        out = Path(folder)
        ours = measure(sandbox, out, ROOT / "policies/aws/report.yml", SHIPPED)
        print(f"{options.users:,} users, {options.latency_ms:g} ms a call, {os.cpu_count()} cores")
        print(f"{'':<22}{'calls':>8}{'wall s':>9}{'cpu s':>9}{'peak MB':>9}{'selected':>10}")
        print(row("c7n-unused", ours), flush=True)
        if not options.no_stock:
            file = out / "stock.json"
            file.write_text(json.dumps({"policies": [STOCK]}))
            print(row("stock Custodian", measure(sandbox, out, file, "stock"), ours), flush=True)
        doubtful = not_plainly_active(sandbox, out)
    calls, allowed = ours.calls.total(), BULK_CALLS + doubtful
    counts = ", ".join(f"{name.removeprefix('aws:')} {n:,}" for name, n in ours.calls.most_common())
    print(f"\nc7n-unused called {counts}")
    print(f"calls: {calls:,} of {allowed:,} allowed ({BULK_CALLS} + {doubtful:,} users not plainly active)")
    print(f"wall: {ours.wall:.1f} s of {WALL_LIMIT} s for 5,000 users on 2 cores")
    return 0 if calls <= allowed else 1


if __name__ == "__main__":
    sys.exit(main())
