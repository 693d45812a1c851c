"""What an enforcing run did, from its journal's lines, told on findings and in sum."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from custom_filters.core.report import Changed, Finding, Report
from custom_filters.core.verdict import UNUSED

#: When a mark is due, as a journal tells it of an entry.
_UNTIL = re.compile(r"until (.+Z)$")
_WORDS = {"disable": "disabled", "mark": "marked", "unmark": "unmarked", "enable": "restored"}
_PHASES = {"disable": "disabled", "mark": "marked", "unmark": "detected", "enable": "detected"}
_OPEN = "it was begun and its end is not in the journal: look at the credential"
_UNDO = {
    "disable": "c7n-unused restore OUT --user USER",
    "mark": "policy action unmark-unused",
    "unmark": "policy action mark-for-op",
}

Entry = Mapping[str, Any]


class Sum(NamedTuple):
    """So many times the same: `what` is disabled, marked, unmarked, restored, `skipped ...`, `failed ...`."""

    what: str
    times: int
    why: str
    undo: str


def outcomes(entries: Iterable[Entry]) -> list[Entry]:
    """The journal's outcomes in order; an intent that no outcome follows counts as failed, at its end."""
    found: list[Entry] = []
    begun: dict[tuple[Any, ...], Entry] = {}
    for entry in entries:
        key = (entry["operation"], *_subject(entry))
        if entry.get("step") == "intent":
            begun[key] = entry
        else:
            begun.pop(key, None)
            found.append(entry)
    return found + [{**entry, "result": "failed", "reason": _OPEN} for entry in begun.values()]


def sums(entries: Iterable[Entry]) -> list[Sum]:
    """What was done, in sum: done first with how it is undone, then skipped and failed, by reason."""
    counted: Counter[tuple[int, str, str, str]] = Counter()
    for entry in outcomes(entries):
        operation, result = str(entry["operation"]), entry["result"]
        if result == "done":
            counted[0, _WORDS.get(operation, operation), "", _UNDO.get(operation, "")] += 1
        else:
            counted[1 + (result == "failed"), f"{result} {operation}", entry["reason"], ""] += 1
    return [Sum(what, n, why, undo) for (_, what, why, undo), n in sorted(counted.items())]


def _subject(entry: Entry) -> tuple[Any, ...]:
    who, credential = entry["principal"], entry["credential"] or {}
    names = (who["provider"], who["account"], who["user_id"])
    return (*names, credential.get("kind"), credential.get("id"))


def _with_done(by_subject: Mapping[tuple[Any, ...], Entry], finding: Finding) -> Finding:
    who = (finding["provider"], finding["account"], finding["user_id"])
    credential = finding["credential"]
    entry = by_subject.get((*who, credential["kind"], credential["id"]))
    if entry is None and (finding["verdict"] in UNUSED or finding["phase"] == "marked"):
        entry = by_subject.get((*who, None, None))
    if entry is None:
        return finding
    told = {name: entry[name] for name in ("operation", "result", "reason", "undo", "at")}
    return {**finding, **_stage(entry), "done": told}


def _stage(entry: Entry) -> dict[str, Any]:
    """Where the credential stands at the end of the run."""
    if entry["result"] != "done" or entry["operation"] not in _PHASES:
        return {}
    due = _due(entry) if entry["operation"] == "mark" else None
    return {
        "phase": _PHASES[entry["operation"]],
        "next_action": "disable-unused" if due else None,
        "next_action_at": due,
    }


def _due(entry: Entry) -> str | None:
    """When a marked credential may be switched off; the earliest where the line speaks of several."""
    after, (_, _, _, kind, name) = entry["after"] or {}, _subject(entry)
    own = [text for key, text in after.items() if kind is None or key.endswith(f" {kind} {name}")]
    return min((match[1] for text in own if (match := _UNTIL.search(text))), default=None)


def with_actions(report: Report, entries: Iterable[Entry]) -> Report:
    """The report with the journal's lines, and `done`, `phase` and `next_action` as of the end of the run.

    What was said of a user as a whole (a mark) speaks of the credentials that are unused or were marked.
    """
    lines = tuple(entries)
    by_subject = {_subject(entry): entry for entry in outcomes(lines)}
    return replace(report, findings=Changed(report.findings, partial(_with_done, by_subject)), actions=lines)


def off_since(finding: Finding) -> str | None:
    """Since when a credential is off by us (empty: since an earlier run); None when it is not."""
    if finding["phase"] != "disabled":
        return None
    done = finding["done"]
    return done["at"] if done and (done["operation"], done["result"]) == ("disable", "done") else ""
