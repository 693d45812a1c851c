"""The journal: an intent line before each change, an outcome line after it, chained by hashes.

One JSON object a line. Each holds the SHA-256 of the line before it, so that no line can be changed, dropped
or moved unnoticed. The chain is not a signature: anybody who can write the file can rewrite all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from custom_filters.core.evidence import evidence_as_dict
from custom_filters.core.lifecycle_states import Decision, item_of
from custom_filters.core.notes import Item, Notes
from custom_filters.core.times import format_time

FILE_NAME = "c7n-unused-actions.jsonl"
#: `previous` of a file's first line.
GENESIS = "0" * 64

_UNDO = "c7n-unused restore"

Step = Literal["intent", "outcome"]
Line = dict[str, Any]


@dataclass(frozen=True)
class Origin:
    """Who acts: the run's id, the caller in the cloud's words, the policy, and the event that started it."""

    run_id: str
    caller: str
    policy: str
    event_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of switching: errors and ways to undo by credential, and whether sessions were ended."""

    failed: Mapping[Item, str] = field(default_factory=dict)
    undo: Mapping[Item, str] = field(default_factory=dict)
    sessions: Literal["ended", "failed"] | None = None
    error: str | None = None


def contents(decision: Decision, outcome: Outcome | None = None) -> Iterator[Line]:
    """What to journal of a decision: with `outcome` None the intent, which only a change has.

    A line for each credential that is acted on or left alone, or one for the identity when there is none.
    """
    doing = decision.result == "do"
    if outcome is None and not doing:
        return
    told = outcome or Outcome()
    for settled in decision.settled if not told.error else ():
        why = "switched off by a run that was stopped; its record is complete now"
        more = {"step": "outcome" if outcome else "intent", "result": "done" if outcome else "intended"}
        told_as = replace(decision, operation="disable")
        yield _content(told_as, settled, {**more, "reason": why, "undo": _UNDO})
    whole = (None,) if (doing or not decision.left) and not decision.settled else ()
    for item in decision.items or whole:
        result = decision.result if not doing else "intended" if outcome is None else "done"
        failure = told.error or (told.failed.get(item) if item else None)
        yield _content(decision, item, {
            "step": "outcome" if outcome else "intent",
            "result": "failed" if failure else result,
            "reason": failure or (decision.reasons.get(item) if item else None) or decision.reason,
            "undo": told.undo.get(item) if item else None,
            "sessions": told.sessions,
        })  # fmt: skip
    for item, why in decision.left.items() if outcome else ():
        yield _content(decision, item, {"step": "outcome", "result": "skipped", "reason": why})


def _content(decision: Decision, item: Item | None, more: Mapping[str, Any]) -> Line:
    identity, notes = decision.facts.identity, decision.facts.notes
    held = next((c for c in identity.credentials if item and item_of(c) == item), None)
    switching = {"disable": ("on", "off"), "enable": ("off", "on")}.get(decision.operation)
    changing = more["result"] in {"intended", "done"}
    before, after = switching or (_texts(notes), _texts(decision.notes, planned=True))
    return {
        "operation": decision.operation,
        "principal": {
            "provider": identity.provider,
            "account": identity.account,
            "user": identity.name,
            "user_id": identity.id,
        },
        "credential": asdict(item) if item else None,
        "listed_as": held.listed_as if held else None,
        "before": before if changing else None,
        "after": after if changing else None,
        "evidence": [evidence_as_dict(e) for e in held.evidence] if held else [],
        "undo": None,
        "sessions": None,
        **more,
    }


def _texts(notes: Notes | None, *, planned: bool = False) -> dict[str, Any] | None:
    """The notes as the cloud held them, word for word; or the entries that were planned."""
    if notes is None:
        return None
    if not planned:
        return dict(notes.texts)
    return {f"{e.tag} {e.kind} {e.id}": f"until {format_time(e.until)}" for e in notes.live()}


def line(content: Mapping[str, Any], origin: Origin, at: datetime, previous: str) -> Line:
    """The whole line, with `previous` (the hash of the line before) and its own `hash`."""
    whole = {"at": format_time(at), **asdict(origin), **content, "previous": previous}
    return {**whole, "hash": digest(whole)}


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 over a line's content without its own `hash`, as sorted compact JSON."""
    body = {key: value for key, value in content.items() if key != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_lines(texts: Iterable[str]) -> list[Line]:
    """The complete lines; `verify` reports one that a killed run cut short."""
    return [found for text in texts if (found := _parsed(text)) is not None]


def verify(texts: Iterable[str]) -> list[str]:
    """What is wrong with a journal, a sentence each, line by line; empty when the chain holds."""
    problems = []
    previous, lines = GENESIS, list(texts)
    for number, text in enumerate(lines, 1):
        found = _parsed(text)
        if found is None:
            last = number == len(lines)
            why = (
                "was cut short: the run was stopped while writing it"
                if last
                else "is not a complete JSON line"
            )
            problems.append(f"line {number} {why}")
            continue
        if found.get("previous") != previous:
            problems.append(f"line {number} does not follow the line before it: a line was dropped or moved")
        if not _is_whole(found):
            problems.append(f"line {number} was changed after it was written")
        previous = str(found.get("hash"))
    return problems


def _is_whole(found: Line) -> bool:
    try:
        return found.get("hash") == digest(found)
    except RecursionError:  # nested deeper than any line of ours
        return False


def last_hash(texts: Iterable[str]) -> str:
    """The hash on which the next line builds; a line that was cut short is passed over."""
    return next((str(found["hash"]) for found in reversed(read_lines(texts)) if "hash" in found), GENESIS)


def _parsed(text: str) -> Line | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def was_delivered(lines: Iterable[Mapping[str, Any]], event_id: str | None) -> bool:
    """Whether a run of the same event was journalled before: a delivery that is repeated is not acted on."""
    return event_id is not None and any(found.get("event_id") == event_id for found in lines)


@dataclass(frozen=True)
class Off:
    """A credential that we switched off, going by journals; not `recorded`: its outcome is unknown."""

    provider: str
    account: str
    user: str
    user_id: str
    item: Item
    at: str
    run_id: str
    undo: str | None
    recorded: bool


def switched_off(lines: Iterable[Mapping[str, Any]]) -> list[Off]:
    """What is off by us, oldest first: disabled, or begun without an outcome, and not restored or retired.

    `lines` come from any number of journals. What a restore needs is all in here.
    """
    found: dict[tuple[str, ...], Off] = {}
    for entry in sorted(lines, key=lambda e: (str(e["at"]), e["step"] == "outcome")):
        if not entry["credential"]:
            continue
        who, item = entry["principal"], Item(**entry["credential"])
        key = (who["provider"], who["account"], who["user_id"], item.kind, item.id)
        if entry["operation"] != "disable":
            # A mark is given to, or taken off, what is on: it ends only what was begun.
            ends = entry["operation"] in {"enable", "retire"} or (key in found and not found[key].recorded)
            if ends and (entry["step"], entry["result"]) == ("outcome", "done"):
                found.pop(key, None)
        elif entry["result"] in {"intended", "done"}:
            done = entry["result"] == "done"
            if not (key in found and found[key].recorded and not done):
                found[key] = Off(**who, item=item, at=entry["at"], run_id=entry["run_id"], undo=entry["undo"],
                                 recorded=done)  # fmt: skip
        elif entry["result"] == "failed" and key in found and not found[key].recorded:
            del found[key]
    return sorted(found.values(), key=lambda off: off.at)


def left_open(lines: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Intents to switch off whose run ended before the outcome, unless a later run settled them."""
    found = list(lines)
    mine = {(off.run_id, off.at, off.user_id, off.item) for off in switched_off(found) if not off.recorded}
    return [
        entry
        for entry in found
        if (entry["operation"], entry["step"]) == ("disable", "intent")
        and (entry["run_id"], entry["at"], entry["principal"]["user_id"], Item(**entry["credential"])) in mine
    ]


def open_intents(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """A sentence for each of `left_open`."""
    return [
        f"{e['principal']['user']}: {e['credential']['kind']} {e['credential']['id']} was switched off by us "
        f"at {e['at']}, outcome not recorded"
        for e in left_open(lines)
    ]
