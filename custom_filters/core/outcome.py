"""What an enforcing run did, from its journal's lines, told on findings and in sum."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from custom_filters.core.report import Changed, Finding, Report
from custom_filters.core.text import visible
from custom_filters.core.times import parse_time
from custom_filters.core.verdict import UNUSED
from custom_filters.core.vocabulary import PROVIDERS

#: When a mark is due, as a journal tells it of an entry.
_UNTIL = re.compile(r"until (.+Z)$")
_WORDS = {"disable": "disabled", "mark": "marked", "unmark": "unmarked", "enable": "restored"}
_PHASES = {"disable": "disabled", "mark": "marked", "unmark": "detected", "enable": "detected"}
_TEXTS = ("operation", "step", "result", "reason", "at", "run_id", "policy", "hash")
_PRINCIPAL = {"provider", "account", "user", "user_id"}
_OPEN = {
    "disable": "switched off by us, outcome not recorded: the next enforcing run ends it, or takes it back"
}
#: So many lines speak of exemptions.
_MOST = 10
_BEGUN = "it was begun and its end is not in the journal: look at the credential"
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
    return found + [
        {**entry, "result": "failed", "reason": _OPEN.get(str(entry["operation"]), _BEGUN)}
        for entry in begun.values()
    ]


def sums(entries: Iterable[Entry]) -> list[Sum]:
    """What was done, in sum: done first with how it is undone, then skipped and failed, by reason."""
    counted: Counter[tuple[int, str, str, str]] = Counter()
    for entry in outcomes(entries):
        operation, result = str(entry["operation"]), entry["result"]
        if result == "done":
            counted[0, _WORDS.get(operation, operation), "", _UNDO.get(operation, "")] += 1
        else:
            # Why one was skipped often ends in dates of its own: `active: access-key: used 19 days ago`.
            why = entry["reason"] if result == "failed" else entry["reason"].partition(": ")[0]
            counted[1 + (result == "failed"), f"{result} {operation}", why, ""] += 1
    return [Sum(what, n, why, undo) for (_, what, why, undo), n in sorted(counted.items())]


def _subject(entry: Entry) -> tuple[Any, ...]:
    who = entry["principal"]
    return (who["provider"], who["account"], who["user_id"], *listed_id(entry))


def listed_id(entry: Entry) -> tuple[str, str]:
    """Kind and id of a line's credential as findings name it; empty texts where it is about the user."""
    credential = entry["credential"]
    return (credential["kind"], entry.get("listed_as") or credential["id"]) if credential else ("", "")


def subject_of(entry: Entry) -> str:
    """Who and what a line is about, for people."""
    who, credential = entry["principal"], entry["credential"] or {}
    return " ".join(filter(None, (who["provider"], who["user"], *credential.values())))


def told(report: Report) -> Iterator[str]:
    """What a run did, a line each: the sums, every refusal and failure, what is open; then the exemptions."""
    for found in sums(report.actions):
        why, undo = f": {found.why}" if found.why else "", f" (undo: {found.undo})" if found.undo else ""
        yield visible(f"{found.what} {found.times}{why}{undo}")
    for entry in outcomes(report.actions):
        if entry["result"] != "done":
            yield visible(f"  {entry['result']} {entry['operation']} {subject_of(entry)}: {entry['reason']}")
    exemptions = report.exemptions()
    yield from (visible(found.sentence) for found in exemptions[:_MOST])
    if len(exemptions) > _MOST:
        yield f"{len(exemptions) - _MOST} more exemptions are listed in the report"


def readable(entry: Entry) -> bool:
    """Whether a line from a file has what readers of our journals need."""
    credential, after = entry.get("credential", 0), entry.get("after", 0)
    ends = (entry.get("undo", 0), entry.get("listed_as"), None if isinstance(after, dict) else after)
    return (
        all(isinstance(entry.get(name), str) for name in _TEXTS)
        and _is_time(entry["at"])
        and _holds(entry.get("principal"), _PRINCIPAL)
        and entry["principal"]["provider"] in PROVIDERS
        and (credential is None or _holds(credential, {"kind", "id"}))
        and (not isinstance(after, dict) or _holds(after, set(after)))
        and all(isinstance(end, (str, type(None))) for end in ends)
    )


def _holds(part: object, names: AbstractSet[str]) -> bool:
    """Whether it is an object with texts under these names, and nothing else."""
    return isinstance(part, dict) and part.keys() == names and all(isinstance(v, str) for v in part.values())


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


def _with_done(by_subject: Mapping[tuple[Any, ...], Entry], finding: Finding) -> Finding:
    who = (finding["provider"], finding["account"], finding["user_id"])
    credential = finding["credential"]
    entry = by_subject.get((*who, credential["kind"], credential["id"]))
    if entry is None and (finding["verdict"] in UNUSED or finding["phase"] == "marked"):
        entry = by_subject.get((*who, "", ""))
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
        "disabled_at": entry["at"] if entry["operation"] == "disable" else None,
    }


def _due(entry: Entry) -> str | None:
    """When a marked credential may be switched off; the earliest where the line names several."""
    after, credential = entry["after"] or {}, entry["credential"]
    end = f" {credential['kind']} {credential['id']}" if credential else ""
    own = [text for key, text in after.items() if key.endswith(end)]
    return min((match[1] for text in own if (match := _UNTIL.search(text))), default=None)


def with_actions(report: Report, entries: Iterable[Entry]) -> Report:
    """The report with the journal's lines, and `done`, `phase` and `next_action` as of the end of the run.

    A line about a whole user (a mark) is about those of its credentials that are unused or were marked.
    """
    lines = tuple(entries)
    if not lines:
        return report
    by_subject = {_subject(entry): entry for entry in outcomes(lines)}
    return replace(report, findings=Changed(report.findings, partial(_with_done, by_subject)), actions=lines)


def off_since(finding: Finding) -> str | None:
    """Since when a credential has been off by us (empty: unknown); None when it is not."""
    if finding["phase"] != "disabled":
        return None
    return finding["disabled_at"] or ""
