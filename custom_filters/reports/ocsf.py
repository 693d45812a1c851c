"""OCSF Compliance Finding (class 2003), one event a credential and one a policy run; extra `reports`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from custom_filters.core.report import Finding, Report
from custom_filters.core.times import parse_time
from custom_filters.reports.guide import Event, events

_CLASS = 2003
_ACTIVITIES = {"Create": 1, "Update": 2, "Close": 3}
_SEVERITIES = {"Informational": 1, "Low": 2, "Medium": 3, "High": 4}
_STATUSES = {"New": 1, "InProgress": 2, "Suppressed": 3, "Resolved": 4}
_COMPLIANCE = {"unknown": 0, "pass": 1, "fail": 3}
_UNMAPPED = (
    "counts_as", "risk", "evidence", "exemption", "decision", "done", "next_action", "next_action_at",
)  # fmt: skip
_CLOUDS = {"aws": ("AWS", "AWS_Account", 10), "azure": ("Azure", "Azure_AD_Account", 6),
           "gcp": ("GCP", "GCP_Account", 5)}  # fmt: skip


def render(report: Report) -> Iterator[str]:
    """A JSON array of events; times in milliseconds. What was resolved comes as a Close activity.

    A policy run is an event about its account: Unknown where it was not evaluated, Fail where a check found
    something, else Pass with the sum of those examined.
    """
    from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
    from py_ocsf_models.objects.cloud import Cloud

    yield "["
    for number, event in enumerate(events(report)):
        cloud = _cloud(event)
        content = {**_common(event), **(_of_credential(event.finding) if event.finding else _of_run(event))}
        checked = ComplianceFinding.model_validate(content).model_dump(mode="json", exclude_none=True)
        if cloud:  # of the profile `cloud`, which the library knows for detection findings only
            checked["cloud"] = Cloud.model_validate(cloud).model_dump(mode="json", exclude_none=True)
        yield f"{',' if number else ''}\n{json.dumps(checked)}"
    yield "\n]\n"


def _cloud(event: Event) -> dict[str, Any] | None:
    if event.provider not in _CLOUDS:
        return None
    name, kind, number = _CLOUDS[event.provider]
    account = event.account or "unknown"
    of = {"uid": account, "name": account, "type": kind, "type_id": number}
    return {"provider": name, "account": of, "region": event.region or None}


def _common(event: Event) -> dict[str, Any]:
    activity, status, at = _activity(event), _status(event), _milliseconds(event.at)
    return {
        "activity_id": _ACTIVITIES[activity],
        "activity_name": activity,
        "severity_id": _SEVERITIES[event.severity],
        "severity": event.severity,
        "status_id": _STATUSES[status],
        "status": status,
        "status_detail": event.text,
        "time": at,
        "type_uid": _CLASS * 100 + _ACTIVITIES[activity],
        "compliance": _compliance(event),
        "finding_info": {
            "uid": event.uid,
            "title": event.title,
            "desc": event.text,
            "types": ["unused-credential" if event.finding else "policy-run"],
            "data_sources": [e["source"] for e in event.finding["evidence"]] if event.finding else None,
            "first_seen_time": _milliseconds(event.first),
            "last_seen_time": at,
        },
        "metadata": {
            "product": {"name": "c7n-unused", "vendor_name": "c7n-unused"},
            "profiles": ["cloud"],
            "tenant_uid": event.account or "unknown",
            "labels": [f"phase:{event.finding['phase']}"] if event.finding else None,
        },
        "remediation": {"desc": event.remedy, "references": [event.link] if event.link else None},
    }


def _of_run(event: Event) -> dict[str, Any]:
    account = event.account or "unknown"
    return {
        "resources": [
            {
                "uid": account,
                "name": account,
                "type": f"{event.provider} account",
                "namespace": account,
                "region": event.region or None,
            }
        ]
    }


def _of_credential(finding: Finding) -> dict[str, Any]:
    resource = {
        "uid": finding["user_id"],
        "name": finding["user"],
        "type": f"{finding['provider']} {finding['user_type']}",
        "namespace": finding["account"],
        "labels": [f"owner:{finding['owner']}"] if finding["owner"] else None,
        "data": {name: finding["credential"][name] for name in ("kind", "id", "status", "created")},
    }
    return {"resources": [resource], "unmapped": {name: finding[name] for name in _UNMAPPED}}


def _compliance(event: Event) -> dict[str, Any]:
    """Unknown evidence is status Unknown; a control reads `framework version: id`."""
    controls = [control.partition(":") for control in (event.finding["controls"] if event.finding else ())]
    return {
        "control": event.policy,
        "standards": list(dict.fromkeys(name for name, _, _ in controls)),
        "requirements": [number.strip() or name for name, _, number in controls],
        "status_id": _COMPLIANCE[event.outcome],
    }


def _activity(event: Event) -> str:
    if event.closed:
        return "Close"
    return "Create" if event.change in (None, "new") else "Update"


def _status(event: Event) -> str:
    if event.closed:
        return "Resolved"
    if event.finding is None:
        return "New"
    if event.finding["counts_as"] == "exempt":
        return "Suppressed"
    return "InProgress" if event.finding["phase"] == "marked" else "New"


def _milliseconds(text: str) -> int:
    return int(parse_time(text).timestamp() * 1000)
