"""Entra, 100,000 users: requests, time and peak memory of stock `custodian`, and whose memory it is.

`python -m tests.benchmarks.bench_azure [USERS]`. "empty" is Custodian with c7n-azure on a tenant of one;
"writing" is Custodian's own json dump of the selected resources, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.azure.people import Activity, Person
from tests.azure.runs import CUSTODIAN, policy

USERS = 100_000
SHARES = (0.02, 0.6)
# Peak while c7n writes, less what is resident before it, both in megabytes.
_WRITE = """
import gc, json, resource, sys
from c7n.utils import dumps
found = []
for line in open(sys.argv[1]):
    found.append(json.loads(line))
gc.collect()
before = int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize() / 2**20
dumps(found, indent=2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before)
"""


def people(count: int, share: float, now: datetime) -> Iterator[Person]:
    """`share` of them did not sign in for 200 days, the rest did yesterday."""
    for number in range(count):
        at = now - timedelta(days=200 if number < count * share else 1, seconds=number)
        activity = Activity(at, at + timedelta(hours=1), at)
        name = f"given.family.{number}@contoso.example"
        yield Person(name, f"Given Family {number}", at - timedelta(days=400), activity, mail=name)


def peak(command: list[str], sandbox: Sandbox | None = None) -> tuple[int, float, float]:
    """Exit code, seconds and peak resident megabytes of a child."""
    began = time.monotonic()
    env = sandbox.child_environment() if sandbox else None
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - began, usage.ru_maxrss / 1024


def measure(count: int, share: float) -> None:
    """Print one line for a run."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    with Sandbox(Settings(users=0, clouds=("azure",))) as sandbox, tempfile.TemporaryDirectory() as folder:
        for someone in people(count, share, now):
            sandbox.azure.add(someone)
        path = Path(folder, "policies.json")
        path.write_text(
            json.dumps({"policies": [policy("unused", days=90), policy("unknown", verdicts=["unknown"])]})
        )
        code, seconds, memory = peak([str(CUSTODIAN), "run", "-s", folder, str(path)], sandbox)
        found = Path(folder, "unused", "resources.json")
        writing = written(found, Path(folder, "lines"))
        pages = sandbox.calls["azure:GET /users"]
        other = sum(sandbox.calls.values()) - pages
        print(
            f"{count:7} {share:6.0%} {code:4} {pages:5} {other:5} {seconds:7.1f} s {memory:7.0f} MB "
            f"{writing:7.0f} MB",
            flush=True,
        )


def written(found: Path, lines: Path) -> float:
    """Megabytes that c7n's own dump of a policy's resources needs on top of them."""
    lines.write_text("".join(json.dumps(item) + "\n" for item in json.loads(found.read_text())))
    done = subprocess.run(
        [sys.executable, "-c", _WRITE, str(lines)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else USERS
    print("  users unused exit pages other      wall        peak    of it writing")
    measure(1, 0)
    for share in SHARES:
        measure(count, share)


if __name__ == "__main__":
    main()
