"""A pack, made here and performed again with nothing but the standard library."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import Counter
from dataclasses import replace
from typing import Any

from custom_filters.core.outcome import with_actions
from custom_filters.core.report import Report
from custom_filters.reports.pack import Material, write_pack
from tests.core.test_outcome import line
from tests.reports.samples import POLICY, credential, evaluation, exempt, report, user, value

MADE = report(
    value(user("alice", credential(200))), value(exempt("carol", credential(400))),
    evaluations=[
        evaluation(examined={"active": 1, "stale": 1, "exempt": 1}), evaluation("older", "222222222222"),
    ],
)  # fmt: skip
WHO = "arn:aws:iam::111111111111:user/ci"


def row(name: str, verdict: str, **more: Any) -> dict[str, Any]:
    named = {"provider": "aws", "account": "111111111111", "policy": POLICY, "user": name, "user_id": name}
    return {**named, "verdict": verdict, "exemption": None, **more}


def journal() -> list[dict[str, Any]]:
    return [line(next(iter(MADE.findings)), "disable", result) for result in ("done", "failed")]


def made() -> Report:
    users = [row("alice", "stale"), row("bob", "active"), row("carol", "exempt")]
    return with_actions(replace(MADE, users=users), journal())


def packed(report: Report, commit: str | None = "0" * 40) -> bytes:
    log = "".join(json.dumps(line) + "\n" for line in journal()).encode()
    journals, policies = {"aws/p/c7n-unused-actions.jsonl": log}, {"../../aws/report.yml": b"policies: []\n"}
    file = io.BytesIO()
    calls = {"aws/p": {"iam.ListUsers": 3}, "aws/q": {"iam.ListUsers": 1, "iam.GetUser": 2}}
    write_pack(file, report, Material(WHO, calls, commit, None, journals, policies))
    return file.getvalue()


def test_a_pack_is_performed_again() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(made()))) as archive:
        names = set(archive.namelist())
        for line in archive.read("SHA256SUMS").decode().splitlines():
            digest, _, name = line.partition("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
            names.remove(name)
        assert names == {"SHA256SUMS"}
        manifest = json.loads(archive.read("manifest.json"))

        def read(name: str) -> list[dict[str, Any]]:
            return [json.loads(line) for line in archive.read(name).splitlines()]

        # 1. Population
        counted: dict[tuple[str, str], Counter[str]] = {}
        for person in read("population.jsonl"):
            counted.setdefault((person["policy"], person["account"]), Counter())[person["verdict"]] += 1
        told = {(e["policy"], e["account"]): e["examined"] for e in manifest["evaluations"] if e["examined"]}
        assert {key: dict(counts) for key, counts in counted.items()} == told
        # 2. Findings
        assert Counter(f["counts_as"] for f in read("findings.jsonl")) == manifest["totals"]
        # 3. Actions
        lines = [line for name in archive.namelist() if name.startswith("journals/") for line in read(name)]
        done = Counter(x["operation"] for x in lines if x["result"] == "done" and x.get("step") != "intent")
        assert done == manifest["done"] == {"disable": 1}

        exemptions = json.loads(archive.read("exemptions.json"))
        assert [(e["user"], e["approved_by"]) for e in exemptions] == [("carol", "ciso@example.com")]
        counted = sum(map(Counter, manifest["calls_by_policy"].values()), Counter())
        assert counted == manifest["calls"] == {"iam.ListUsers": 4, "iam.GetUser": 2}
        assert (manifest["who"], manifest["policies_commit"]) == (WHO, "0" * 40)
        assert archive.read("policies/aws/report.yml") == b"policies: []\n"
        assert "left no population: 1 of 2" in archive.read("README.md").decode()


def test_policies_of_no_commit_have_a_hash_instead() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(made(), None))) as archive:
        told = json.loads(archive.read("manifest.json"))["policies_commit"]
        listed = f"{hashlib.sha256(archive.read('policies/aws/report.yml')).hexdigest()}  aws/report.yml\n"
    assert told == f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}"


def test_the_same_material_gives_the_same_bytes() -> None:
    assert packed(made()) == packed(made())
