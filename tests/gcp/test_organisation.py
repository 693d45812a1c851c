"""An organisation under c7n-org: every project by itself, the one customer once."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from custom_filters.core.verdict import UNUSED
from custom_filters.outputs.collect import collect
from custom_filters.sandbox.sandbox import Sandbox
from tests.gcp.runs import REPORT, account, custodian, embedded, person, resources, utc

ALL = ["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used"]
C7N_ORG = Path(sysconfig.get_path("scripts"), "c7n-org")
NOW = utc(2026, 6, 15, 12, 0)


def c7n_org(sandbox: Sandbox, folder: Path, *options: str, code: int = 0) -> str:
    """All projects in one worker, one after the other; returns what it said."""
    projects = [{"project_id": p.id, "name": p.id} for p in sandbox.gcp.company.projects]
    (folder / "projects.json").write_text(json.dumps({"projects": projects}))
    command = [str(C7N_ORG), "run", "-c", "projects.json", "-u", str(REPORT), "-s", "out", *options]
    done = subprocess.run(
        command,
        env={**sandbox.child_environment(), "C7N_ORG_PARALLEL": "1"},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def found(folder: Path, policy: str) -> dict[str, list[dict[str, Any]]]:
    """Annotations by project."""
    files = folder.glob(f"out/*/*/{policy}/resources.json")
    return {f.parts[-4]: [r["c7n:unused"] for r in json.loads(f.read_text())] for f in files}


def test_two_customers_with_one_cache_file_never_see_each_others(tmp_path: Path) -> None:
    """Custodian's own cache knows neither customers nor projects apart."""
    policies = [
        {
            "name": kind,
            "resource": f"gcp.{kind}",
            "filters": [{"type": "unused-credentials", "verdicts": ALL}],
        }
        for kind in ("directory-user", "service-account")
    ]
    seen: list[set[str]] = []
    for customer in ("one", "two"):
        with embedded(now=NOW, marks=False, seed=len(customer) + len(seen)) as sandbox:
            sandbox.gcp.add(person(customer, NOW, 1), account(sandbox, customer, NOW, 1))
            out = tmp_path / customer
            cached = ("--cache", str(tmp_path / "cache"), "--cache-period", "60")
            done = custodian(sandbox, out, *policies, options=cached)
            assert done.returncode == 0, done.stderr
        names = [r["primaryEmail"] for r in resources(out, "directory-user")]
        seen.append({*names, *(r["email"] for r in resources(out, "service-account"))})
    first, second = ({name.partition("@")[0] for name in names} for names in seen)
    assert (first, second) == ({"one", "own-subject", "delegate"}, {"two", "own-subject", "delegate"})


@pytest.mark.slow
def test_each_project_is_its_own_and_the_customer_is_listed_once(tmp_path: Path) -> None:
    with embedded(users=60, now=NOW, marks=False) as sandbox:
        projects = [p.id for p in sandbox.gcp.company.projects]
        c7n_org(sandbox, tmp_path, "-l", "project")
        done = custodian(sandbox, tmp_path / "customer", REPORT, options=("-t", "gcp.directory-user"))
        assert done.returncode == 0, done.stderr
        customer = sandbox.gcp.company.customer.id
        assert sandbox.calls["gcp:admin.directory.users.list"] == 1
    for policy in ("gcp-service-account-unused", "gcp-service-account-key-unused"):
        accounts = found(tmp_path, policy)
        assert accounts.keys() == set(projects)
        assert {p: {a["account"] for a in some} for p, some in accounts.items()} == {p: {p} for p in projects}
    report = collect([str(tmp_path / "out"), str(tmp_path / "customer")])
    assert {(e.account, e.policy) for e in report.evaluations if not e.evaluated} == set()
    assert sorted(e.account for e in report.evaluations) == sorted([*projects * 6, *[customer] * 3])


#: What is off in one project -> the exit code, and whether that project is evaluated all the same.
WITHOUT = {
    "the API that lists accounts": ("iam.googleapis.com", 1, False),
    "Policy Analyzer": ("policyanalyzer.googleapis.com", 0, True),
}


@pytest.mark.parametrize("what", WITHOUT)
def test_a_project_without_an_api_stops_no_other_project(tmp_path: Path, what: str) -> None:
    """Its accounts are not evaluated, or unknown; those of the others are judged, and it is told once."""
    (host, code, evaluated), policy = WITHOUT[what], "gcp-service-account-unused"
    with embedded(users=10, now=NOW, marks=False) as sandbox:
        without, other = [p.id for p in sandbox.gcp.company.projects]
        sandbox.faults["disabled"] = f"{host}/{without}"
        said = c7n_org(sandbox, tmp_path, "-p", policy, code=code)
    states = {e.account: e.evaluated for e in collect([str(tmp_path / "out")]).evaluations}
    verdicts = {
        project: {a["user_verdict"] for a in some} for project, some in found(tmp_path, policy).items()
    }
    assert states == {without: evaluated, other: True}
    assert verdicts[other] == UNUSED
    assert verdicts.get(without, {"exempt"}) == {"exempt"}
    assert said.count(f"gcloud services enable {host} --project ") == 1
