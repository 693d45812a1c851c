"""An organisation on the embedded AWS, and c7n-org over it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from custom_filters.core.report import Finding
from custom_filters.outputs.collect import collect
from custom_filters.sandbox.aws.company import company
from custom_filters.sandbox.aws.grants import add_group
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.runs import REPORT, run

C7N_ORG = str(Path(sysconfig.get_path("scripts"), "c7n-org"))
ROLE = "arn:aws:iam::{}:role/c7n-unused"
# Stock c7n-org with our vocabulary and two seconds of patience: a throttled account takes seconds, not hours.
IMPATIENT = """
import os
os.environ["C7N_UNUSED_PATIENCE"] = "2"
from custom_filters import autoload
autoload.load()
from c7n_org.cli import cli
cli()
"""


def organisation(sandbox: Sandbox, accounts: int, users: int) -> list[str]:
    """Account ids, each account with a company of its own."""
    made = [f"{200000000001 + number}" for number in range(accounts)]
    for number, account_id in enumerate(made):
        staff = company(users, number)
        for name, attached in staff.groups.items():
            add_group(sandbox.aws.account(account_id), name, attached)
        sandbox.aws.add(*staff.people, account_id=account_id)
    return made


def accounts_file(folder: Path, ids: Iterable[str], shards: int = 1) -> Path:
    """c7n-org's accounts file: a role to assume in each account, and a tag that tells its shard."""
    accounts = [
        {"account_id": i, "name": f"team-{i}", "role": ROLE.format(i), "tags": [f"shard:{n % shards}"]}
        for n, i in enumerate(ids)
    ]
    path = folder / "accounts.yml"
    path.write_text(json.dumps({"accounts": accounts}))
    return path


def c7n_org(
    sandbox: Sandbox,
    accounts: Path,
    out: str,
    *arguments: str,
    program: Iterable[str] = (C7N_ORG,),
    policies: Path = REPORT,
    workers: int = 2,
) -> CompletedProcess[str]:
    """`c7n-org run` in one Region, from the folder of the accounts file."""
    caches = accounts.parent / "caches"
    caches.mkdir(exist_ok=True)
    where = ("-s", out, "-r", "us-east-1", "--cache-period", "0", "--cache-path", str(caches))
    return _run(
        [*program, "run", "-c", str(accounts), "-u", str(policies), *where, *arguments],
        {**sandbox.child_environment(), "C7N_ORG_PARALLEL": str(workers)},
        accounts.parent,
    )


def impatient() -> tuple[str, ...]:
    """A `program` for c7n_org that gives up early."""
    return (sys.executable, "-c", IMPATIENT)


def report(
    sandbox: Sandbox, folder: Path, *arguments: str | Path
) -> tuple[CompletedProcess[str], dict[str, Any]]:
    """`c7n-unused report`: how it ended, and what its JSON holds."""
    command = [sys.executable, "-m", "custom_filters", "report", "-f", "json", "-o", str(folder / "report")]
    done = _run([*command, *map(str, arguments)], sandbox.child_environment(), folder)
    return done, json.loads((folder / "report" / "report.json").read_text())


def single_runs(sandbox: Sandbox, ids: Iterable[str], folder: Path) -> list[dict[str, Any]]:
    """What `custodian run` tells of each account on its own, by assuming the same role."""
    found = []
    for account_id in ids:
        out = folder / account_id
        out.mkdir(parents=True)
        arguments = ("--assume", ROLE.format(account_id), "-s", str(out), "--cache-period", "0", str(REPORT))
        alone = run("run", *arguments, env=sandbox.child_environment(), cwd=out)
        assert alone.returncode == 0, alone.stderr
        found += told(str(out))
    return sorted(found, key=str)


def told(out: str) -> list[dict[str, Any]]:
    """The findings below a folder, without the moment of the run."""
    return sorted(map(_timeless, collect([out]).findings), key=str)


def _timeless(finding: Finding) -> dict[str, Any]:
    evidence = [{**e, "observed_at": None} for e in finding["evidence"]]
    return {**finding, "as_of": None, "evidence": evidence, "days_unused": None}


def _run(command: list[str], env: Mapping[str, str], cwd: Path) -> CompletedProcess[str]:
    return subprocess.run(
        command, env={**os.environ, **env}, cwd=cwd, capture_output=True, text=True, check=False
    )
