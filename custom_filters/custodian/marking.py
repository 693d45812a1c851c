"""What the clouds' `mark-for-op` share: the mark's text and its lines in the action log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from custom_filters.core.actionlog import Action, Result
from custom_filters.core.credential import Identity
from custom_filters.core.mark import MalformedMarkError, parse_mark, stamp

#: Custodian's own.
DEFAULT_MESSAGE = "Resource does not meet policy: {op}@{action_date}"


def mark_text(data: Mapping[str, Any], now: datetime) -> str:
    """The mark that an action with this data sets at `now`; `hours` is there (see mark_problem)."""
    due = now + timedelta(hours=data["hours"])
    return str(data.get("msg", DEFAULT_MESSAGE)).format(op=data["op"], action_date=stamp(due))


def mark_text_problem(text: str) -> str | None:
    """Why `unused-mark` would not be able to read this mark."""
    try:
        parse_mark(text)
    except MalformedMarkError as error:
        return f"mark-for-op: `msg:` must end in ': {{op}}@{{action_date}}' ({error})"
    return None


def mark_action(identity: Identity, result: Result, reason: str, **details: Any) -> Action:
    """A line of the action log about a mark."""
    who = (identity.provider, identity.account, identity.name, identity.id)
    return Action("mark", result, *who, reason, **details)
