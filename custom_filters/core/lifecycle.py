"""The lifecycle of credentials: every decision to mark, unmark, disable, retire and restore, for all clouds.

Pure: what was read, and how, is passed in as Facts; a Decision says what to switch, which notes to keep and
why. The rules one by one, in words and executed: tests/lifecycle_table.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from custom_filters.core.credential import Identity
from custom_filters.core.judge import Judgement, judge_identity
from custom_filters.core.lifecycle_states import (
    LAG,
    Decision,
    Facts,
    Operation,
    Terms,
    entry_state,
    item_of,
    unused,
)
from custom_filters.core.notes import Entry, Item, Notes, ceil_minute, floor_minute
from custom_filters.core.times import format_time
from custom_filters.core.verdict import UNUSED, Verdict

#: Verdicts at which a mark is taken off; `unknown` keeps it, and blocks disabling.
RELEASED: frozenset[Verdict] = frozenset({"active", "new", "exempt", "no-credentials"})
#: So few changes never stop an action, whatever their share.
FEW = 10
#: Whether the notes are written before anything is switched, where a cloud cannot do both in one write.
WRITE_FIRST: Mapping[Operation, bool] = {"disable": True, "enable": False}


def _is_on(identity: Identity, item: Item) -> bool:
    return any(item_of(c) == item and c.status == "on" for c in identity.credentials)


def objection(facts: Facts, terms: Terms, now: datetime) -> str | None:
    """Why this identity is neither marked nor disabled."""
    exemption = facts.identity.exemption
    if facts.untouchable:
        return facts.untouchable
    if facts.gone:
        return "it is gone"
    if exemption and not exemption.expired(now):
        return f"exempt: {exemption.reason}"
    return facts.protected if not terms.include_admins else None


def decide_mark(facts: Facts, terms: Terms, now: datetime) -> Decision:
    """Give notice to selected credentials that have none that counts; renew what is void, repair the rest."""
    (notes, settled), reason = _settled(facts), objection(facts, terms, now)
    if facts.gone:
        return Decision("mark", "skipped", facts, reason or "it is gone")
    if notes is None:
        return Decision("mark", "failed", facts, "there is no place for notes")
    if reason:
        emptied = _unmark(facts, terms, notes.open(terms.tag), reason)
        return emptied if emptied.result == "do" else replace(emptied, operation="mark")
    if terms.tag in notes.foreign or facts.recent.state == "failed":
        why = notes.foreign.get(terms.tag) or f"the last hours could not be checked: {facts.recent.reason}"
        return Decision("mark", "skipped", facts, why)
    judged = judge_identity(facts.identity, terms.rules, now)
    idle = {item_of(j.credential): j for j in unused(judged, terms)}
    stands = _standing(facts, notes, terms, now)
    off = {e.item: e for e in notes.off() if not e.begun}
    new = [item for item in idle if item not in {e.item for e in stands} and item not in off]
    left = {i: _reads_as_on(off[i]) for i in idle if i in off}
    if not (new or settled or notes.problems):
        return Decision("mark", "skipped", facts, f"{judged.verdict}: {judged.reason}", left=left)
    begins, until = floor_minute(now), ceil_minute(now + terms.notice)
    others = [e for e in notes.record.entries if e not in notes.open(terms.tag)]
    fresh = [Entry(terms.tag, begins, until, item.kind, item.id) for item in new]
    wanted = notes.changed([*others, *stands, *fresh], **{terms.tag: terms.message} if new else {})
    reasons = {item: _sentence(idle[item]) for item in new}
    reason = f"{judged.verdict}: {judged.reason}"
    return Decision("mark", "do", facts, reason, tuple(new), wanted, reasons, left, _problems(notes), settled)


def _standing(facts: Facts, notes: Notes, terms: Terms, now: datetime) -> list[Entry]:
    """Open entries under the tag that are not void."""
    by_item = {item_of(c): c for c in facts.identity.credentials if c.status == "on"}
    found = notes.open(terms.tag)
    return [e for e in found if entry_state(e, by_item.get(e.item), facts, terms, now) != "void"]


def _settled(facts: Facts) -> tuple[Notes | None, tuple[Item, ...]]:
    """The notes with what a stopped run had switched off, as a fresh read shows, taken for done; and what."""
    notes = facts.notes
    if notes is None or not facts.fresh or facts.identity.incomplete:
        return notes, ()
    done = [e for e in notes.off() if e.begun and not _is_on(facts.identity, e.item)]
    entries = (replace(e, begun=False) if e in done else e for e in notes.record.entries)
    return (notes.changed(entries) if done else notes), tuple(e.item for e in done)


def _unmark(facts: Facts, terms: Terms, drop: Iterable[Entry], reason: str) -> Decision:
    """Take entries off, and what cannot be right."""
    (notes, settled), gone = _settled(facts), tuple(drop)
    if notes is None or facts.gone or facts.locked or not (gone or settled or notes.problems):
        return Decision("unmark", "skipped", facts, reason)
    wanted = notes.changed(e for e in notes.record.entries if e not in gone)
    items = tuple(e.item for e in gone)
    problems = _problems(notes)
    return Decision("unmark", "do", facts, reason, items, wanted, problems=problems, settled=settled)


def decide_unmark(facts: Facts, terms: Terms, now: datetime) -> Decision:
    """Take the notice off what is in use again (unknown keeps it), and repair what cannot be right."""
    (notes, _), reason = _settled(facts), objection(facts, terms, now)
    if notes is None:
        return Decision("unmark", "skipped", facts, "there is no place for notes")
    if reason:
        return _unmark(facts, terms, notes.open(terms.tag), reason)
    judged = judge_identity(facts.identity, terms.rules, now)
    kept: set[Item] = set()
    if judged.verdict not in RELEASED or terms.match == "credential":
        kept = {item_of(j.credential) for j in judged.credentials if j.verdict in (*UNUSED, "unknown")}
    drop = [e for e in notes.open(terms.tag) if e.item not in kept]
    return _unmark(facts, terms, drop, f"{judged.verdict}: {judged.reason}")


def decide_disable(facts: Facts, terms: Terms, now: datetime) -> Decision:
    """Switch off credentials whose own fresh verdict is unused and whose own notice ran out, as told."""
    (notes, settled), reason = _settled(facts), objection(facts, terms, now)
    if facts.gone:
        return Decision("disable", "skipped", facts, reason or "it is gone")
    if notes is None or notes.problems:
        why = "; ".join(p.sentence for p in notes.problems) if notes else "there is no place for notes"
        return Decision("disable", "failed", facts, f"{why}: not disabled")
    reason = reason or _not_sure(facts, terms)
    if reason:
        return Decision("disable", "skipped", facts, reason)
    judged = judge_identity(facts.identity, terms.rules, now)
    if judged.verdict in RELEASED and terms.match == "user":
        return decide_unmark(facts, terms, now)
    idle = {item_of(j.credential): j for j in unused(judged, terms)}
    live = {e.item: e for e in notes.open(terms.tag)}
    left = {i: w for i, j in idle.items() if (w := _not_now(j, live.get(i), facts, terms, now))}
    chosen = sorted(
        (i for i in idle if i not in left), key=lambda i: (i in facts.final, i.kind == "password", i)
    )
    if not chosen:
        return Decision("disable", "skipped", facts, f"{judged.verdict}: {judged.reason}", left=left)
    at = ceil_minute(now)
    wanted = notes.changed(
        replace(e, disabled_at=at, begun=False) if e in live.values() and e.item in chosen else e
        for e in notes.record.entries
    )
    reasons = {i: _sentence(idle[i]) + _unchecked(facts, terms) for i in chosen}
    return Decision(
        "disable", "do", facts, judged.reason, tuple(chosen), wanted, reasons, left, settled=settled
    )


def _not_sure(facts: Facts, terms: Terms) -> str | None:
    """Why nothing of it is switched off this time: by the kind of reads that were made."""
    recent = facts.recent
    if not facts.fresh:
        return "it was not read again just before the change"
    if terms.recent == "required" and recent.state != "checked":
        return f"the last hours could not be checked: {recent.reason}"
    if terms.recent == "auto" and recent.state == "failed":
        return f"the last hours could not be checked this time: {recent.reason}"
    return None


def _not_now(
    judgement: Judgement, entry: Entry | None, facts: Facts, terms: Terms, now: datetime
) -> str | None:
    item = item_of(judgement.credential)
    off = next((e for e in facts.notes.off() if e.item == item), None) if facts.notes else None
    if off and not off.begun:
        return _reads_as_on(off)
    if off and item in facts.other_hands:
        return f"a run that was stopped had begun to switch it off, and {facts.other_hands[item]}"
    state = entry_state(entry, judgement.credential, facts, terms, now) if entry else "absent"
    if state != "due":
        return f"its mark is {state}"
    if terms.require_decision and item not in facts.approved:
        return "no reviewer decided to disable it"
    if item in facts.final and item not in facts.recent.unchanged:
        return "nothing shows that it was not reset lately, and it could not be brought back"
    return None


def _unchecked(facts: Facts, terms: Terms) -> str:
    unasked = terms.recent == "off" or facts.recent.state != "checked"
    return f"; not checked in the last hours ({facts.recent.reason})" if unasked else ""


def decide_retire(facts: Facts, now: datetime) -> Decision:
    """Drop the record of what others switched on again, once a read that lags cannot look like that."""
    notes = facts.notes
    if facts.gone or notes is None or not facts.fresh:
        return Decision("retire", "skipped", facts, "it is gone, or was not read again just before")
    back = [e for e in notes.off() if _is_on(facts.identity, e.item)]
    drop = [e for e in back if e.disabled_at and now - e.disabled_at > LAG]
    left = {e.item: _reads_as_on(e) for e in back if e not in drop}
    if not drop:
        return Decision("retire", "skipped", facts, "nothing that we switched off is on again", left=left)
    wanted = notes.changed(e for e in notes.record.entries if e not in drop)
    items = tuple(e.item for e in drop)
    reason = "switched on again by others"
    return Decision("retire", "do", facts, reason, items, wanted, left=left, problems=_problems(notes))


def decide_restore(
    facts: Facts, wanted: Iterable[Item] | None, now: datetime, *, even_if_changed: bool = False
) -> Decision:
    """Switch on again what is still as we left it: `wanted` from a journal, or None for all of the record."""
    record = {e.item: e for e in facts.notes.off()} if facts.notes else {}
    asked = sorted(set(record if wanted is None else wanted))
    if facts.gone:
        return Decision("enable", "failed", facts, "it is gone")
    there = {item_of(c) for c in facts.identity.credentials}
    left = {
        i: facts.final.get(i, "it was deleted meanwhile") for i in asked if i in facts.final or i not in there
    }
    done = {i for i in asked if facts.notes and i not in record and _is_on(facts.identity, i)}
    chosen = tuple(i for i in asked if i not in left and i not in done)
    refused = [] if even_if_changed else _changed_since(facts, chosen, record)
    if refused:
        return Decision(
            "enable", "failed", facts, "; ".join(refused) + "; to do it all the same: --even-if-changed"
        )
    left = {**left, **dict.fromkeys(done, "already restored")}
    handled = set(asked) - done
    if not handled:
        return Decision("enable", "skipped", facts, "nothing is switched off by us any more", left=left)
    notes = facts.notes and facts.notes.changed(
        e for e in facts.notes.record.entries if e.item not in handled
    )
    return Decision("enable", "do", facts, "restored from its record", chosen, notes, left=left)


def _changed_since(facts: Facts, items: Iterable[Item], record: Mapping[Item, Entry]) -> list[str]:
    found = [p.sentence for p in facts.notes.problems] if facts.notes else []
    for item in items:
        if item in facts.other_hands:
            found.append(f"{item.kind} {item.id}: {facts.other_hands[item]}")
        elif facts.notes and item not in record:
            found.append(f"{item.kind} {item.id} is off, and no record says that this is still our doing")
    return found


def settle(decision: Decision, written: Notes, failed: Iterable[Item]) -> Notes:
    """The notes once the outcome is known: what could not be switched keeps the entry that it had.

    `written` is the state of the notes: after their write, or as planned when they are written last.
    """
    again = set(failed)
    before = decision.facts.notes.record.entries if decision.facts.notes else ()
    kept = [e for e in before if e.item in again]
    done = (replace(e, begun=e.begun and e.item not in decision.items) for e in written.record.entries)
    return written.changed([*(e for e in done if e.item not in again), *kept])


def begin(decision: Decision) -> Notes | None:
    """The notes to write before a switch that is a request of its own: begun, until `settle` says more."""
    notes, items = decision.notes, decision.items if decision.operation == "disable" else ()
    return notes and notes.changed(
        replace(e, begun=True) if e.disabled_at and e.item in items else e for e in notes.record.entries
    )


def limit_problem(examined: int, chosen: int, percent: float) -> str | None:
    """Why a changing action stops before it changes anything: more than so many, and more than a few."""
    if chosen <= FEW or chosen * 100 <= examined * percent:
        return None
    return (
        f"{chosen} of {examined} examined would be changed, more than {percent:g} % and more than {FEW}; "
        "if that is right, raise `limit-percent`"
    )


def _reads_as_on(entry: Entry) -> str:
    return f"switched off by us at {format_time(entry.disabled_at or entry.until)}, yet it reads as on"


def _problems(notes: Notes) -> tuple[str, ...]:
    return tuple(f"{p.sentence}; the note was replaced" for p in notes.problems)


def _sentence(judgement: Judgement) -> str:
    return f"{judgement.verdict}: {judgement.reason}"
