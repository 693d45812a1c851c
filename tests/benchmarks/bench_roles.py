"""Calls and time of the shipped reports on IAM roles: pages, and no call a role.

    python -m tests.benchmarks.bench_roles [--roles 5000] [--latency-ms 40]

One stock `custodian run` of roles-report.yml, all three policies, as a child process on the embedded AWS.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from custom_filters.sandbox.aws.people import Role, days
from custom_filters.sandbox.aws.roles import ALLOW_ALL, LAMBDA
from custom_filters.sandbox.sandbox import Sandbox, Settings

ROOT = Path(__file__).resolve().parents[2]
CUSTODIAN = Path(sysconfig.get_path("scripts"), "custodian")
REPORT = ROOT / "policies/aws/roles-report.yml"
PAGE = 1000


def crowd(roles: int) -> list[Role]:
    """A twentieth stale, a twentieth never used, a hundredth may do everything."""
    kinds = {0: {"used": days(200)}, 1: {"used": None}}
    return [
        Role(
            f"team-{n % 40:02}-job-{n:05}",
            created=days(300),
            inline={"all": ALLOW_ALL} if n % 100 == 2 else {"some": ALLOW_ALL.replace('"*"', '"s3:Get*"', 1)},
            tags={"owner": f"team-{n % 40:02}@example.com"},
            trust=LAMBDA,
            **kinds.get(n % 20, {"used": days(n % 100)}),
        )
        for n in range(roles)
    ]


def main() -> int:
    """Print the figures; 1 when anything but pages was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--roles", type=int, default=5000)
    parser.add_argument("--latency-ms", type=float, default=40)
    options = parser.parse_args()
    settings = Settings(users=0, latency_ms=options.latency_ms)
    with tempfile.TemporaryDirectory() as folder, Sandbox(settings) as sandbox:
        sandbox.aws.add(*crowd(options.roles))
        sandbox.calls.clear()
        command = [str(CUSTODIAN), "run", "-s", folder, "--cache-period", "0", str(REPORT)]
        started = time.perf_counter()
        subprocess.run(command, env=sandbox.child_environment(), check=True, capture_output=True)
        wall = time.perf_counter() - started
        calls = {name.removeprefix("aws:"): count for name, count in sandbox.calls.items()}
        selected = len(json.loads((Path(folder) / "aws-iam-role-unused/resources.json").read_text()))
    pages = math.ceil((options.roles + 1) / PAGE)
    print(f"{options.roles:,} roles, {options.latency_ms:g} ms a call, {os.cpu_count()} cores")
    print(f"{selected:,} selected in {wall:.1f} s by {calls}; {pages} pages of {PAGE:,} roles")
    read = calls.pop("GetAccountAuthorizationDetails")
    return 0 if read == pages and sum(calls.values()) <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
