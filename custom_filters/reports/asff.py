"""AWS Security Finding Format, for `aws securityhub batch-import-findings`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.text import visible
from custom_filters.core.times import format_optional, parse_time
from custom_filters.core.verdict import UNUSED
from custom_filters.reports.guide import EPOCH, console_link, evaluation_uid, next_step, user_arn

#: Security Hub takes 100 findings a call.
BATCH = 100
_REGION = "us-east-1"
_ACCOUNT = re.compile(r"\d{12}")
_OUTCOMES = {"pass": ("PASSED", "INFORMATIONAL"), "fail": ("FAILED", "MEDIUM"),
             "unknown": ("NOT_AVAILABLE", "LOW")}  # fmt: skip


def files(report: Report) -> Iterator[tuple[str, Iterator[str]]]:
    """Files of at most 100 findings, each of one AWS account, as (name, content).

    Security Hub takes findings from the account that they speak of, into the Region of the policy's run.
    Other clouds' findings have no place there.
    """
    batches: dict[str, list[dict[str, Any]]] = {}
    numbers: dict[str, int] = {}
    for item in _all(report):
        account = item["AwsAccountId"]
        batch = batches.setdefault(account, [])
        batch.append(item)
        if len(batch) == BATCH:
            yield _file(account, numbers, batches.pop(account))
    for account, batch in batches.items():
        yield _file(account, numbers, batch)


def _all(report: Report) -> Iterator[dict[str, Any]]:
    """Findings about accounts, then about credentials, then what is resolved."""
    regions = {e.account: e.region for e in report.evaluations if e.provider == "aws" and e.region}
    as_of = format_optional(report.as_of)
    for e in report.evaluations:
        if e.provider == "aws" and _ACCOUNT.fullmatch(e.account):
            yield _account(e, regions.get(e.account, _REGION), format_optional(e.started) or as_of or EPOCH)
    for findings, closed in ((report.findings, False), (report.resolved, True)):
        for finding in findings:
            if finding["provider"] == "aws":
                at = as_of if closed and as_of else finding["as_of"]
                yield _finding(finding, regions.get(finding["account"], _REGION), at, closed=closed)


def _file(account: str, numbers: dict[str, int], batch: list[dict[str, Any]]) -> tuple[str, Iterator[str]]:
    numbers[account] = numbers.get(account, 0) + 1
    digits = "".join(c for c in account if c.isdigit())
    return f"asff/{digits}-{numbers[account]:04}.json", iter([json.dumps(batch, indent=1)])


def _common(account: str, region: str, uid: str, policy: str, first: str, at: str) -> dict[str, Any]:
    first = min(first, at, key=parse_time)
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"arn:{_partition(region)}:securityhub:{region}:{account}:c7n-unused/{uid}",
        "ProductArn": f"arn:{_partition(region)}:securityhub:{region}:{account}:product/{account}/default",
        "GeneratorId": visible(f"c7n-unused/{policy}")[:512],
        "AwsAccountId": account,
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "FirstObservedAt": first,
        "LastObservedAt": at,
        "CreatedAt": first,
        "UpdatedAt": at,
    }


def _account(e: Evaluation, region: str, at: str) -> dict[str, Any]:
    status, severity = _OUTCOMES[e.outcome]
    arn = f"arn:{_partition(region)}:iam::{e.account}:root"
    return {
        **_common(e.account, region, evaluation_uid(e), e.policy, at, at),
        "Severity": {"Label": severity},
        "Title": visible(f"{e.policy or e.folder}: {e.outcome}")[:256],
        "Description": visible(e.sentence)[:1024],
        "Remediation": _remediation("Look at the policy and its log, and run c7n-unused doctor -p aws.", ""),
        "Resources": [
            {"Type": "AwsAccount", "Id": arn, "Partition": _partition(region), "Region": region},
        ],
        "Compliance": {"Status": status},
        "Workflow": {"Status": "RESOLVED" if e.outcome == "pass" else "NEW"},
        "RecordState": "ACTIVE",
    }


def _finding(finding: Finding, region: str, at: str, *, closed: bool) -> dict[str, Any]:
    credential, verdict = finding["credential"], finding["counts_as"]
    step = next_step(finding)
    first = finding["first_seen"] or finding["as_of"]
    return {
        **_common(finding["account"], region, finding["uid"], finding["policy"], first, at),
        "Severity": {"Label": _severity(finding, verdict)},
        "Title": visible(f"{credential['kind']} of {finding['user']}: {verdict}")[:256],
        "Description": visible(finding["reason"])[:1024],
        "Remediation": _remediation(f"{step.what} {step.command}", console_link(finding)),
        "ProductFields": _texts(
            {"owner": finding["owner"], "phase": finding["phase"], "basis": finding["basis"],
             "risk": finding["risk"] and finding["risk"]["level"], "verdict": verdict}
        ),
        "Resources": [
            {
                "Type": "AwsIamRole" if credential["kind"] == "role" else "AwsIamUser",
                "Id": visible(user_arn(finding, _partition(region)))[:512],
                "Partition": _partition(region),
                "Region": region,
                "Details": {"Other": _texts({"user_id": finding["user_id"], **credential})},
            }
        ],
        "Compliance": {
            "Status": _compliance(verdict, closed=closed),
            "RelatedRequirements": [visible(control)[:64] for control in finding["controls"][:32]]
            or ["none"],
        },
        "Workflow": {"Status": _workflow(verdict, closed=closed)},
        "RecordState": "ARCHIVED" if closed else "ACTIVE",
    }  # fmt: skip


def _remediation(text: str, url: str) -> dict[str, Any]:
    return {"Recommendation": {"Text": visible(text.strip())[:512], **({"Url": url} if url else {})}}


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {key: visible(str(value))[:1024] for key, value in values.items() if value}


def _partition(region: str) -> str:
    prefixes: Iterable[tuple[str, str]] = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
    return next((partition for prefix, partition in prefixes if region.startswith(prefix)), "aws")


def _severity(finding: Finding, verdict: str) -> str:
    if verdict in UNUSED:
        return "HIGH" if finding["privileged"] else "MEDIUM"
    return "LOW" if verdict == "unknown" else "INFORMATIONAL"


def _compliance(verdict: str, *, closed: bool) -> str:
    if closed:
        return "PASSED"
    return "FAILED" if verdict in UNUSED else {"unknown": "NOT_AVAILABLE"}.get(verdict, "PASSED")


def _workflow(verdict: str, *, closed: bool) -> str:
    if closed:
        return "RESOLVED"
    return "SUPPRESSED" if verdict == "exempt" else "NEW"
