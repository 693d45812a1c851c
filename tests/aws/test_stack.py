"""stack.cfn.yml: clean, deployable, and with the least rights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from cfnlint.api import lint_file

from custom_filters.aws.permissions import policy
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.functions import STACK, deploy_stack, granted, template
from tests.aws.runs import client, embedded

# What moto's CloudFormation leaves out is looked at in the template.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    with embedded() as sandbox:
        assert deploy_stack(sandbox)["Topic"].endswith(":c7n-unused")
        yield sandbox


def test_cfn_lint_finds_nothing() -> None:
    assert lint_file(STACK) == []


def test_the_roles_may_do_exactly_what_the_policies_need(account: Sandbox) -> None:
    needed = {s["Sid"]: s for s in policy(enforce=True)["Statement"]}
    report, enforce = (granted(account, f"c7n-unused-{role}") for role in ("report", "enforce"))
    assert {sid: report[sid] for sid in report if sid not in LAMBDA} == {"Report": needed["Report"]}
    assert enforce == report | {sid: s for sid, s in needed.items() if sid.startswith("Enforce")}
    assert {sid: s["Action"] for sid, s in report.items() if sid in LAMBDA} == LAMBDA
    everything = {sid for sid, s in enforce.items() if s["Resource"] == "*"}
    assert everything == {"Report", "Metrics"}  # there is no narrower resource for these calls


LAMBDA = {
    "Exemptions": "s3:GetObject",
    "Output": ["s3:PutObject", "s3:PutObjectAcl", "s3:ListBucket"],
    "Metrics": "cloudwatch:PutMetricData",
    "Logs": ["logs:CreateLogStream", "logs:PutLogEvents"],
}


def test_without_enforcement_there_is_no_role_that_may_change_users() -> None:
    with embedded() as sandbox:
        deploy_stack(sandbox, enforce=False)
        assert not any(sid.startswith("Enforce") for sid in granted(sandbox, "c7n-unused-report"))
        with pytest.raises(ClientError, match="NoSuchEntity"):
            granted(sandbox, "c7n-unused-enforce")


def test_the_bucket_encrypts(account: Sandbox) -> None:
    s3, name = client(account, "s3"), f"c7n-unused-{account.aws.account_id}"
    [rule] = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_the_bucket_is_private_keeps_versions_and_forgets_after_the_retention() -> None:
    resources = template()["Resources"]
    bucket = resources["Bucket"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    outputs = bucket["Properties"]["LifecycleConfiguration"]["Rules"][0]
    assert (outputs["Prefix"], outputs["ExpirationInDays"]) == ("lambda/", {"Ref": "RetentionDays"})
    [statement] = resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(("missing", "alarms"), [
    ("breaching", {"Heartbeat", "EnforcementHeartbeat"}),
    ("notBreaching", {"Unused", "Failed", "Limit"}),
])  # fmt: skip
def test_silence_is_an_alarm_of_its_own(missing: str, alarms: set[str]) -> None:
    found = {n: r["Properties"] for n, r in template()["Resources"].items() if r["Type"].endswith("::Alarm")}
    names = {name.partition("aws")[0] for name, a in found.items() if a["TreatMissingData"] == missing}
    assert names == alarms
    assert all(alarm["AlarmActions"] == [{"Ref": "Topic"}] for alarm in found.values())
