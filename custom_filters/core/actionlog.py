"""The action log: one JSON line for each change that was made, refused or failed, chained by hashes.

Each line holds the SHA-256 of the line before it, so that a line cannot be altered, dropped or moved without
that showing. The chain is no signature: who can write the file can write all of it anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from custom_filters.core.credential import Identity
from custom_filters.core.record import Item
from custom_filters.core.times import format_time

#: `previous` of a file's first line.
GENESIS = "0" * 64

Operation = Literal["mark", "unmark", "disable", "enable"]
Result = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Action:
    """One thing that was done, or not, to a principal or one of its credentials.

    `before` and `after` are states in the cloud's words;
    `undo` says how to take it back; `reason` why it was done, skipped or failed.
    """

    operation: Operation
    result: Result
    provider: str
    account: str
    user: str
    user_id: str
    reason: str
    kind: str | None = None
    credential: str | None = None
    before: str | None = None
    after: str | None = None
    undo: str | None = None
    evidence: tuple[Mapping[str, Any], ...] = ()


def action_on(
    identity: Identity,
    operation: Operation,
    result: Result,
    reason: str,
    item: Item | None = None,
    **details: Any,
) -> Action:
    """What was done to an identity; `item` names the one credential that it is about."""
    who = (identity.provider, identity.account, identity.name, identity.id)
    kind, credential = (item.kind, item.id) if item else (None, None)
    return Action(operation, result, *who, reason, kind, credential, **details)


@dataclass(frozen=True)
class Origin:
    """Who acts: the run's id, the caller's identity in the cloud's words, and the policy."""

    run_id: str
    caller: str
    policy: str


def entry(action: Action, origin: Origin, at: datetime, previous: str) -> dict[str, Any]:
    """The line's content, with `previous` (the hash of the line before) and its own `hash`."""
    content = {
        "at": format_time(at),
        "run_id": origin.run_id,
        "caller": origin.caller,
        "policy": origin.policy,
        "operation": action.operation,
        "result": action.result,
        "principal": {
            "provider": action.provider,
            "account": action.account,
            "user": action.user,
            "user_id": action.user_id,
        },
        "credential": {"kind": action.kind, "id": action.credential} if action.kind else None,
        "before": action.before,
        "after": action.after,
        "reason": action.reason,
        "evidence": [dict(e) for e in action.evidence],
        "undo": action.undo,
        "previous": previous,
    }
    return {**content, "hash": digest(content)}


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 over a line's content without its own `hash`, as sorted compact JSON."""
    body = {key: value for key, value in content.items() if key != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def verify(lines: Iterable[str]) -> list[str]:
    """What is wrong with a log, a sentence each, line by line; empty when the chain holds."""
    problems = []
    previous = GENESIS
    for number, line in enumerate(lines, 1):
        content = _content(line)
        if content is None:
            problems.append(f"line {number} is not a complete JSON line")
            continue
        if content.get("previous") != previous:
            problems.append(f"line {number} does not follow the line before it: a line was dropped or moved")
        if content.get("hash") != digest(content):
            problems.append(f"line {number} was changed after it was written")
        previous = str(content.get("hash"))
    return problems


def last_hash(lines: Iterable[str]) -> str:
    """The hash on which the next line builds; a line that a crash cut short is passed over."""
    found = GENESIS
    for line in lines:
        content = _content(line)
        found = str(content["hash"]) if content and "hash" in content else found
    return found


def _content(line: str) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
