"""Findings: what a policy writes on a resource, and one record for each judged credential.

The annotation `c7n:unused` holds the fields of the user (IDENTITY_FIELDS) once and, under `credentials`,
those of each credential (CREDENTIAL_FIELDS). `findings_of` joins them: one flat record a credential.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import evidence_as_dict
from custom_filters.core.exemption import exemption_as_dict
from custom_filters.core.judge import IdentityJudgement, Judgement, Rules, exceeds
from custom_filters.core.notes import Entry
from custom_filters.core.times import floor_days, format_optional, format_time
from custom_filters.core.verdict import UNUSED

SCHEMA = 1

Phase = Literal["detected", "marked", "disabled"]

#: Fields that the identity itself has under the same name.
OF_IDENTITY = (
    "user_type", "privileged", "mfa", "tags_itself", "anyone_may_assume", "licences", "owner", "owner_source",
)  # fmt: skip
#: Fields that are the same for every credential of a user.
IDENTITY_FIELDS = (
    "schema", "provider", "account", "user", "user_id", *OF_IDENTITY, "user_verdict", "as_of",
    "threshold_days", "exemption", "policy", "controls",
)  # fmt: skip
#: Fields of one credential; `change` and `first_seen` are filled from the history, when there is one.
CREDENTIAL_FIELDS = (
    "credential", "verdict", "last_used", "days_unused", "exceeds", "basis", "evidence", "reason", "phase",
    "next_action", "next_action_at", "disabled_at", "change", "first_seen", "uid",
)  # fmt: skip
#: Every field of a finding, in the order in which reports show them.
FIELDS = (
    "schema", "provider", "account", "user", "user_id", *OF_IDENTITY, "credential", "verdict", "user_verdict",
    "last_used", "days_unused", "exceeds", "basis", "evidence", "reason", "as_of", "threshold_days", "phase",
    "next_action", "next_action_at", "disabled_at", "exemption", "policy", "controls", "change",
    "first_seen", "uid",
)  # fmt: skip


@dataclass(frozen=True)
class LifecycleState:
    """Where a user stands between detection and retirement, before this run, and what comes next.

    `marked` lists the credentials whose notice runs; None: whatever is unused of the user. `disabled_at` is
    since when something of the user is off by us.
    """

    phase: Phase = "detected"
    next_action: str | None = None
    next_action_at: datetime | None = None
    marked: tuple[Entry, ...] | None = None
    disabled_at: datetime | None = None


@dataclass(frozen=True)
class Context:
    """What a finding says of the policy that made it."""

    policy: str
    controls: tuple[str, ...]
    rules: Rules
    now: datetime


def finding_uid(identity: Identity, credential: Credential) -> str:
    """A name for the finding that stays the same over runs."""
    parts = [identity.provider, identity.account, identity.id, credential.kind, credential.id]
    return stable_uid(parts)


def stable_uid(parts: Sequence[object]) -> str:
    """A name that is the same whenever the parts are: 32 hex digits of SHA-256 over them as JSON."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def annotation(
    judged: IdentityJudgement, selected: Iterable[Judgement], state: LifecycleState, context: Context
) -> dict[str, Any]:
    """The value of `c7n:unused`: JSON-ready, timestamps RFC 3339 UTC."""
    identity = judged.identity
    return {
        "schema": SCHEMA,
        "provider": identity.provider,
        "account": identity.account,
        "user": identity.name,
        "user_id": identity.id,
        **{name: getattr(identity, name) for name in OF_IDENTITY},
        "user_verdict": judged.verdict,
        "user_reason": judged.reason,
        "as_of": format_time(context.now),
        "threshold_days": context.rules.days,
        **_stage(state),
        "exemption": exemption_as_dict(identity.exemption),
        "policy": context.policy,
        "controls": list(context.controls),
        "credentials": [_credential(judged, j, state, context) for j in selected],
    }


def _stage(state: LifecycleState) -> dict[str, str | None]:
    return {
        "phase": state.phase,
        "next_action": state.next_action,
        "next_action_at": format_optional(state.next_action_at),
        "disabled_at": format_optional(state.disabled_at),
    }


def _own_state(judged: IdentityJudgement, judgement: Judgement, state: LifecycleState) -> LifecycleState:
    """A credential's own stage: a mark may be about others, and does nothing to what is back in use."""
    if state.phase == "detected" or (state.phase == "disabled" and judgement.verdict == "disabled"):
        return state
    if state.marked is not None and judgement not in marked_of(judged, state.marked):
        return LifecycleState()
    unsettled = judgement.verdict in UNUSED or judgement.verdict == "unknown"
    return replace(state, phase="marked") if unsettled else LifecycleState("marked")


def marked_of(judged: IdentityJudgement, entries: Iterable[Entry]) -> list[Judgement]:
    """The credentials that entries of a record are about.

    Where bulk data names a kind otherwise than the record does (AWS: by slot), the unused ones are taken,
    and for what is then missing the last ones that were used since the mark: they came back.
    """
    found, marked = [], list(entries)
    for kind in {e.kind for e in marked}:
        mine = [e for e in marked if e.kind == kind]
        live = [j for j in judged.credentials if j.credential.kind == kind]
        named = [j for j in live if j.credential.id in {e.id for e in mine}]
        found += named or _as_many_as(len(mine), live, min(e.marked_at for e in mine))
    return found


def _as_many_as(count: int, live: list[Judgement], marked_at: datetime) -> list[Judgement]:
    unused = [j for j in live if j.verdict in UNUSED or j.verdict == "unknown"]
    since = [j for j in live if j.verdict == "active" and j.last_used and j.last_used > marked_at]
    back = sorted(since, key=lambda j: j.last_used or marked_at, reverse=True)
    return unused + back[: max(count - len(unused), 0)]


def _credential(
    judged: IdentityJudgement, judgement: Judgement, state: LifecycleState, context: Context
) -> dict[str, Any]:
    identity, credential = judged.identity, judgement.credential
    evidence = (*credential.evidence, *identity.evidence)
    return {
        "credential": {
            "kind": credential.kind,
            "id": credential.id,
            "status": credential.status,
            "created": format_optional(credential.created),
        },
        "verdict": judgement.verdict,
        "last_used": format_optional(judgement.last_used),
        "days_unused": _days_unused(judgement, context.now),
        "exceeds": list(exceeds(judgement, context.rules, context.now)),
        "basis": judgement.basis,
        "evidence": [evidence_as_dict(e) for e in evidence],
        "reason": judgement.reason,
        "rule": judgement.rule,
        "becomes": judgement.becomes,
        "changes_at": format_optional(judgement.changes_at),
        **_stage(_own_state(judged, judgement, state)),
        "change": None,
        "first_seen": None,
        "uid": finding_uid(identity, credential),
    }


def _days_unused(judgement: Judgement, now: datetime) -> int | None:
    """Whole days since the last use, or since its birth when it was never used; None when nobody knows."""
    start = judgement.last_used or judgement.born
    return None if start is None else floor_days(now - start)


def findings_of(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One flat finding for each credential of an annotation, with every name of FIELDS.

    Raises KeyError when a field is missing, so that foreign or truncated data is never taken for a finding.
    """
    common = {name: value[name] for name in IDENTITY_FIELDS}
    rows = ({**common, **{name: item[name] for name in CREDENTIAL_FIELDS}} for item in value["credentials"])
    return [{name: row[name] for name in FIELDS} for row in rows]
