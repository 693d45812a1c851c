"""c7n-org over an organisation: calls, time, and that it tells what as many single runs tell.

`python -m tests.benchmarks.bench_org [ACCOUNTS] [USERS]`; then the Lambda archive: size, cold start, a run.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import warnings
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

from tests.aws.functions import archive, container, deploy_stack, provision
from tests.aws.runs import REPORT, embedded
from tests.org.organisation import accounts_file, c7n_org, organisation, report, single_runs, told

ACCOUNTS, USERS = 50, 200
LATENCY_MS = 40
FUNCTION = "aws-iam-user-unused"


def measure_org(accounts: int, users: int) -> None:
    """One run of c7n-org, one report over it, and the same accounts one by one."""
    now = datetime.now(timezone.utc).replace(microsecond=0)  # stays: the single runs are minutes later
    with embedded(latency_ms=LATENCY_MS, now=now) as sandbox, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids = organisation(sandbox, accounts, users)
        total = sum(len(sandbox.aws.snapshot(i)) for i in ids)
        file = accounts_file(folder, ids)
        print(
            f"\n{accounts} accounts, {total} users, {LATENCY_MS} ms a call, the three policies of report.yml"
        )
        before, began = Counter(sandbox.calls), time.monotonic()
        done = c7n_org(sandbox, file, str(folder / "org"), workers=8)
        seconds = time.monotonic() - began
        assert done.returncode == 0, done.stderr
        calls = sandbox.calls - before
        each = sum(calls.values()) / accounts
        print(f"c7n-org, 8 workers: {seconds:.1f} s, {sum(calls.values())} calls, {each:.1f} an account")
        print("  " + ", ".join(f"{call.partition(':')[2]} {n}" for call, n in calls.most_common()))
        began = time.monotonic()
        ended, written = report(sandbox, folder, folder / "org", "--accounts", file, "--policies", REPORT)
        assert ended.returncode == 0, ended.stderr
        print(f"one report: {time.monotonic() - began:.1f} s, {len(written['findings'])} credentials")
        began = time.monotonic()
        together, apart = told(str(folder / "org")), single_runs(sandbox, ids, folder / "single")
        seconds = time.monotonic() - began
        print(f"{accounts} single runs: {seconds:.1f} s; the same findings: {together == apart}")
        differing = [pair for pair in zip(together, apart, strict=False) if pair[0] != pair[1]]
        assert together == apart, differing[:1]


def measure_lambda(users: int) -> None:
    """The archive that Custodian makes, started with nothing but boto3 beside it."""
    with embedded(users=users, latency_ms=LATENCY_MS) as sandbox, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        deploy_stack(sandbox)
        provision(sandbox, folder, (FUNCTION,))
        size = len(archive(sandbox, FUNCTION)) / 2**20
        with container(sandbox, folder, FUNCTION) as started:
            times = []
            for _ in range(2):
                began = time.monotonic()
                assert started.invoke() == {"returned": True}
                times.append(time.monotonic() - began)
        print(
            f"\nLambda: archive {size:.2f} MiB; import {started.cold_start:.2f} s; first event with {users} "
            f"users {times[0]:.2f} s, second {times[1]:.2f} s; peak {started.peak:.0f} MiB"
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # moto tells of what its CloudFormation leaves out
    logging.disable()
    chosen = [int(argument) for argument in sys.argv[1:]]
    accounts, users = (*chosen, *(ACCOUNTS, USERS)[len(chosen) :])
    measure_lambda(users)
    measure_org(accounts, users)
