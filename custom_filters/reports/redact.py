"""Reports for eyes that may see how many, but not who."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from custom_filters.core.report import Evaluation, Finding, Findings, Report

_LEFT_OUT = "(left out)"


@dataclass(frozen=True)
class _Redacted:
    findings: Findings
    key: bytes

    def __iter__(self) -> Iterator[Finding]:
        return (redact_finding(finding, self.key) for finding in self.findings)

    def __len__(self) -> int:
        return len(self.findings)


def redact(report: Report, key: bytes) -> Report:
    """The report with users, owners, approvers and credential ids as keyed hashes (HMAC-SHA-256).

    Equal names have equal hashes under one key. What else could name somebody (the reason of an exemption,
    the error of a policy) is left out.
    """
    return replace(
        report,
        findings=_Redacted(report.findings, key),
        resolved=_Redacted(report.resolved, key),
        evaluations=tuple(_evaluation(e) for e in report.evaluations),
    )


def redact_finding(finding: Finding, key: bytes) -> Finding:
    """One finding, redacted; texts that quote a name quote its hash."""
    credential, exemption = finding["credential"], finding["exemption"]
    names = [finding["user"], finding["user_id"], finding["owner"]]
    if credential["id"] != credential["kind"]:
        names.append(credential["id"])
    if exemption:
        names.append(exemption["approved_by"])
    hashes = {name: _hash(name, key) for name in names if name}
    quoted = sorted(hashes.items(), key=lambda item: -len(item[0]))

    def text(value: Any) -> Any:
        for name, hashed in quoted if isinstance(value, str) else ():
            value = value.replace(name, hashed)
        return value

    return {
        **finding,
        "user": hashes[finding["user"]] if finding["user"] else "",
        "user_id": hashes[finding["user_id"]] if finding["user_id"] else "",
        "owner": hashes.get(finding["owner"]),
        "credential": {**credential, "id": hashes.get(credential["id"], credential["id"])},
        "reason": text(finding["reason"]),
        "evidence": [{**e, "value": text(e["value"])} for e in finding["evidence"]],
        "exemption": exemption and _exemption(exemption, hashes),
        "uid": hmac.new(key, finding["uid"].encode(), hashlib.sha256).hexdigest()[:32],
    }


def _exemption(exemption: dict[str, Any], hashes: dict[str, str]) -> dict[str, Any]:
    approver = hashes.get(exemption["approved_by"])
    return {**exemption, "reason": _LEFT_OUT, "approved_by": approver}


def _hash(name: str, key: bytes) -> str:
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16]


def _evaluation(evaluation: Evaluation) -> Evaluation:
    if not evaluation.problem:
        return evaluation
    kind, _, rest = evaluation.problem.partition(": ")
    return replace(evaluation, problem=f"{kind}: {_LEFT_OUT}" if rest else kind)
