"""One row for each credential, though several policies may have judged it.

The row is one of the findings, whole; only `controls` are joined, and `policies` lists what each one said. A
finding of disuse is set aside when another policy saw a use that is too recent for it. Of the rest the
gravest is taken, then the one furthest on its way (marked before detected), then the one with most evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from custom_filters.core.report import VERDICT_ORDER, Finding, reported
from custom_filters.core.times import parse_time
from custom_filters.core.verdict import UNUSED

_PHASES = ("detected", "disabled", "marked")
_SAID = ("policy", "verdict", "threshold_days", "exceeds")


def merge(judged: Iterable[tuple[str, Finding]]) -> Iterator[Finding]:
    """(scope, finding) in any order -> one row for each `uid`, in the order in which they first came.

    The scope is the account, subscription or project that the policy ran on.
    """
    by_uid: dict[str, list[Finding]] = {}
    for scope, finding in judged:
        said = {name: finding[name] for name in _SAID}
        by_uid.setdefault(finding["uid"], []).append({**finding, "policies": [{**said, "scope": scope}]})
    return (reported(_row(group)) for group in by_uid.values())


def _row(group: list[Finding]) -> Finding:
    if len(group) == 1:
        return group[0]
    standing = [f for f in group if not _refuted(f, group)]
    chosen = min(standing or group, key=_weight)
    ordered = sorted(group, key=lambda f: (f is not chosen, f["policy"]))
    controls = dict.fromkeys(control for finding in ordered for control in finding["controls"])
    return {
        **chosen,
        "controls": list(controls),
        "policies": [said for f in ordered for said in f["policies"]],
    }


def _refuted(finding: Finding, group: list[Finding]) -> bool:
    if finding["verdict"] not in UNUSED:
        return False
    limit = parse_time(finding["as_of"]) - timedelta(days=finding["threshold_days"])
    return any(f["last_used"] and parse_time(f["last_used"]) > limit for f in group)


def _weight(finding: Finding) -> tuple[int, int, int, str]:
    return (
        VERDICT_ORDER.index(finding["verdict"]),
        -_PHASES.index(finding["phase"]),
        -len(finding["evidence"]),
        finding["policy"],
    )
