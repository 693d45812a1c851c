"""Marking users beside tagging them and nothing else, on the same embedded AWS in the same run.

    python -m tests.benchmarks.bench_mark [--users 2000] [--latency-ms 40]

Marking is the action's own time in a stock `custodian run` of the shipped policy; tagging is one TagUser for
each user by a bare client. Both call ten at once from a process of their own.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from custom_filters.sandbox.aws.people import Key, Person, days
from custom_filters.sandbox.sandbox import Sandbox, Settings

ROOT = Path(__file__).resolve().parents[2]
CUSTODIAN = Path(sysconfig.get_path("scripts"), "custodian")
POLICY = "aws-iam-user-unused-mark"
#: How many times the time of tagging alone marking may take.
LIMIT = 3.0
CONCURRENCY = 10
_ACTION = re.compile(r"action:\S+ resources:(\d+) execution_time:([\d.]+)")


@dataclass(frozen=True)
class Measured:
    """Calls by action, and wall seconds."""

    calls: Counter[str]
    wall: float


def tag_all(users: int) -> float:
    """Tag every user; wall seconds without those that starting takes."""
    config = Config(max_pool_connections=CONCURRENCY)
    iam = boto3.client("iam", config=config)
    value = "Resource does not meet policy: disable-unused@2026/06/01 0000 UTC"

    def tag(number: int) -> None:
        iam.tag_user(UserName=f"user.{number}", Tags=[{"Key": "c7n-bench", "Value": value}])

    started = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(tag, range(users)))
    return time.perf_counter() - started


def tagging(sandbox: Sandbox, users: int) -> Measured:
    """`tag_all` in a process of its own."""
    sandbox.calls.clear()
    command = [sys.executable, "-m", "tests.benchmarks.bench_mark", "--only-tag", "--users", str(users)]
    child = subprocess.run(
        command, env=sandbox.child_environment(), cwd=ROOT, check=True, capture_output=True, text=True
    )
    return Measured(Counter(sandbox.calls), float(child.stdout))


def marking(sandbox: Sandbox, folder: Path) -> tuple[Measured, Measured]:
    """The action of the shipped policy, and the whole run."""
    text = (ROOT / "policies/aws/enforce.yml").read_text()
    file = folder / "enforce.yml"
    file.write_text(re.sub(r"max-resources: .*", "", text).replace("exemptions.yml ", "none "))
    sandbox.calls.clear()
    command = [CUSTODIAN, "run", "-s", folder, "--cache-period", "0", "-p", POLICY, file]
    started = time.perf_counter()
    child = subprocess.run(
        list(map(str, command)), env=sandbox.child_environment(), capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - started
    found = _ACTION.search(child.stderr)
    if child.returncode or found is None:
        raise SystemExit(child.stderr)
    calls = Counter(sandbox.calls)
    own = Counter({name: calls[name] for name in ("aws:ListAccessKeys", "aws:TagUser")})
    return Measured(own, float(found[2])), Measured(calls, wall)


def row(name: str, one: Measured, base: Measured) -> str:
    """A line of the table."""
    return f"{name:<24}{one.calls.total():>8,}{one.wall:>9.1f}{one.wall / base.wall:>8.2f}"


def compare(users: int, latency_ms: float) -> int:
    """Print the table; 1 when marking took longer than allowed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(Settings(users=0, latency_ms=latency_ms)) as sandbox,
    ):
        sandbox.aws.add(*(Person(f"user.{n}", keys=(Key(used=days(100)),)) for n in range(users)))
        base = tagging(sandbox, users)
        action, run = marking(sandbox, Path(folder))
        marked: list[Any] = [u for u in sandbox.aws.snapshot().values() if "c7n-unused" in u["tags"]]
    print(f"{len(marked):,} users, {latency_ms:g} ms a call, {CONCURRENCY} at once, {os.cpu_count()} cores")
    print(f"{'':<24}{'calls':>8}{'wall s':>9}{'ratio':>8}")
    print(row("TagUser alone", base, base))
    print(row("mark-for-op", action, base))
    print(row("the whole custodian run", run, base))
    ratio = action.wall / base.wall
    print(f"mark-for-op took {ratio:.2f} times as long as TagUser alone; {LIMIT:g} allowed")
    return 0 if ratio <= LIMIT and len(marked) == users else 1


def main() -> int:
    """Compare, or (in the child) only tag."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--latency-ms", type=float, default=40)
    parser.add_argument("--only-tag", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_tag:
        print(tag_all(options.users))
        return 0
    return compare(options.users, options.latency_ms)


if __name__ == "__main__":
    sys.exit(main())
