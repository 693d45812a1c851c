"""AWS Security Finding Format, for `aws securityhub batch-import-findings`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from custom_filters.core.report import Finding, Report, effective_verdict
from custom_filters.core.text import visible
from custom_filters.core.verdict import UNUSED

#: Security Hub takes 100 findings a call.
BATCH = 100
_REGION = "us-east-1"


def files(report: Report) -> Iterator[tuple[str, Iterator[str]]]:
    """Files of at most 100 findings, each of one AWS account, as (name, content).

    Security Hub takes findings from the account that they speak of, into the Region of the policy's run.
    Other clouds' findings have no place there.
    """
    regions = {e.account: e.region for e in report.evaluations if e.provider == "aws" and e.region}
    batches: dict[str, list[dict[str, Any]]] = {}
    numbers: dict[str, int] = {}
    resolved = ((f, True) for f in report.resolved)
    for finding, closed in chain(((f, False) for f in report.findings), resolved):
        account = finding["account"]
        if finding["provider"] != "aws":
            continue
        batch = batches.setdefault(account, [])
        batch.append(_finding(finding, regions.get(account, _REGION), closed=closed))
        if len(batch) == BATCH:
            yield _file(account, numbers, batches.pop(account))
    for account, batch in batches.items():
        yield _file(account, numbers, batch)


def _file(account: str, numbers: dict[str, int], batch: list[dict[str, Any]]) -> tuple[str, Iterator[str]]:
    numbers[account] = numbers.get(account, 0) + 1
    digits = "".join(c for c in account if c.isdigit())
    return f"asff/{digits}-{numbers[account]:04}.json", iter([json.dumps(batch, indent=1)])


def _finding(finding: Finding, region: str, *, closed: bool) -> dict[str, Any]:
    account, credential = finding["account"], finding["credential"]
    verdict = effective_verdict(finding)
    partition = _partition(region)
    seen = finding["first_seen"] or finding["as_of"]
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"c7n-unused/{finding['uid']}",
        "ProductArn": f"arn:{partition}:securityhub:{region}:{account}:product/{account}/default",
        "GeneratorId": f"c7n-unused/{finding['policy']}",
        "AwsAccountId": account,
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "FirstObservedAt": seen,
        "CreatedAt": seen,
        "UpdatedAt": finding["as_of"],
        "Severity": {"Label": _severity(finding, verdict)},
        "Title": visible(f"{credential['kind']} of {finding['user']}: {verdict}")[:256],
        "Description": visible(finding["reason"])[:1024],
        "ProductFields": _texts(
            {"owner": finding["owner"], "phase": finding["phase"], "basis": finding["basis"]}
        ),
        "Resources": [
            {
                "Type": "AwsIamUser",
                "Id": visible(finding["user_id"]),
                "Partition": partition,
                "Region": region,
                "Details": {"Other": _texts({"user": finding["user"], **credential})},
            }
        ],
        "Compliance": {
            "Status": _compliance(verdict, closed=closed),
            "RelatedRequirements": [visible(control)[:64] for control in finding["controls"][:32]]
            or ["none"],
        },
        "Workflow": {"Status": _workflow(verdict, closed=closed)},
        "RecordState": "ARCHIVED" if closed else "ACTIVE",
    }


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
