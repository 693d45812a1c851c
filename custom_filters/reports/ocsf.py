"""OCSF Compliance Finding (class 2003), one event a credential; needs the extra `reports`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from custom_filters.core.report import Finding, Report, effective_verdict
from custom_filters.core.times import parse_time
from custom_filters.core.verdict import UNUSED

_CLASS = 2003
_ACTIVITIES = {"Create": 1, "Update": 2, "Close": 3}
_SEVERITIES = {"Informational": 1, "Low": 2, "Medium": 3, "High": 4}
_STATUSES = {"New": 1, "InProgress": 2, "Suppressed": 3, "Resolved": 4}
_COMPLIANCE = {"Unknown": 0, "Pass": 1, "Fail": 3}
#: Changes after which nothing is left to do.
_CLOSED = ("resolved", "reactivated")
_REMEDIATION = (
    "Disable the credential with the policy action disable-unused, or record an exemption with a reason and "
    "an expiry date. Disabling is undone with c7n-unused restore."
)


def render(report: Report) -> Iterator[str]:
    """A JSON array of events; times in milliseconds. What was resolved comes as a Close activity."""
    from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

    yield "["
    number = 0
    for findings, change in ((report.findings, None), (report.resolved, "resolved")):
        for finding in findings:
            event = ComplianceFinding.model_validate(_event(finding, change or finding["change"]))
            yield f"{',' if number else ''}\n{event.model_dump_json(exclude_none=True)}"
            number += 1
    yield "\n]\n"


def _event(finding: Finding, change: str | None) -> dict[str, Any]:
    activity, severity, status = _activity(change), _severity(finding), _status(finding, change)
    return {
        "activity_id": _ACTIVITIES[activity],
        "activity_name": activity,
        "compliance": _compliance(finding, change),
        "finding_info": _info(finding),
        "metadata": {
            "product": {"name": "c7n-unused", "vendor_name": "c7n-unused"},
            "tenant_uid": finding["account"],
            "labels": [f"phase:{finding['phase']}"],
        },
        "remediation": {"desc": _REMEDIATION} if finding["verdict"] in UNUSED else None,
        "resources": [_resource(finding)],
        "severity_id": _SEVERITIES[severity],
        "severity": severity,
        "status_id": _STATUSES[status],
        "status": status,
        "status_detail": finding["reason"],
        "time": _milliseconds(finding["as_of"]),
        "type_uid": _CLASS * 100 + _ACTIVITIES[activity],
        "unmapped": {n: finding[n] for n in ("evidence", "exemption", "next_action", "next_action_at")},
    }


def _info(finding: Finding) -> dict[str, Any]:
    first_seen = finding["first_seen"]
    return {
        "uid": finding["uid"],
        "title": f"{finding['credential']['kind']} of {finding['user']}: {effective_verdict(finding)}",
        "desc": finding["reason"],
        "types": ["unused-credential"],
        "data_sources": [e["source"] for e in finding["evidence"]],
        "first_seen_time": _milliseconds(first_seen) if first_seen else None,
        "last_seen_time": _milliseconds(finding["as_of"]),
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
    verdict = effective_verdict(finding)
    if verdict in UNUSED:
        return "High" if finding["privileged"] else "Medium"
    return "Low" if verdict == "unknown" else "Informational"


def _status(finding: Finding, change: str | None) -> str:
    if change in _CLOSED:
        return "Resolved"
    if effective_verdict(finding) == "exempt":
        return "Suppressed"
    return "InProgress" if finding["phase"] == "marked" else "New"


def _milliseconds(text: str) -> int:
    return int(parse_time(text).timestamp() * 1000)
