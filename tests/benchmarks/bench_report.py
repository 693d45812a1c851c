"""A fleet's report: 1,000 accounts of 500 users, one credential each, into HTML, CSV and JSON lines.

`python -m tests.benchmarks.bench_report [ACCOUNTS] [USERS]`; the bound is 60 s and 1 GiB on 2 cores.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.reports.samples import MARKED, POLICY, Output, credential, user, value

SECONDS, MEGABYTES = 60, 1024


def write_fleet(root: Path, accounts: int, users: int) -> None:
    """c7n-org's layout; one account in a hundred was denied."""
    states = (200, None, 3, "the credential report did not come", 500)
    for account in range(accounts):
        number = f"{account:012}"
        values = [
            value(user(f"u{n}", credential(states[n % 5]), account=number), *([MARKED] if n % 4 == 0 else []))
            for n in range(users)
        ]
        metrics = {"PolicyException": 1} if account % 100 == 99 else None
        Output(values, account=number, metrics=metrics).write(
            root / f"account-{number}" / "us-east-1" / POLICY
        )


def measure(root: Path, target: Path) -> tuple[float, float, float, int]:
    """Wall and CPU seconds, peak MiB of all its processes, and exit code of one `c7n-unused report`."""
    asked = [str(root), "-f", "html,csv,jsonl", "-o", str(target)]
    command = [sys.executable, "-m", "custom_filters", "report", *asked]
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, sum(map(_resident, _family(process.pid))))
        time.sleep(0.1)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, peak / 2**20, process.returncode


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has just ended
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def main() -> int:
    """Print the figures; 1 when they are over the bound."""
    accounts, users = (int(text) for text in (*sys.argv[1:], "1000", "500")[:2])
    with TemporaryDirectory(prefix="bench-report-") as folder:
        root, target = Path(folder, "out"), Path(folder, "report")
        write_fleet(root, accounts, users)
        size = sum(path.stat().st_size for path in root.rglob("*.json")) / 1e6
        print(f"report: {accounts} accounts x {users} users, {size:.0f} MB of Custodian output")
        seconds, cpu, megabytes, code = measure(root, target)
        page = (target / "report.html").stat().st_size / 1e6
        rows = sum(1 for _ in (target / "report.csv").open(encoding="utf-8")) - 1
        lines = sum(1 for _ in (target / "report.jsonl").open(encoding="utf-8"))
    print(f"  {rows} rows of CSV, {lines} JSON lines, {page:.1f} MB of HTML, exit code {code}")
    print(
        f"  {seconds:.1f} s (at most {SECONDS}), {cpu:.1f} s of CPU, "
        f"{megabytes:.0f} MiB at the peak (at most {MEGABYTES})"
    )
    return int(seconds > SECONDS or megabytes > MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
