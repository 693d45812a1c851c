"""The shipped policies, unchanged, under c7n-org."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.runs import REPORT, client, embedded
from tests.org.organisation import accounts_file, c7n_org, impatient, organisation, report, single_runs, told
from tests.workflows import check_out, run_step

pytestmark = pytest.mark.slow

POLICIES = (
    "aws-iam-user-unused", "aws-iam-credential-unused", "aws-iam-user-unknown", "aws-iam-user-off",
)  # fmt: skip


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with embedded() as started:
        yield started


def test_an_organisation_is_its_accounts(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = organisation(sandbox, accounts=3, users=30)
    accounts = accounts_file(tmp_path, ids)
    done = c7n_org(sandbox, accounts, str(tmp_path / "org"))
    assert done.returncode == 0, done.stderr
    assert sandbox.calls["aws:AssumeRole"] == len(ids)

    single = single_runs(sandbox, ids, tmp_path / "single")
    assert told(str(tmp_path / "org")) == single
    ended, written = report(sandbox, tmp_path, tmp_path / "org", "--accounts", accounts, "--policies", REPORT)
    assert ended.returncode == 0
    assert {finding["account"] for finding in written["findings"]} == set(ids)
    assert len(written["findings"]) == len(single)


def test_accounts_that_deny_or_only_throttle_are_not_evaluated(sandbox: Sandbox, tmp_path: Path) -> None:
    well, denied, throttled = ids = organisation(sandbox, accounts=3, users=30)
    sandbox.faults.update({"deny": f"*@{denied}", "throttled": f"*@{throttled}"})
    accounts = accounts_file(tmp_path, ids)
    done = c7n_org(sandbox, accounts, str(tmp_path / "org"), program=impatient())
    assert done.returncode == 1
    ended, written = report(sandbox, tmp_path, tmp_path / "org", "--accounts", accounts, "--policies", REPORT)
    assert ended.returncode == 3
    assert {finding["account"] for finding in written["findings"]} == {well}
    assert not_evaluated(written) == {(i, policy) for i in (denied, throttled) for policy in POLICIES}


def test_two_shards_one_bucket_one_report(sandbox: Sandbox, tmp_path: Path) -> None:
    """The jobs of .github/workflows/unused.yml, script by script."""
    ids = organisation(sandbox, accounts=2, users=30)
    checkout = check_out(tmp_path)
    (checkout / "organisation").mkdir()
    accounts_file(checkout / "organisation", ids, shards=2)
    client(sandbox, "s3").create_bucket(Bucket="outputs")

    assert shard(sandbox, checkout, "0").returncode == 0
    sandbox.faults["deny"] = "AssumeRole"
    # In a bucket c7n-org leaves nothing at all of an account that it could not enter.
    assert shard(sandbox, checkout, "1").returncode == 1
    del sandbox.faults["deny"]
    code, written = report_step(sandbox, checkout)
    assert code == 3
    assert not_evaluated(written) == {(ids[1], policy) for policy in POLICIES}

    assert shard(sandbox, checkout, "1").returncode == 0
    code, written = report_step(sandbox, checkout)
    assert code == 0
    assert {finding["account"] for finding in written["findings"]} == set(ids)


VARIABLES = {"BUCKET": "outputs", "RUN": "4711", "FAIL_ON": "", "C7N_ORG_PARALLEL": "2"}


def shard(sandbox: Sandbox, checkout: Path, number: str) -> CompletedProcess[str]:
    environment = sandbox.child_environment() | {"HOME": str(checkout)}
    return run_step("organisation", "shard", checkout, environment, SHARD=number, **VARIABLES)


def report_step(sandbox: Sandbox, checkout: Path) -> tuple[int, dict[str, Any]]:
    done = run_step("organisation-report", "report", checkout, sandbox.child_environment(), **VARIABLES)
    return done.returncode, json.loads((checkout / "report" / "report.json").read_text())


def not_evaluated(written: dict[str, Any]) -> set[tuple[str, str]]:
    return {(e["account"], e["policy"]) for e in written["evaluations"] if not e["evaluated"]}
