"""The functions as they are in Lambda: Custodian's real archive, nothing but boto3 beside it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError, WaiterError

from custom_filters.aws.permissions import PARTS
from custom_filters.sandbox.aws.people import Key, Password, Person, days
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.functions import (
    POLICIES,
    archive,
    container,
    deploy_stack,
    granted,
    invoke,
    provision,
    template,
)
from tests.aws.inside import calling, collection
from tests.aws.runs import ROOT, client, embedded

START = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
NOTICE = timedelta(hours=336)
# What moto's CloudFormation leaves out, test_stack looks at in the template.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")

REPORT, MARK, UNMARK, DISABLE = (f"aws-iam-user-unused{end}" for end in ("", "-mark", "-unmark", "-disable"))
PEOPLE = (
    Person("stale.sam", password=Password(used=days(200)), keys=(Key(used=days(150)),)),
    Person("exempt.eve", keys=(Key(used=days(300)),)),
    Person("back.bo", keys=(Key(used=days(120)),)),
    *(Person(f"busy.{n}", created=days(2), keys=(Key(),)) for n in range(9)),
)
EVE = {
    "provider": "aws", "account": "*", "user": "exempt.eve", "reason": "parental leave",
    "approved_by": "hr@example.com", "expires": "2027-06-30",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lambda")


@pytest.fixture(scope="module")
def account(folder: Path) -> Iterator[Sandbox]:
    """The stack deployed, exemptions in its bucket, four of the policies provisioned."""
    with embedded(now=START) as sandbox:
        sandbox.aws.add(*PEOPLE)
        bucket = deploy_stack(sandbox)["Bucket"]
        exemptions = json.dumps({"exemptions": [EVE]})
        client(sandbox, "s3").put_object(Bucket=bucket, Key="exemptions.json", Body=exemptions)
        provision(sandbox, folder, (REPORT, MARK, UNMARK, DISABLE))
        yield sandbox


def policies_of(*files: Path) -> dict[str, dict[str, Any]]:
    return {p["name"]: p for file in files for p in yaml.safe_load(file.read_text())["policies"]}


def test_policies_are_those_of_pull_mode_but_for_mode_metrics_and_where_exemptions_lie() -> None:
    there = policies_of(POLICIES)
    for policy in there.values():
        assert policy.pop("mode")["type"] == "periodic"
        policy["actions"] = [a for a in policy.get("actions", ()) if a["type"] != "put-metric"]
    pulled = policies_of(ROOT / "policies/aws/report.yml", ROOT / "policies/aws/enforce.yml")
    assert list(there) == list(pulled)
    text = json.dumps([{"actions": [], **p} for p in pulled.values()], sort_keys=True)
    on_s3 = text.replace('"exemptions.yml"', '"s3://c7n-unused-{account_id}/exemptions.json"')
    assert json.dumps(list(there.values()), sort_keys=True) == on_s3


def test_function_rule_and_permission(account: Sandbox) -> None:
    function = client(account, "lambda").get_function(FunctionName=f"custodian-{DISABLE}")["Configuration"]
    assert function["Role"].endswith(":role/c7n-unused-enforce")
    assert function["Handler"] == "custom_filters.aws.handler.run"
    events = client(account, "events")
    assert events.describe_rule(Name=f"custodian-{DISABLE}")["ScheduleExpression"] == "cron(50 6 * * ? *)"
    [target] = events.list_targets_by_rule(Rule=f"custodian-{DISABLE}")["Targets"]
    assert target["Arn"] == function["FunctionArn"]
    allowed = client(account, "lambda").get_policy(FunctionName=f"custodian-{DISABLE}")["Policy"]
    assert json.loads(allowed)["Statement"][0]["Principal"] == {"Service": "events.amazonaws.com"}


def test_provisioning_again_changes_nothing(account: Sandbox, folder: Path) -> None:
    before = Counter(account.calls)
    provision(account, folder, (REPORT,))
    asked = {"GetFunction", "DescribeRule", "ListTargetsByRule", "GetCallerIdentity"}
    # Custodian always tries to add the permission; AWS answers that it is there.
    assert account.calls - before == Counter(f"aws:{call}" for call in (*asked, "AddPermission"))


def test_archive_is_small_and_holds_code_only(account: Sandbox) -> None:
    packed = archive(account, REPORT)
    assert len(packed) < 2 * 1024 * 1024
    with zipfile.ZipFile(BytesIO(packed)) as files:
        content = {name: files.read(name) for name in files.namelist()}
    assert {name.split("/")[0] for name in content} == {
        "c7n", "custom_filters", "config.json", "custodian_policy.py",
    }  # fmt: skip
    ours = {name for name in content if name.startswith("custom_filters/")}
    kinds = {".py", ".yml", ".j2", ".js", ".css", ".md", ".typed", ""}
    assert {Path(name).suffix for name in ours} <= kinds
    secret = re.compile(
        rb"-----BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)-----\s+[A-Za-z0-9+/]|(AKIA|ASIA)[A-Z0-9]{16}"
    )
    assert [name for name, text in content.items() if secret.search(text)] == []


@pytest.mark.slow
def test_from_report_to_disabled_within_lambda(account: Sandbox, folder: Path) -> None:
    bucket = f"c7n-unused-{account.aws.account_id}"
    calls = {name: called(account, folder, name) for name in (REPORT, MARK)}
    assert reported(account, folder, bucket) == {"stale.sam", "exempt.eve", "back.bo"}
    assert marked(account) == {"stale.sam", "back.bo"}

    account.clock.set(START + NOTICE)
    account.aws.use_key(account.aws.user("back.bo").access_keys[0].access_key_id)
    calls |= {name: called(account, folder, name) for name in (UNMARK, DISABLE)}
    assert marked(account) == set()
    live = {name for name, user in account.aws.snapshot().items() if "Active" in user["keys"].values()}
    assert {p.name for p in PEOPLE} - live == {"stale.sam"}
    logs = {k.split("/")[1] for k in keys(account, bucket) if k.endswith("c7n-unused-actions.jsonl.gz")}
    assert logs == {MARK, UNMARK, DISABLE}
    assert_alarms_watch_what_is_measured(account)
    assert_each_statement_is_needed(account, calls)
    restored = command(account, folder, "restore", f"s3://{bucket}/lambda", "--user", "stale.sam")
    assert (restored.returncode, restored.stderr) == (0, "")
    assert "a deleted password cannot be restored" in restored.stdout
    assert set(account.aws.snapshot()["stale.sam"]["keys"].values()) == {"Active"}


@pytest.mark.slow
def test_a_warm_container_reads_everything_anew(account: Sandbox, folder: Path) -> None:
    with container(account, folder, REPORT) as warm:
        assert warm.invoke() == {"returned": True}
        account.aws.add(Person("later.lou", keys=(Key(used=days(200)),)))
        account.aws.forget_report()
        assert warm.invoke() == {"returned": True}
        ours = {name.split(".")[1] for name in warm.modules if name.startswith("custom_filters.")}
        assert ours == {"aws", "core", "custodian"}
    assert "later.lou" in reported(account, folder, f"c7n-unused-{account.aws.account_id}")


def test_a_failing_call_fails_the_invocation(account: Sandbox, folder: Path) -> None:
    account.faults["deny"] = "GetCredentialReport"
    try:
        answer = invoke(account, folder, MARK)
    finally:
        del account.faults["deny"]
    assert "AccessDenied" in answer["error"]


@pytest.mark.slow
def test_a_function_whose_time_runs_out_stops_after_the_current_user_and_the_next_goes_on(
    tmp_path: Path,
) -> None:
    """A second is left until it must end, and each tag takes two; then the event comes again."""
    stale = [Person(f"stale.{n}", keys=(Key(used=days(200)),)) for n in range(25)]
    busy = [Person(f"busy.{n}", created=days(2), keys=(Key(),)) for n in range(60)]
    with embedded(now=START) as sandbox:
        sandbox.aws.add(*stale, *busy)
        bucket = deploy_stack(sandbox)["Bucket"]
        client(sandbox, "s3").put_object(Bucket=bucket, Key="exemptions.json", Body='{"exemptions": []}')
        provision(sandbox, tmp_path, (MARK,))
        sandbox.faults["slow"] = "TagUser"
        # 60 s are kept for outputs; listing takes some of the rest, so that it may be over before the first.
        answer = invoke(sandbox, tmp_path, MARK, request="event-1", milliseconds=66_000)
        del sandbox.faults["slow"]
        begun = marked(sandbox)
        assert "the time ran out" in answer["error"]
        assert f"{25 - len(begun)} of 25 were not begun; the next run goes on" in answer["error"]
        assert 0 < len(begun) < 25
        assert invoke(sandbox, tmp_path, MARK, request="event-1") == {"returned": True}
        assert marked(sandbox) == begun
        assert invoke(sandbox, tmp_path, MARK, request="event-2") == {"returned": True}
        assert len(marked(sandbox)) == 25
        executions = {
            k.split("/journal/")[1].split("/")[0] for k in keys(sandbox, bucket) if "/journal/" in k
        }
        assert executions == {"event-1", "event-2"}
        assert_journals_are_read_in_the_bucket(sandbox, tmp_path, bucket)


#: What S3 asks for, by call; an ACL needs its own permission.
OF_S3 = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadObject": "GetObject",
}
#: Lambda itself writes what a function logs, by the function's role.
LOGGED = tuple(
    (f"logs:{call}", "arn:aws:logs:us-east-1:{}:log-group:/aws/lambda/custodian-{}:log-stream:x")
    for call in ("CreateLogStream", "PutLogEvents")
)
Call = tuple[str, str, dict[str, list[str]]]


def asked(service: str, operation: str, params: dict[str, Any]) -> Iterator[Call]:
    """The permissions that a call needs: action, resource, and what conditions may speak of."""
    if service == "s3":
        where = "/".join(filter(None, (f"arn:aws:s3:::{params['Bucket']}", params.get("Key"))))
        yield f"s3:{OF_S3.get(operation, operation)}", where, {}
        if "ACL" in params:
            yield "s3:PutObjectAcl", where, {}
    elif service != "sts":  # GetCallerIdentity is allowed to everybody
        tags = [tag["Key"] for tag in params.get("Tags", ())]
        told = {"cloudwatch:namespace": [params.get("Namespace", "")], "aws:TagKeys": tags}
        yield f"{service}:{operation}", f"arn:aws:iam::1:user/{params.get('UserName', '')}", told


def allowed(statements: Iterable[dict[str, Any]], call: Call) -> bool:
    action, resource, told = call
    return any(
        action in listed(s["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in listed(s["Resource"]))
        and all(
            any(fnmatchcase(value, pattern) for pattern in listed(patterns))
            for conditions in s.get("Condition", {}).values()
            for key, patterns in conditions.items()
            for value in told[key]
        )
        for s in statements
    )


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def called(sandbox: Sandbox, folder: Path, name: str) -> list[Call]:
    """One event in a new container, and the permissions that its calls need."""
    with container(sandbox, folder, name) as started:
        assert started.invoke() == {"returned": True}
        needs = [need for call in started.calls for need in asked(*call)]
    return needs + [(action, at.format(sandbox.aws.account_id, name), {}) for action, at in LOGGED]


def assert_each_statement_is_needed(sandbox: Sandbox, calls: dict[str, list[Call]]) -> None:
    """The roles allow what their functions called; without any statement one of the calls is denied."""
    reporting, statements = (granted(sandbox, f"c7n-unused-{role}") for role in ("report", "enforce"))
    needs = [need for some in calls.values() for need in some]
    assert [need for need in calls[REPORT] if not allowed(reporting.values(), need)] == []
    assert [need for need in needs if not allowed(statements.values(), need)] == []
    for sid in statements:
        rest = [s for name, s in statements.items() if name != sid]
        assert not all(allowed(rest, need) for need in needs), f"{sid} is not needed"
    used = {action for action, _, _ in needs}
    ours = [statements[sid] for sid in ("Exemptions", "Output", "Metrics", "Logs")]
    assert {action for s in ours for action in listed(s["Action"])} <= used


def assert_journals_are_read_in_the_bucket(sandbox: Sandbox, folder: Path, bucket: str) -> None:
    verified = command(sandbox, folder, "verify", f"s3://{bucket}/lambda")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert "each as it was written" in verified.stdout
    restored = command(sandbox, folder, "restore", f"s3://{bucket}/lambda", "--user", "stale.1")
    assert restored.returncode == 3  # it was marked only
    assert "Nobody matched" in restored.stdout


#: A function made, changed, tagged, and the tag taken off: what is different, and what each step needs.
STEPS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, ("lambda:GetFunction lambda:CreateFunction lambda:GetFunctionConfiguration events:DescribeRule "
         "events:PutRule lambda:AddPermission events:ListTargetsByRule events:PutTargets")),
    ({"memory": 256}, "lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration"),
    ({"memory": 256, "tags": {"x": "y"}}, "lambda:TagResource"),
    ({"memory": 256}, "lambda:UntagResource"),
)  # fmt: skip


@pytest.mark.slow
def test_deploying_needs_each_permission_that_is_printed(tmp_path: Path) -> None:
    """Denied one by one, custodian fails; and it calls nothing else. (iam:PassRole is not a call.)"""
    with embedded(now=START) as sandbox:
        deploy_stack(sandbox)
        before = Counter(sandbox.calls)
        for mode, needed in STEPS:
            for permission in needed.split():
                sandbox.faults["deny"] = permission.partition(":")[2]
                with pytest.raises((ClientError, WaiterError), match="not authorized"):
                    deploy(sandbox, tmp_path, mode)
                del sandbox.faults["deny"]
            deploy(sandbox, tmp_path, mode)
        called = {call.partition(":")[2] for call in sandbox.calls - before} - {"GetCallerIdentity"}
    proven = {permission for _, needed in STEPS for permission in needed.split()}
    assert called == {permission.partition(":")[2] for permission in proven}
    assert proven == PARTS["deploy"] - {"iam:PassRole"}


def deploy(sandbox: Sandbox, folder: Path, mode: dict[str, Any]) -> None:
    """Provision a function with such a mode, as `custodian run` does."""
    one = policies_of(POLICIES)[REPORT]
    one["mode"] |= mode | {"role": f"arn:aws:iam::{sandbox.aws.account_id}:role/c7n-unused-report"}
    with calling(sandbox):
        for policy in collection(sandbox, folder, [one]):
            policy.provision()


def command(sandbox: Sandbox, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`c7n-unused ...` in the account."""
    return subprocess.run(
        [sys.executable, "-m", "custom_filters", *words],
        env=sandbox.child_environment(), cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def keys(sandbox: Sandbox, bucket: str) -> list[str]:
    listed = client(sandbox, "s3").list_objects_v2(Bucket=bucket)
    return [item["Key"] for item in listed["Contents"]]


def reported(sandbox: Sandbox, folder: Path, bucket: str) -> set[str]:
    """The users of whom `c7n-unused report` tells, read from the bucket."""
    out = folder / "report"
    done = command(sandbox, folder, "report", "-f", "json", "-o", str(out), f"s3://{bucket}/lambda")
    assert done.returncode == 0, done.stderr
    [file] = out.glob("*.json")
    return {finding["user"] for finding in json.loads(file.read_text())["findings"]}


def marked(sandbox: Sandbox) -> set[str]:
    return {name for name, user in sandbox.aws.snapshot().items() if user["tags"].get("c7n-unused")}


def assert_alarms_watch_what_is_measured(sandbox: Sandbox) -> None:
    metrics = client(sandbox, "cloudwatch").list_metrics()["Metrics"]
    measured = [(m["Namespace"], m["MetricName"], named(m)) for m in metrics]
    watched = [metric for alarm in alarms() for metric in metrics_of(alarm)]
    ours = [(m["Namespace"], m["MetricName"], named(m)) for m in watched]
    always = [m for m in ours if m[0] != "AWS/Lambda" and m[1] != "ResourceLimitExceeded"]
    assert len(always) == 3
    assert [metric for metric in always if metric not in measured] == []
    shape = {(m["Namespace"], d["Name"]) for m in metrics for d in m["Dimensions"]}
    limits = [m for m in ours if m[1] == "ResourceLimitExceeded"]
    assert {(space, name) for space, _, dimensions in limits for name in dimensions} <= shape


def alarms() -> list[dict[str, Any]]:
    return [r["Properties"] for r in template()["Resources"].values() if r["Type"].endswith("::Alarm")]


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    return [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", ())[1:]] or [alarm]


def named(metric: dict[str, Any]) -> dict[str, str]:
    return {d["Name"]: d["Value"] for d in metric.get("Dimensions", ())}
