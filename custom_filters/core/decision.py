"""What reviewers decided: the file `decisions.json`, and whether each decision still holds.

`{"schema": 1, "report_sha256": ..., "decisions": [{"uid", "basis_sha256", "decision", "reason", "reviewer",
"decided_at", "until"}]}`. A decision is about one credential as the reviewer saw it: `basis_sha256` is over
its uid, creation and last use, so that a decision does not outlive what it rests on. `keep` is an exemption
that ends at `until`, `disable` an approval, `ask-owner` a question that is due at `until`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from custom_filters.core.times import format_optional, in_future, parse_time
from custom_filters.core.verdict import UNUSED

SCHEMA = 1
CHOICES = ("keep", "disable", "ask-owner")
LONGEST = timedelta(days=180)
#: `self`: the reviewer is the user; `future`: decided more than an hour ahead.
State = Literal["in-force", "overdue", "used-since", "changed", "self", "future"]
_TEXTS = ("uid", "basis_sha256", "decision", "reason", "reviewer", "decided_at")
_NAMES = frozenset({*_TEXTS, "until"})
_HEX = re.compile(r"[0-9a-f]{64}")


class DecisionError(ValueError):
    """A file of decisions that cannot be taken; the message names the entry and the remedy."""


@dataclass(frozen=True)
class Decision:
    """One entry. Times are aware UTC; `until` is None only where nothing ends (`disable`)."""

    uid: str
    basis: str
    decision: str
    reason: str
    reviewer: str
    decided_at: datetime
    until: datetime | None

    def ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.until is not None and self.until <= now


@dataclass(frozen=True)
class Decisions:
    """A file: the hash of the report that reviewers saw, and one decision for each uid."""

    report_sha256: str
    by_uid: Mapping[str, Decision]

    def approved(self, finding: Mapping[str, Any], now: datetime) -> Decision | None:
        """The approval to disable that holds for this finding, as it is."""
        return self._of(finding, now, "disable", {"in-force"})

    def kept(self, finding: Mapping[str, Any], now: datetime) -> Decision | None:
        """The decision to keep that holds for this finding; a use since then does not end it."""
        found = self._of(finding, now, "keep", {"in-force", "used-since"})
        return None if found is None or found.ended(now) else found

    def _of(
        self, finding: Mapping[str, Any], now: datetime, choice: str, states: set[State]
    ) -> Decision | None:
        found = self.by_uid.get(finding["uid"])
        holds = found and found.decision == choice and state(found, finding, now) in states
        return found if holds else None


def basis_sha256(finding: Mapping[str, Any]) -> str:
    """SHA-256 over the JSON list of a finding's uid, the credential's creation, and its last use."""
    parts = [finding["uid"], finding["credential"]["created"], finding["last_used"]]
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


def report_sha256(bases: Iterable[str]) -> str:
    """The report's hash: SHA-256 over the `basis_sha256` of all of its findings, sorted, one a line."""
    return hashlib.sha256("".join(f"{basis}\n" for basis in sorted(bases)).encode()).hexdigest()


def parse(text: str | bytes) -> Decisions:
    """Read `decisions.json`. Raises DecisionError on a form that is wrong."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DecisionError(f"decisions are not JSON ({error}); export them from the report again") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise DecisionError(f"decisions are not of schema {SCHEMA}; export them from the report again")
    entries = content.get("decisions")
    if not isinstance(entries, list) or not isinstance(content.get("report_sha256"), str):
        raise DecisionError("decisions need 'report_sha256' and a list 'decisions'")
    by_uid: dict[str, Decision] = {}
    for number, entry in enumerate(entries, 1):
        decision = _entry(f"decision {number}", entry)
        if decision.uid in by_uid:
            raise DecisionError(f"decision {number}: {decision.uid} is decided twice; keep one of them")
        by_uid[decision.uid] = decision
    return Decisions(content["report_sha256"], by_uid)


def _entry(where: str, entry: object) -> Decision:
    if not isinstance(entry, dict) or set(entry) - _NAMES:
        raise DecisionError(f"{where}: it needs {', '.join(_TEXTS)}, until, and nothing else")
    empty = next((n for n in _TEXTS if not isinstance(entry.get(n), str) or not entry[n].strip()), None)
    if empty:
        raise DecisionError(f"{where}: {empty!r} is missing; every decision needs {', '.join(_TEXTS)}")
    if entry["decision"] not in CHOICES or not _HEX.fullmatch(entry["basis_sha256"]):
        raise DecisionError(f"{where}: 'decision' must be one of {', '.join(CHOICES)}, 'basis_sha256' a hash")
    try:
        decided_at = parse_time(entry["decided_at"])
        until = parse_time(entry["until"]) if entry.get("until") else None
    except (TypeError, ValueError) as error:
        raise DecisionError(f"{where}: {error}") from error
    if until is None and entry["decision"] != "disable":
        raise DecisionError(f"{where}: 'until' is missing; {entry['decision']} needs a date at which it ends")
    if until and not decided_at < until <= decided_at + LONGEST:
        raise DecisionError(f"{where}: 'until' must lie within {LONGEST.days} days after 'decided_at'")
    texts = (entry["uid"], entry["basis_sha256"], entry["decision"], entry["reason"], entry["reviewer"])
    return Decision(*texts, decided_at, until)


def state(decision: Decision, finding: Mapping[str, Any], now: datetime) -> State:
    """Whether a decision holds for the finding as it is now; `used-since` wins over `changed`."""
    if same_person(decision.reviewer, (finding["user"], finding["user_id"])):
        return "self"
    if in_future(decision.decided_at, now):
        return "future"
    if basis_sha256(finding) != decision.basis:
        used = finding["last_used"]
        return "used-since" if used and parse_time(used) > decision.decided_at else "changed"
    return "overdue" if decision.ended(now) else "in-force"


_SENTENCES = {
    "self": "{reviewer} decided about their own credential; somebody else has to",
    "future": "'decided_at' lies in the future",
    "used-since": "it was used since it was decided ({last_used}); decide again",
    "changed": "its creation or last use is not what the reviewer saw; decide again",
    "overdue": "the decision ended at {until}; decide again",
    "unknown": "the report knows no such credential; it is gone, or the decisions are of another report",
}


def problems(
    decisions: Decisions, findings: Iterable[Mapping[str, Any]], now: datetime
) -> dict[str, tuple[str, str]]:
    """By uid: (`unknown`, or a State that is not in force; a sentence). Empty when all decisions hold."""
    left, found = dict(decisions.by_uid), {}
    for finding in findings:
        decision = left.pop(finding["uid"], None)
        if decision and (what := state(decision, finding, now)) != "in-force":
            until = format_optional(decision.until)
            words = {"reviewer": decision.reviewer, "last_used": finding["last_used"], "until": until}
            found[decision.uid] = (what, f"{_name(finding)}: {_SENTENCES[what].format(**words)}")
    return found | {uid: ("unknown", f"{uid}: {_SENTENCES['unknown']}") for uid in left}


def same_person(reviewer: str, names: Iterable[str]) -> bool:
    """Whether a reviewer is one of these names, without case; `ann` and `ann@example.com` count as one."""
    mine = reviewer.strip().casefold()
    for name in filter(None, (n.strip().casefold() for n in names)):
        both = "@" in mine and "@" in name
        if mine == name or (not both and mine.partition("@")[0] == name.partition("@")[0]):
            return True
    return False


def _name(finding: Mapping[str, Any]) -> str:
    credential = finding["credential"]
    who = (finding["provider"], finding["account"], finding["user"])
    return " ".join((*who, credential["kind"], credential["id"]))


@dataclass
class Review:
    """How far a review is, counted over the findings that are unused or decided."""

    decided: int = 0
    of: int = 0
    overdue: int = 0
    used_since: int = 0
    still_on: int = 0

    def add(self, finding: Mapping[str, Any]) -> None:
        """Count a finding that carries its `decision`."""
        said = finding["decision"]
        self.of += finding["counts_as"] in UNUSED or said is not None
        if said is None:
            return
        self.decided += said["state"] == "in-force"
        self.overdue += said["state"] == "overdue"
        if said["decision"] == "disable":
            self.used_since += said["state"] == "used-since"
            on = finding["credential"]["status"] == "on" and finding["phase"] != "disabled"
            self.still_on += said["state"] == "in-force" and on

    def sentence(self) -> str:
        """`decided 41 of 47, overdue 6, approved and used since 1, approved and still on 0`."""
        return (
            f"decided {self.decided} of {self.of}, overdue {self.overdue}, approved and used since "
            f"{self.used_since}, approved and still on {self.still_on}"
        )


def told(decision: Decision, finding: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The field `decision` of a reported finding."""
    said = {name: getattr(decision, name) for name in ("decision", "reason", "reviewer")}
    times = {name: format_optional(getattr(decision, name)) for name in ("decided_at", "until")}
    return {**said, **times, "state": state(decision, finding, now)}
