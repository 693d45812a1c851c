"""Custodian output as our policies write it, made by core's own functions."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, Used
from custom_filters.core.exemption import Exemption
from custom_filters.core.finding import Context, LifecycleState, annotation
from custom_filters.core.judge import Rules, judge_identity
from custom_filters.core.population import FILE_NAME, Population, first_line, line_of, row
from custom_filters.core.report import Evaluation, Finding, Report
from custom_filters.core.times import format_time
from custom_filters.core.vocabulary import ANNOTATION
from custom_filters.outputs.merge import merge
from custom_filters.outputs.validate_findings import checked_findings

NOW = datetime(2026, 11, 23, 6, tzinfo=timezone.utc)
POLICY = "aws-iam-user-unused"
CONTROLS = ("CIS AWS Foundations 5.0: 1.11", "NIST SP 800-53 rev. 5: AC-2(3)")


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def credential(
    used: float | str | None = None, kind: str = "access-key", id: str = "AKIAEXAMPLE1", created: float = 700
) -> Credential:
    """Used `used` days ago; None: never; a text: unknown, and why."""
    evidence: Evidence
    if isinstance(used, str):
        evidence = Unknown(used, "credential-report", observed_at=days_ago(0.1))
    elif used is None:
        evidence = NeverUsed(days_ago(created), "credential-report", observed_at=days_ago(0.1), value="N/A")
    else:
        evidence = Used(days_ago(used), "credential-report", observed_at=days_ago(0.1))
    return Credential(kind, id, "on", days_ago(created), (evidence,))


def user(name: str, *credentials: Credential, **fields: Any) -> Identity:
    usual = {"provider": "aws", "account": "111111111111", "user_type": "human", "privileged": False}
    return Identity(name=name, id=f"AIDA{name.upper()}", credentials=credentials, **usual | fields)


def exempt(name: str, *credentials: Credential, days: float = 10, **fields: Any) -> Identity:
    entry = Exemption("aws", "*", name, "break-glass, see ADR 12", "ciso@example.com", days_ago(-days))
    return replace(user(name, *credentials, **fields), exemption=entry)


DETECTED = LifecycleState()
MARKED = LifecycleState("marked", "disable-unused", NOW + timedelta(days=9))


def value(
    identity: Identity, progress: LifecycleState = DETECTED, policy: str = POLICY, days: int = 90
) -> dict[str, Any]:
    """A `c7n:unused` annotation that reports every credential."""
    rules = Rules(days)
    judged = judge_identity(identity, rules, NOW)
    return annotation(judged, judged.credentials, progress, Context(policy, CONTROLS, rules, NOW))


def findings(*values: dict[str, Any]) -> list[Finding]:
    return list(merge(("111111111111", f) for item in values for f in checked_findings(item)))


def evaluation(policy: str = POLICY, account: str = "111111111111", **fields: Any) -> Evaluation:
    fields = {"region": "us-east-1", "folder": f"out/{policy}", "evaluated": True, "started": NOW} | fields
    return Evaluation(fields.pop("provider", "aws"), account, policy=policy, **fields)


def report(*values: dict[str, Any], evaluations: Iterable[Evaluation] = ()) -> Report:
    rows = findings(*values)
    return Report(rows, tuple(evaluations) or (evaluation(resources=len(values), findings=len(rows)),), NOW)


@dataclass(frozen=True)
class Output:
    """One policy's output, as Custodian writes it."""

    values: Sequence[dict[str, Any]] = ()
    policy: str = POLICY
    resource: str = "aws.iam-user"
    account: str = "111111111111"
    start: datetime = NOW
    metrics: dict[str, Any] | None = None
    execution: str = "8b1c5dd2-0001"
    people: Sequence[Identity] | None = None

    def resources(self) -> list[dict[str, Any]]:
        return [{"UserName": item["user"], ANNOTATION: item} for item in self.values]

    def metadata(self) -> dict[str, Any]:
        usual = {"ResourceCount": len(self.values), "ResourceTime": 0.2}
        metrics = usual if self.metrics is None else self.metrics
        filters = [{"type": "unused-credentials", "days": 90}]
        start = self.start.timestamp()
        return {
            "policy": {"name": self.policy, "resource": self.resource, "filters": filters},
            "version": "0.9.53",
            "execution": {"id": self.execution, "start": start, "end_time": start + 1, "duration": 1.0},
            "config": {"account_id": self.account, "region": "us-east-1", "dryrun": True},
            "metrics": [{"MetricName": n, "Value": v, "Unit": "Count"} for n, v in metrics.items()],
        }

    def write(self, folder: Path, *, packed: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        self._file(folder / "metadata.json", self.metadata(), packed)
        self._file(folder / "resources.json", self.resources(), packed)
        if self.people is not None:
            rows = tuple(row(judge_identity(p, Rules(90), NOW), format_time(NOW)) for p in self.people)
            told = Population("aws", self.account, self.policy, format_time(NOW), 0, rows)
            (folder / FILE_NAME).write_text("".join([first_line(told, len(rows)), *map(line_of, rows)]))
        return folder

    def _file(self, path: Path, content: Any, packed: bool) -> None:
        data = json.dumps(content, indent=2).encode()
        at = self.start.timestamp() + 1
        if packed:
            path, data = path.with_name(f"{path.name}.gz"), gzip.compress(data, mtime=at)
        path.write_bytes(data)
        os.utime(path, (at, at))
