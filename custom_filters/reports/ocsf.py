"""OCSF Compliance Finding (class 2003), one event a credential and one a policy run; extra `reports`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.times import format_optional, parse_time
from custom_filters.core.verdict import UNUSED
from custom_filters.reports.guide import EPOCH, console_link, evaluation_uid, next_step

_CLASS = 2003
_ACTIVITIES = {"Create": 1, "Update": 2, "Close": 3}
_SEVERITIES = {"Informational": 1, "Low": 2, "Medium": 3, "High": 4}
_STATUSES = {"New": 1, "InProgress": 2, "Suppressed": 3, "Resolved": 4}
_COMPLIANCE = {"Unknown": 0, "Pass": 1, "Fail": 3}
#: Changes after which nothing is left to do.
_CLOSED = ("resolved", "reactivated")
_UNMAPPED = (
    "counts_as", "risk", "evidence", "exemption", "decision", "done", "next_action", "next_action_at",
)  # fmt: skip
_CLOUDS = {"aws": ("AWS", "AWS_Account", 10), "azure": ("Azure", "Azure_AD_Account", 6),
           "gcp": ("GCP", "GCP_Account", 5)}  # fmt: skip
_PRODUCT = {"name": "c7n-unused", "vendor_name": "c7n-unused"}
#: Outcome of a policy run -> its compliance and severity.
_OUTCOMES = {"pass": ("Pass", "Informational"), "fail": ("Fail", "Medium"), "unknown": ("Unknown", "Low")}


def render(report: Report) -> Iterator[str]:
    """A JSON array of events; times in milliseconds. What was resolved comes as a Close activity.

    A policy run is an event about its account: Unknown where it was not evaluated, Fail where a check found
    something, else Pass with the sum of those examined.
    """
    from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
    from py_ocsf_models.objects.cloud import Cloud

    yield "["
    for number, event in enumerate(_events(report)):
        told = event.pop("cloud")
        cloud = told and Cloud.model_validate(told)
        checked = ComplianceFinding.model_validate(event).model_dump(mode="json", exclude_none=True)
        if cloud:  # of the profile `cloud`, which the library knows for detection findings only
            checked["cloud"] = cloud.model_dump(mode="json", exclude_none=True)
        yield f"{',' if number else ''}\n{json.dumps(checked)}"
    yield "\n]\n"


def _events(report: Report) -> Iterator[dict[str, Any]]:
    for evaluation in report.evaluations:
        yield _account_event(evaluation, format_optional(evaluation.started or report.as_of) or EPOCH)
    for finding in report.findings:
        yield _event(finding, finding["change"], finding["as_of"])
    for finding in report.resolved:
        yield _event(finding, "resolved", format_optional(report.as_of) or finding["as_of"])


def _cloud(provider: str, account: str, region: str = "") -> dict[str, Any] | None:
    if provider not in _CLOUDS:
        return None
    name, kind, number = _CLOUDS[provider]
    of = {"uid": account, "name": account, "type": kind, "type_id": number}
    return {"provider": name, "account": of, "region": region or None}


def _account_event(e: Evaluation, at: str) -> dict[str, Any]:
    compliance, severity = _OUTCOMES[e.outcome]
    uid, account = evaluation_uid(e), e.account or "unknown"
    return {
        **_numbers("Create", severity, "New", at),
        "cloud": _cloud(e.provider, account, e.region),
        "compliance": {
            "control": e.policy, "requirements": [], "standards": [], "status_id": _COMPLIANCE[compliance],
        },
        "finding_info": {"uid": uid, "title": f"{e.policy or e.folder}: {e.outcome}", "desc": e.sentence,
                         "types": ["policy-run"], "last_seen_time": _milliseconds(at)},
        "metadata": {"product": _PRODUCT, "profiles": ["cloud"], "tenant_uid": account},
        "remediation": {"desc": f"Run c7n-unused doctor -p {e.provider or 'aws'}, and the policy again."}
        if e.outcome == "unknown" else None,
        "resources": [{"uid": account, "name": account, "type": f"{e.provider} account", "namespace": account,
                       "region": e.region or None}],
        "status_detail": e.sentence,
    }  # fmt: skip


def _numbers(activity: str, severity: str, status: str, at: str) -> dict[str, Any]:
    return {
        "activity_id": _ACTIVITIES[activity],
        "activity_name": activity,
        "severity_id": _SEVERITIES[severity],
        "severity": severity,
        "status_id": _STATUSES[status],
        "status": status,
        "time": _milliseconds(at),
        "type_uid": _CLASS * 100 + _ACTIVITIES[activity],
    }


def _event(finding: Finding, change: str | None, at: str) -> dict[str, Any]:
    step = next_step(finding)
    link = console_link(finding)
    return {
        **_numbers(_activity(change), _severity(finding), _status(finding, change), at),
        "cloud": _cloud(finding["provider"], finding["account"]),
        "compliance": _compliance(finding, change),
        "finding_info": _info(finding, at),
        "metadata": {
            "product": _PRODUCT,
            "profiles": ["cloud"],
            "tenant_uid": finding["account"],
            "labels": [f"phase:{finding['phase']}"],
        },
        "remediation": {
            "desc": f"{step.what} {step.command}".strip(),
            "references": [link] if link else None,
        },
        "resources": [_resource(finding)],
        "status_detail": finding["reason"],
        "unmapped": {n: finding[n] for n in _UNMAPPED},
    }


def _info(finding: Finding, at: str) -> dict[str, Any]:
    last, first = _milliseconds(at), finding["first_seen"]
    return {
        "uid": finding["uid"],
        "title": f"{finding['credential']['kind']} of {finding['user']}: {finding['counts_as']}",
        "desc": finding["reason"],
        "types": ["unused-credential"],
        "data_sources": [e["source"] for e in finding["evidence"]],
        "first_seen_time": min(_milliseconds(first or finding["as_of"]), last),
        "last_seen_time": last,
    }


def _resource(finding: Finding) -> dict[str, Any]:
    return {
        "uid": finding["user_id"],
        "name": finding["user"],
        "type": f"{finding['provider']} {finding['user_type']}",
        "namespace": finding["account"],
        "labels": [f"owner:{finding['owner']}"] if finding["owner"] else None,
        "data": {name: finding["credential"][name] for name in ("kind", "id", "status", "created")},
    }


def _compliance(finding: Finding, change: str | None) -> dict[str, Any]:
    """Unknown evidence is status Unknown; a control reads `framework version: id`."""
    controls = [control.partition(":") for control in finding["controls"]]
    status = "Fail" if finding["verdict"] in UNUSED and change not in _CLOSED else "Pass"
    return {
        "control": finding["policy"],
        "standards": list(dict.fromkeys(name for name, _, _ in controls)),
        "requirements": [number.strip() or name for name, _, number in controls],
        "status_id": _COMPLIANCE["Unknown" if finding["verdict"] == "unknown" else status],
    }


def _activity(change: str | None) -> str:
    if change in _CLOSED:
        return "Close"
    return "Create" if change in (None, "new") else "Update"


def _severity(finding: Finding) -> str:
    verdict = finding["counts_as"]
    if verdict in UNUSED:
        return "High" if finding["privileged"] else "Medium"
    return "Low" if verdict == "unknown" else "Informational"


def _status(finding: Finding, change: str | None) -> str:
    if change in _CLOSED:
        return "Resolved"
    if finding["counts_as"] == "exempt":
        return "Suppressed"
    return "InProgress" if finding["phase"] == "marked" else "New"


def _milliseconds(text: str) -> int:
    return int(parse_time(text).timestamp() * 1000)
