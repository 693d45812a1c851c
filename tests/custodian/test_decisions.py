from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from custom_filters.core.credential import Identity
from custom_filters.core.decision import basis_sha256
from custom_filters.core.finding import Context, LifecycleState, annotation, findings_of
from custom_filters.core.judge import judge_identity
from custom_filters.core.times import format_time
from custom_filters.custodian.decisions import approved, carried_over, with_kept
from custom_filters.custodian.request import Request
from tests.core.people import NOW, ago, credential, identity, used


class Session:
    """What the policies of a run share."""


def key(days: float, name: str = "access_key_1", created: float = 400) -> Any:
    return replace(credential(used(days), kind="access-key"), id=name, created=ago(created))


LISTED = identity(key(200), key(100, "access_key_2", 300))
FRESH = identity(key(200, "AKIA1"), key(100, "AKIA2", 300))
SLOTS = frozenset({"access-key"})


def request(tmp_path: Path, choice: str, of: Identity = LISTED, **more: Any) -> Request:
    """A policy whose decisions speak of the first credential."""
    bare = Request(SimpleNamespace(session_factory=Session), "aws", ())
    judged = judge_identity(of, bare.rules, NOW)
    context = Context("", (), bare.rules, NOW)
    finding = findings_of(annotation(judged, judged.credentials, LifecycleState(), context))[0]
    entry = {
        "uid": finding["uid"], "basis_sha256": basis_sha256(finding), "decision": choice,
        "reason": "seasonal", "reviewer": "ciso@example.com", "decided_at": format_time(ago(1)),
        "until": format_time(ago(-30)), **more,
    }  # fmt: skip
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps({"schema": 1, "report_sha256": "0", "decisions": [entry]}))
    return replace(bare, filter={"decisions": str(path)})


def verdicts(of: Identity, by: Request) -> list[str]:
    judged = judge_identity(of, by.rules, NOW)
    return [judged.verdict, *(j.verdict for j in judged.credentials)]


def test_what_is_kept_is_exempt_and_stays_so_when_it_is_read_again(tmp_path: Path) -> None:
    by = request(tmp_path, "keep")
    kept = with_kept(by, LISTED, NOW)
    assert verdicts(kept, by) == ["stale", "exempt", "stale"]
    again = carried_over(kept, FRESH, SLOTS)
    assert verdicts(again, by) == ["stale", "exempt", "stale"]
    assert [c.listed_as for c in again.credentials] == ["access_key_1", "access_key_2"]


def test_somebody_of_whom_all_is_kept_is_exempt_until_it_ends(tmp_path: Path) -> None:
    alone = identity(key(200))
    by = request(tmp_path, "keep", alone)
    kept = with_kept(by, alone, NOW)
    assert verdicts(kept, by) == ["exempt", "exempt"]
    judged = judge_identity(kept, by.rules, ago(-31))
    assert (judged.verdict, judged.credentials[0].verdict) == ("stale", "stale")


APPROVALS = {
    "as it was": (FRESH, {}, ["AKIA1"]),
    "used since": (identity(key(0.5, "AKIA1"), key(100, "AKIA2", 300)), {}, []),
    "made anew": (identity(key(200, "AKIA1", 2)), {}, []),
    "two of one date": (identity(key(200, "AKIA1"), key(100, "AKIA2", 400)), {}, []),
    "another basis": (FRESH, {"basis_sha256": "0" * 64}, []),
    "about oneself": (FRESH, {"reviewer": "amelia@example.com"}, []),
    "to keep": (FRESH, {"decision": "keep"}, []),
}


@pytest.mark.parametrize(("fresh", "more", "expected"), APPROVALS.values(), ids=APPROVALS)
def test_approved(tmp_path: Path, fresh: Identity, more: dict[str, Any], expected: list[str]) -> None:
    by = request(tmp_path, "disable", **more)
    assert sorted(item.id for item in approved(by, LISTED, fresh, SLOTS, NOW)) == expected
