"""Retiring an identity: the order of checks that stands before every change, the same on every cloud.

A `Cloud` reads and changes; the decisions are made here. Nothing is switched off unless a fresh judgement,
made just before, gives that very credential a verdict of its own to be unused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from custom_filters.core.actionlog import Action, action_on
from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import evidence_as_dict
from custom_filters.core.judge import IdentityJudgement, Judgement, Rules, judge_identity, select
from custom_filters.core.mark import mark_state
from custom_filters.core.record import Item, Record
from custom_filters.core.times import format_time
from custom_filters.core.verdict import OF_USER, UNUSED, Match, Verdict

#: Verdicts at which a mark is taken off; `unknown` keeps it, and blocks.
RELEASED: frozenset[Verdict] = frozenset({"active", "new", "exempt", "no-credentials"})


@dataclass(frozen=True)
class EnforcementOptions:
    """On what terms a policy switches off: its filter's rules and match, its action's options."""

    rules: Rules
    match: Match
    op: str
    require_mark: bool = True
    include_admins: bool = False


@dataclass(frozen=True)
class Candidate:
    """An identity that the policy selected. `protected` says why it is never touched (root, ourselves)."""

    identity: Identity
    mark: str | None
    protected: str | None = None


@dataclass(frozen=True)
class FreshView:
    """What a read just before the change says, past every cache.

    Credentials carry their real ids. `marked` is the record of marked credentials, `record` what was switched
    off before; both must be read after the credentials, so that another runner's record is never missed.
    """

    identity: Identity
    mark: str | None
    marked: Record | None
    record: Record | None


class Cloud(Protocol):
    """What a cloud does for `retire`. `errors` (with RecordError) fail one identity and not the run."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Exceptions of the cloud's client."""

    def fresh(self, candidate: Candidate) -> FreshView | None:
        """Read everything again; None when the identity is gone."""

    def veto(self, fresh: FreshView, credential: Credential) -> str | None:
        """A last objection by a source that may only veto; None when there is none."""

    def write_record(self, fresh: FreshView, record: Record) -> None:
        """Keep the record in the cloud; RecordError when it does not fit."""

    def switch_off(self, fresh: FreshView, credential: Credential) -> str:
        """Switch one credential off; returns how to undo it."""

    def unmark(self, fresh: FreshView, keep: Record | None) -> None:
        """Take the mark off, or leave it for the credentials of `keep`."""

    def recorded_as(self, credential: Credential) -> Item:
        """What record and log call that which `switch_off` does to this credential."""
        return Item(credential.kind, credential.id)


def objection(candidate: Candidate, options: EnforcementOptions, now: datetime) -> str | None:
    """The first reason why this identity is not to be touched, before anything is read again."""
    identity = candidate.identity
    if candidate.protected:
        return candidate.protected
    if identity.exemption and not identity.exemption.expired(now):
        return f"exempt: {identity.exemption.reason}"
    if not options.include_admins and identity.privileged is not False:
        return "privileged" if identity.privileged else "its privileges could not be read"
    return _mark_objection(candidate.mark, options, now) if options.require_mark else None


def _mark_objection(mark: str | None, options: EnforcementOptions, now: datetime) -> str | None:
    state = mark_state(mark, options.op, now)
    return None if state == "due" else f"its mark is {state}"


def _notice_objection(fresh: FreshView, options: EnforcementOptions, now: datetime) -> str | None:
    """A mark that somebody moved to an earlier date does not cut short the notice that was given."""
    until = fresh.marked.until if fresh.marked else None
    if not options.require_mark or until is None or now >= until:
        return None
    return f"its mark was moved by hand, and the notice given runs until {format_time(until)}"


def retire(
    candidate: Candidate, options: EnforcementOptions, cloud: Cloud, now: datetime
) -> Iterator[Action]:
    """Switch off what is unused of one identity, telling each step; errors of the cloud become `failed`."""
    identity = candidate.identity
    reason = objection(candidate, options, now)
    if reason:
        yield action_on(identity, "disable", "skipped", reason)
        return
    try:
        yield from _retire_fresh(candidate, options, cloud, now)
    except cloud.errors as error:
        yield action_on(identity, "disable", "failed", f"{error}")


def _retire_fresh(
    candidate: Candidate, options: EnforcementOptions, cloud: Cloud, now: datetime
) -> Iterator[Action]:
    fresh = cloud.fresh(candidate)
    if fresh is None:
        yield action_on(candidate.identity, "disable", "skipped", "it is gone")
        return
    judged = judge_identity(fresh.identity, options.rules, now)
    again = Candidate(fresh.identity, fresh.mark, candidate.protected)
    reason = objection(again, options, now) or _notice_objection(fresh, options, now)
    chosen = [] if reason else list(to_switch_off(fresh, judged, options))
    vetoes = {_item(j): veto for j in chosen if (veto := cloud.veto(fresh, j.credential))}
    if vetoes and options.match == "user":
        chosen = []
    chosen = [j for j in chosen if _item(j) not in vetoes]
    if chosen:
        yield from _switch_off(fresh, chosen, still_marked(fresh, judged, options.match, vetoes), cloud, now)
        return
    why = reason or next(iter(vetoes.values()), f"{judged.verdict}: {judged.reason}")
    yield action_on(fresh.identity, "disable", "skipped", why)
    if fresh.mark is not None and (vetoes or judged.verdict in RELEASED):
        yield from release(fresh, judged, options.match, cloud, vetoes)


def to_switch_off(
    fresh: FreshView, judged: IdentityJudgement, options: EnforcementOptions
) -> Iterator[Judgement]:
    """Credentials whose own fresh verdict is unused; under `match: credential` only those marked."""
    for judgement in select(judged, options.match, UNUSED, options.rules) or ():
        marked = options.match == "user" or not options.require_mark or _is_marked(fresh, judgement)
        if judgement.verdict in UNUSED and marked:
            yield judgement


def _is_marked(fresh: FreshView, judgement: Judgement) -> bool:
    return fresh.marked is not None and _item(judgement) in fresh.marked.items


def _item(judgement: Judgement) -> Item:
    return Item(judgement.credential.kind, judgement.credential.id)


def _switch_off(
    fresh: FreshView, chosen: list[Judgement], keep: Record | None, cloud: Cloud, now: datetime
) -> Iterator[Action]:
    """Record, then switch off one by one; the mark goes when all of it is done."""
    recorded = {cloud.recorded_as(j.credential) for j in chosen}
    before = fresh.record.items if fresh.record else frozenset()
    if not recorded <= before:
        cloud.write_record(fresh, Record(now, before | recorded))
    failed = False
    for judgement in chosen:
        action = _switch_off_one(fresh, judgement, cloud)
        failed = failed or action.result == "failed"
        yield action
    if not failed and fresh.mark is not None:
        cloud.unmark(fresh, _without(keep, frozenset(map(_item, chosen))))


def _switch_off_one(fresh: FreshView, judgement: Judgement, cloud: Cloud) -> Action:
    credential = judgement.credential
    recorded = cloud.recorded_as(credential)
    details: dict[str, Any] = {
        "item": recorded,
        "before": "on",
        "evidence": tuple(evidence_as_dict(e) for e in credential.evidence),
    }
    try:
        undo = cloud.switch_off(fresh, credential)
    except cloud.errors as error:
        return action_on(fresh.identity, "disable", "failed", f"{error}", **details)
    reason = f"{judgement.verdict}: {judgement.reason}"
    return action_on(fresh.identity, "disable", "done", reason, after="off", undo=undo, **details)


def release(
    fresh: FreshView, judged: IdentityJudgement, match: Match, cloud: Cloud, vetoed: Iterable[Item] = ()
) -> Iterator[Action]:
    """Take the mark off what is back in use; under `match: credential` the rest stays marked."""
    keep = still_marked(fresh, judged, match, vetoed)
    if keep is not None and keep == fresh.marked:
        return
    cloud.unmark(fresh, keep)
    gone = (fresh.marked.items if fresh.marked else frozenset()) - (keep.items if keep else frozenset())
    names = ", ".join(f"{i.kind} {i.id}" for i in sorted(gone)) or "the user"
    reason = f"{names}: {judged.verdict}: {judged.reason}"
    yield action_on(fresh.identity, "unmark", "done", reason, before=fresh.mark, undo="mark again")


def still_marked(
    fresh: FreshView, judged: IdentityJudgement, match: Match, vetoed: Iterable[Item] = ()
) -> Record | None:
    """The part of the mark that stands: recorded credentials, still on, that are unused or unknown."""
    if match == "user" or fresh.marked is None or judged.verdict in OF_USER:
        return None
    standing = {_item(j) for j in judged.credentials if j.verdict in UNUSED or j.verdict == "unknown"}
    return _without(replace(fresh.marked, items=fresh.marked.items & standing), frozenset(vetoed))


def _without(record: Record | None, items: frozenset[Item]) -> Record | None:
    left = record.items - items if record else frozenset()
    return replace(record, items=left) if record and left else None


def failures(actions: Iterable[Action]) -> list[str]:
    """A sentence for each action that failed."""
    return [
        " ".join(filter(None, (a.user, a.credential))) + f": {a.reason}"
        for a in actions
        if a.result == "failed"
    ]
