"""What can be believed of a Custodian output, and what cannot."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from c7n.config import Config
from c7n.loader import PolicyLoader
from c7n.resources import load_resources
from moto import mock_aws

from custom_filters.core.errors import InputError
from custom_filters.core.report import Evaluation, Report
from custom_filters.core.times import format_time
from custom_filters.outputs.collect import collect, evaluated_annotations
from tests.reports.samples import NOW, POLICY, Output, credential, days_ago, user, value

ALICE, BOB = value(user("alice", credential(200))), value(user("bob", credential()))


def only(report: Report) -> Evaluation:
    assert len(report.evaluations) == 1
    return report.evaluations[0]


LAYOUTS = {
    "one policy's folder": "",
    "custodian run -s OUT": POLICY,
    "a folder for each provider": f"aws/{POLICY}",
    "c7n-org": f"production/us-east-1/{POLICY}",
    "deep in a bucket": f"2026/logs/o-1/111111111111/{POLICY}",
}


@pytest.mark.parametrize("below", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_is_read(tmp_path: Path, below: str) -> None:
    Output([ALICE, BOB]).write(tmp_path / below)
    report = collect([str(tmp_path)])
    assert [(f["user"], f["verdict"]) for f in report.findings] == [("alice", "stale"), ("bob", "never-used")]
    assert only(report).evaluated
    assert only(report).scope == ("aws", "111111111111", POLICY)
    assert (only(report).resources, only(report).findings, report.as_of) == (2, 2, NOW)


def test_of_dated_outputs_the_newest_counts(tmp_path: Path) -> None:
    for day, values in ((21, [ALICE, BOB]), (23, [BOB]), (22, [ALICE])):
        start = NOW.replace(day=day)
        Output(values, start=start).write(tmp_path / POLICY / f"2026/11/{day}/06", packed=True)
    report = collect([str(tmp_path)])
    assert [f["user"] for f in report.findings] == ["bob"]
    assert only(report).policy == POLICY


def rewrite(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def age(folder: Path) -> None:
    old = NOW.timestamp() - 60
    os.utime(folder / "resources.json", (old, old))


def with_metadata(**changes: Any) -> Callable[[Path], object]:
    return rewrite("metadata.json", json.dumps(Output([ALICE]).metadata() | changes))


def with_annotation(change: dict[str, Any]) -> Callable[[Path], object]:
    return rewrite("resources.json", json.dumps([{"c7n:unused": ALICE | change}]))


FAILED = {"metrics": [{"MetricName": "PolicyException", "Value": 1}]}
NOT_EVALUATED: dict[str, tuple[Callable[[Path], object], str]] = {
    "failed while fetching": (with_metadata(**FAILED), "the policy failed"),
    "was killed": (with_metadata(metrics=[]), "no ResourceCount"),
    "metrics went to CloudWatch before the end": (with_metadata(metrics=None), "no ResourceCount"),
    "no metadata": (lambda folder: (folder / "metadata.json").unlink(), "no metadata.json"),
    "no resources": (lambda folder: (folder / "resources.json").unlink(), "no resources.json"),
    "resources truncated": (rewrite("resources.json", '[{"UserName": "al'), "truncated"),
    "resources empty": (rewrite("resources.json", ""), "truncated"),
    "metadata truncated": (rewrite("metadata.json", "{"), "truncated"),
    "resources are an object": (rewrite("resources.json", "{}"), "no list of resources"),
    "resources are numbers": (rewrite("resources.json", "[1]"), "no list of resources"),
    "another tool's metadata": (rewrite("metadata.json", '{"name": "x"}'), "not written by Custodian"),
    "a start that is no time": (with_metadata(execution={"start": "today"}), "when the run started"),
    "fewer than counted": (rewrite("resources.json", "[]"), "holds 0 resources, but the policy counted 1"),
    "what an earlier run left": (age, "older than the run"),
    "not annotated": (rewrite("resources.json", '[{"UserName": "alice"}]'), "1 of 1 resources carry no"),
    "a newer schema": (with_annotation({"schema": 2}), "upgrade c7n-unused"),
    "no schema": (with_annotation({"schema": None}), "schema None"),
    "a verdict of its own": (with_annotation({"user_verdict": "guilty"}), "user_verdict is 'guilty'"),
    "credentials cut": (with_annotation({"credentials": [{"verdict": "stale"}]}), "lacks 'credential'"),
    "credentials of another type": (with_annotation({"credentials": 7}), "not a list of objects"),
    "a date without zone": (
        with_annotation(
            {"credentials": [{**ALICE["credentials"][0], "next_action_at": "2026-01-01T00:00:00"}]}
        ),
        "RFC 3339",
    ),
    "a number for a name": (with_annotation({"user": 7}), "its user is 7"),
    "nested too deep": (rewrite("resources.json", "[" * 200_000), "truncated or not JSON"),
}


@pytest.mark.parametrize(("damage", "sentence"), NOT_EVALUATED.values(), ids=NOT_EVALUATED)
def test_not_evaluated(tmp_path: Path, damage: Callable[[Path], object], sentence: str) -> None:
    damage(Output([ALICE]).write(tmp_path / POLICY))
    report = collect([str(tmp_path)])
    assert not only(report).evaluated
    assert sentence in (only(report).problem or "")
    assert list(report.findings) == []


def test_a_damaged_archive_is_not_evaluated(tmp_path: Path) -> None:
    folder = Output([ALICE]).write(tmp_path / POLICY / "2026/11/23/06", packed=True)
    packed = folder / "resources.json.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    assert "resources.json.gz is damaged" in (only(collect([str(tmp_path)])).problem or "")


def test_the_last_error_in_the_log_is_shown(tmp_path: Path) -> None:
    folder = Output(metrics={"PolicyException": 1}).write(tmp_path / POLICY)
    log = "Traceback (most recent call last):\n  File 'x'\nbotocore.ClientError: AccessDenied\n"
    (folder / "custodian-run.log").write_text(log)
    assert only(collect([str(tmp_path)])).problem == "the policy failed: AccessDenied"


REOPENED = {"filters": [{"type": "unused-record", "state": "reopened"}]}


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [({"resource": "aws.account"}, "fail"), ({"resource": "aws.iam-user", **REOPENED}, "pass")],
    ids=["a check", "one that takes records away"],
)
def test_a_policy_without_our_filter_judges_nobody(
    tmp_path: Path, policy: dict[str, Any], outcome: str
) -> None:
    folder = Output([]).write(tmp_path / "aws-cloudtrail-off")
    metadata = Output().metadata()
    metadata["policy"] = {"name": "aws-cloudtrail-off", **policy}
    metadata["metrics"] = [{"MetricName": "ResourceCount", "Value": 1}]
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / "resources.json").write_text('[{"account_id": "111111111111"}]')
    seen = only(collect([str(tmp_path)]))
    assert (seen.evaluated, seen.judged, seen.resources, seen.findings) == (True, False, 1, 0)
    assert seen.outcome == outcome


def test_names_of_ours_in_another_filters_value_are_not_ours(tmp_path: Path) -> None:
    folder = Output([ALICE]).write(tmp_path / POLICY)
    metadata = Output([ALICE]).metadata()
    status = {"type": "value", "key": "tag:status", "value": "active"}
    metadata["policy"]["filters"] += [status]
    (folder / "metadata.json").write_text(json.dumps(metadata))
    assert not only(collect([str(tmp_path)])).asks_active
    metadata["policy"]["filters"] = [{**status, "value": "unused-credentials"}, {"not": [status]}]
    (folder / "metadata.json").write_text(json.dumps(metadata))
    assert not only(collect([str(tmp_path)])).judged
    asked = {"or": [{"type": "unused-credentials", "verdicts": ["active"]}]}
    metadata["policy"]["filters"] = [asked]
    (folder / "metadata.json").write_text(json.dumps(metadata))
    assert only(collect([str(tmp_path)])).asks_active


def test_what_an_earlier_run_left_beside_a_new_one_is_not_evaluated(tmp_path: Path) -> None:
    Output([ALICE], start=days_ago(1)).write(tmp_path / "old")
    Output([BOB], policy="new").write(tmp_path / "new")
    report = collect([str(tmp_path)])
    assert [f["user"] for f in report.findings] == ["bob"]
    assert "an earlier run left it" in (report.not_evaluated[0].problem or "")


def test_a_failed_second_run_hides_the_good_first(tmp_path: Path) -> None:
    Output([ALICE]).write(tmp_path / "1" / POLICY)
    again = Output(start=NOW + timedelta(hours=1), metrics={"PolicyException": 1})
    again.write(tmp_path / "2" / POLICY)
    report = collect([str(tmp_path / "1"), str(tmp_path / "2")])
    assert not only(report).evaluated
    assert list(report.findings) == []


def test_a_policy_that_other_accounts_have_is_missed(tmp_path: Path) -> None:
    for account, policy in (("1", "a"), ("1", "b"), ("2", "a")):
        Output(account=account, policy=policy).write(tmp_path / account / "us-east-1" / policy)
    lost = collect([str(tmp_path)]).not_evaluated
    assert [(e.account, e.policy) for e in lost] == [("2", "b")]


def manifest(root: Path, *policies: str, **child: Any) -> None:
    content = {
        "schema": 1,
        "run_id": "r",
        "started": format_time(NOW),
        "finished": None,
        "dryrun": True,
        "policies": [
            {"provider": "aws", "name": p, "resource": "aws.iam-user", "folder": f"aws/{p}"} for p in policies
        ],
        "children": [
            {"provider": "aws", "exit_code": 0, "log": "aws/custodian-run.log", "problem": None} | child
        ],
    }
    root.mkdir(exist_ok=True, parents=True)
    (root / "c7n-unused-run.json").write_text(json.dumps(content))


def test_a_policy_that_left_no_folder_is_not_evaluated(tmp_path: Path) -> None:
    manifest(tmp_path, POLICY, "gone", exit_code=1, problem="the log-in failed")
    Output([ALICE]).write(tmp_path / "aws" / POLICY)
    report = collect([str(tmp_path)])
    assert [(e.policy, e.problem) for e in report.not_evaluated] == [("gone", "the log-in failed")]
    assert len(report.findings) == 1


def test_output_older_than_the_run_is_not_evaluated(tmp_path: Path) -> None:
    manifest(tmp_path, POLICY)
    Output([ALICE], start=NOW - timedelta(minutes=5)).write(tmp_path / "aws" / POLICY)
    assert "older than this run" in (only(collect([str(tmp_path)])).problem or "")


def test_a_child_that_ended_badly_is_told_though_all_policies_are_there(tmp_path: Path) -> None:
    manifest(tmp_path, POLICY, exit_code=-9, problem="it was killed")
    Output([ALICE]).write(tmp_path / "aws" / POLICY)
    assert [e.problem for e in collect([str(tmp_path)]).not_evaluated] == ["it was killed"]


def test_a_damaged_manifest_is_told(tmp_path: Path) -> None:
    Output([ALICE]).write(tmp_path / "aws" / POLICY)
    (tmp_path / "c7n-unused-run.json").write_text('{"schema": 1}')
    assert "damaged" in (collect([str(tmp_path)]).not_evaluated[0].problem or "")


@pytest.mark.parametrize("path", ["missing", "empty"])
def test_no_output_is_an_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=path):
        collect([str(tmp_path / path)])


def test_half_a_surrogate_pair_does_no_harm(tmp_path: Path) -> None:
    Output([ALICE | {"user": "al\ud800ice"}]).write(tmp_path)
    assert [f["user"] for f in collect([str(tmp_path)]).findings] == ["al?ice"]


def test_annotations_are_given_as_written(tmp_path: Path) -> None:
    Output([ALICE]).write(tmp_path / "a")
    Output([BOB], policy="b", metrics={}).write(tmp_path / "b")
    assert [(e.policy, item) for e, item in evaluated_annotations([str(tmp_path)])] == [(POLICY, ALICE)]


@mock_aws
def test_output_of_custodian_itself(tmp_path: Path) -> None:
    boto3.client("iam", region_name="us-east-1").create_user(UserName="bob")
    load_resources(("aws.iam-user",))
    config = Config.empty(output_dir=str(tmp_path), account_id="123456789012", region="us-east-1", cache="")
    policies = [{"name": "users", "resource": "aws.iam-user"}]
    for policy in PolicyLoader(config).load_data({"policies": policies}, "memory://"):
        policy.run()
    seen = only(collect([str(tmp_path)]))
    assert (seen.problem, seen.evaluated, seen.judged, seen.resources) == (None, True, False, 1)


def test_of_the_runs_under_one_folder_the_newest_counts(tmp_path: Path) -> None:
    runs = (
        ("1", "21T060000Z-aaaaaa", [ALICE]),
        ("1", "23T060000Z-bbbbbb", []),
        ("2", "20T060000Z-cccccc", [BOB]),
    )
    for shard, name, values in runs:
        run = tmp_path / shard / f"202611{name}"
        manifest(run, POLICY)
        there = [value(user("bob", credential(), account=shard))] if values else []
        Output(there, account=shard).write(run / "aws" / POLICY)
    report = collect([str(tmp_path)])
    assert [(e.account, e.evaluated) for e in report.evaluations] == [("1", True), ("2", True)]
    assert [f["user"] for f in report.findings] == ["bob"]


def test_a_fleet_is_read_in_several_processes_and_in_order(tmp_path: Path) -> None:
    accounts = [f"{n:012}" for n in range(60)]
    for account in accounts:
        name = value(user(f"u{account}", credential(200), account=account))
        Output([name], account=account).write(tmp_path / account / "us-east-1" / POLICY)
    report = collect([str(tmp_path)])
    assert [f["account"] for f in report.findings] == accounts
    assert len(report.findings) == sum(e.findings for e in report.evaluations) == 60
