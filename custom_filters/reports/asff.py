"""AWS Security Finding Format, for `aws securityhub batch-import-findings`."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from custom_filters.core.report import Finding, Report
from custom_filters.core.text import visible
from custom_filters.reports.guide import Event, events, user_arn

#: Security Hub takes 100 findings a call.
BATCH = 100
_REGION = "us-east-1"
_ACCOUNT = re.compile(r"\d{12}")
_COMPLIANCE = {"pass": "PASSED", "fail": "FAILED", "unknown": "NOT_AVAILABLE"}
_PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))


def files(report: Report) -> Iterator[tuple[str, Iterator[str]]]:
    """Files of at most 100 findings, each of one AWS account, as (name, content).

    Security Hub takes findings from the account that they are about, in the Region of the policy's run.
    It takes no findings about other clouds.
    """
    regions = {e.account: e.region for e in report.evaluations if e.provider == "aws" and e.region}
    batches: dict[str, list[dict[str, Any]]] = {}
    numbers = Counter[str]()
    for event in events(report):
        account = event.account
        if event.provider != "aws" or not (event.finding or _ACCOUNT.fullmatch(account)):
            continue
        batch = batches.setdefault(account, [])
        batch.append(_finding(event, regions.get(account, _REGION)))
        if len(batch) == BATCH:
            yield _file(account, numbers, batches.pop(account))
    for account, batch in batches.items():
        yield _file(account, numbers, batch)


def _file(account: str, numbers: Counter[str], batch: list[dict[str, Any]]) -> tuple[str, Iterator[str]]:
    numbers[account] += 1
    digits = "".join(c for c in account if c.isdigit())
    return f"asff/{digits}-{numbers[account]:04}.json", iter([json.dumps(batch, indent=1)])


def _finding(event: Event, region: str) -> dict[str, Any]:
    partition = next((name for prefix, name in _PARTITIONS if region.startswith(prefix)), "aws")
    hub = f"arn:{partition}:securityhub:{region}:{event.account}"
    place = {"Partition": partition, "Region": region}
    link = {"Url": event.link} if event.link else {}
    common = {
        "SchemaVersion": "2018-10-08",
        "Id": f"{hub}:c7n-unused/{event.uid}",
        "ProductArn": f"{hub}:product/{event.account}/default",
        "GeneratorId": visible(f"c7n-unused/{event.policy}")[:512],
        "AwsAccountId": event.account,
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "FirstObservedAt": event.first,
        "LastObservedAt": event.at,
        "CreatedAt": event.first,
        "UpdatedAt": event.at,
        "Severity": {"Label": event.severity.upper()},
        "Title": visible(event.title)[:256],
        "Description": visible(event.text)[:1024],
        "Remediation": {"Recommendation": {"Text": visible(event.remedy)[:512], **link}},
        "Compliance": {"Status": _COMPLIANCE[event.outcome]},
        "RecordState": "ARCHIVED" if event.closed else "ACTIVE",
    }
    if event.finding:
        return {**common, **_of_credential(event, event.finding, place)}
    account = {"Type": "AwsAccount", "Id": f"arn:{partition}:iam::{event.account}:root", **place}
    status = "RESOLVED" if event.outcome == "pass" else "NEW"
    return {**common, "Resources": [account], "Workflow": {"Status": status}}


def _of_credential(event: Event, finding: Finding, place: dict[str, str]) -> dict[str, Any]:
    credential, verdict = finding["credential"], finding["counts_as"]
    status = "SUPPRESSED" if verdict == "exempt" else "NEW"
    told = {
        "owner": finding["owner"],
        "phase": finding["phase"],
        "basis": finding["basis"],
        "risk": finding["risk"] and finding["risk"]["level"],
        "verdict": verdict,
    }
    resource = {
        "Type": "AwsIamRole" if credential["kind"] == "role" else "AwsIamUser",
        "Id": visible(user_arn(finding, place["Partition"]))[:512],
        **place,
        "Details": {"Other": _texts({"user_id": finding["user_id"], **credential})},
    }
    controls = [visible(control)[:64] for control in finding["controls"][:32]]
    return {
        "ProductFields": _texts(told),
        "Resources": [resource],
        "Compliance": {"Status": _COMPLIANCE[event.outcome], "RelatedRequirements": controls or ["none"]},
        "Workflow": {"Status": "RESOLVED" if event.closed else status},
    }


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {key: visible(str(value))[:1024] for key, value in values.items() if value}
