"""What is known of an identity when its lifecycle is decided, and the states of its marks and its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import Used
from custom_filters.core.judge import IdentityJudgement, Judgement, Rules, judge_identity, select
from custom_filters.core.notes import DEFAULT_MESSAGE, Entry, Item, Notes
from custom_filters.core.verdict import UNUSED, Match

MarkState = Literal["absent", "pending", "due", "void", "malformed"]
RecordState = Literal["off", "reopened", "malformed"]
Operation = Literal["mark", "unmark", "disable", "retire", "enable"]
#: A read may lag: what reads as on sooner than this after we switched it off proves nothing.
LAG = timedelta(hours=24)


@dataclass(frozen=True)
class Terms:
    """On what terms a policy acts: its filter's rules and match, and its actions' options."""

    rules: Rules
    tag: str
    match: Match = "user"
    notice: timedelta = timedelta(hours=336)
    valid_days: int = 30
    message: str = DEFAULT_MESSAGE
    include_admins: bool = False
    require_decision: bool = False
    recent: Literal["auto", "required", "off"] = "auto"


@dataclass(frozen=True)
class Recent:
    """What the source that knows the last hours could tell; use that it saw is among the evidence.

    `unchanged` are credentials that it shows not to have been made or reset since the report.
    """

    state: Literal["checked", "unavailable", "failed"]
    reason: str = ""
    unchanged: frozenset[Item] = frozenset()


@dataclass(frozen=True)
class Facts:
    """All that is known of one identity. `fresh`: by single reads just now, past every cache.

    `notes` is None where there is no place for them. `untouchable` says why it is never touched (root, the
    caller, synced, a mailbox, its roles could not be read), `protected` why only with `include-admins`; one
    that is `locked` the cloud lets nobody like us change, not even its notes.
    `final` holds credentials that cannot be switched on again, with what to do instead. `approved` are those
    that a reviewer decided to disable; `other_hands` says who else changed which since we switched it off.
    """

    identity: Identity
    notes: Notes | None
    fresh: bool = False
    gone: bool = False
    untouchable: str | None = None
    protected: str | None = None
    locked: bool = False
    recent: Recent = Recent("unavailable", "no source was asked")
    final: Mapping[Item, str] = field(default_factory=dict)
    approved: frozenset[Item] = frozenset()
    other_hands: Mapping[Item, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What to do with one identity.

    With result `do`: journal the intent, then switch `items` in this order and write `notes` (None: nothing
    to write) as `WRITE_FIRST` says, then journal the outcome. `reasons` and `left` speak of single
    credentials: why they are acted on, and why left alone. Each of `problems` fails the policy at its end.
    `settled` are credentials that a stopped run had switched off: their record is completed.
    """

    operation: Operation
    result: Literal["do", "skipped", "failed"]
    facts: Facts
    reason: str
    items: tuple[Item, ...] = ()
    notes: Notes | None = None
    reasons: Mapping[Item, str] = field(default_factory=dict)
    left: Mapping[Item, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    settled: tuple[Item, ...] = ()


def item_of(credential: Credential) -> Item:
    """Its kind and id."""
    return Item(credential.kind, credential.id)


def entry_state(
    entry: Entry, credential: Credential | None, facts: Facts, terms: Terms, now: datetime
) -> MarkState:
    """Void when the credential was used or made anew after the mark, or the notice ran out long ago.

    A switch that a stopped run had begun is due for a day: later others may have switched on again.
    """
    if entry.begun and entry.disabled_at and now - entry.disabled_at > LAG:
        return "void"
    evidence = credential.evidence if credential else ()
    evidence += facts.identity.evidence if terms.match == "user" else ()
    dates = [e.at for e in evidence if isinstance(e, Used)]
    dates += [d for d in (credential.created, credential.rotated) if d] if credential else []
    if any(at > entry.marked_at for at in dates) or now - entry.until > timedelta(days=terms.valid_days):
        return "void"
    return "due" if now >= entry.until else "pending"


def mark_states(
    facts: Facts, terms: Terms, now: datetime, slots: frozenset[str] = frozenset()
) -> frozenset[MarkState]:
    """The states of an identity's marks under the policy's tag, for `unused-mark`.

    Of kinds in `slots` a listing knows no ids: any of their credentials may be the one of an entry.
    """
    notes = facts.notes
    if notes is None:
        return frozenset({"absent"})
    if notes.problems:
        return frozenset({"malformed"})
    live = notes.open(terms.tag)
    states: set[MarkState] = set()
    for entry in live:
        fitting = [c for c in facts.identity.credentials if c.status == "on" and _fits(c, entry, slots)]
        states |= {entry_state(entry, c, facts, terms, now) for c in fitting or (None,)}
        states |= {"due"} if entry.begun and not fitting else set()
    chosen = [j.credential for j in unused(judge_identity(facts.identity, terms.rules, now), terms)]
    by_kind = [sum(e.kind == c.kind for e in live) - sum(u.kind == c.kind for u in chosen) for c in chosen]
    lacking = [
        c for c, more in zip(chosen, by_kind, strict=True)
        if (more < 0 if c.kind in slots else item_of(c) not in {e.item for e in live})
    ]  # fmt: skip
    return frozenset(states | ({"absent"} if lacking or not live else set()))


def record_states(
    facts: Facts, now: datetime, days: float = 0, slots: frozenset[str] = frozenset()
) -> frozenset[RecordState]:
    """What the record says against what was read, for `unused-record`; `days` limits `off`."""
    notes = facts.notes
    states: set[RecordState] = {"malformed"} if notes and notes.problems else set()
    for entry in notes.off() if notes else ():
        found = {c.status for c in facts.identity.credentials if _fits(c, entry, slots)} or {"off"}
        off_for = now - (entry.disabled_at or now)
        if "off" in found and (not days or off_for >= timedelta(days=days)):  # it is to the next full minute
            states.add("off")
        if "on" in found and off_for > LAG:
            states.add("reopened")
    return frozenset(states)


def _fits(credential: Credential, entry: Entry, slots: frozenset[str]) -> bool:
    return item_of(credential) == entry.item or (credential.kind == entry.kind and entry.kind in slots)


def unused(judged: IdentityJudgement, terms: Terms) -> list[Judgement]:
    """The credentials that the policy selects and whose own verdict is stale or never-used."""
    return [j for j in select(judged, terms.match, UNUSED, terms.rules) or () if j.verdict in UNUSED]
