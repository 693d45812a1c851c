"""On what terms a policy acts, from its data, and how many identities it examined."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from c7n.utils import local_session

from custom_filters.core.lifecycle_states import Terms
from custom_filters.core.notes import DEFAULT_MESSAGE
from custom_filters.core.policy_data import filters, tag_of
from custom_filters.core.vocabulary import MARK_FILTER
from custom_filters.custodian.request import Request
from custom_filters.custodian.store import shared
from custom_filters.custodian.validation import MESSAGE_END

_VALID_DAYS = 30


def terms_of(request: Request, policy: Mapping[str, Any], action: Mapping[str, Any]) -> Terms:
    """The terms of a policy; `action` is the data of its action, or of a filter that names a tag."""
    return Terms(
        rules=request.rules,
        tag=tag_of(action).lower(),
        match=request.match,
        notice=timedelta(hours=action.get("hours", 0)),
        valid_days=valid_days(policy),
        include_admins=action.get("include-admins", False),
        require_decision=action.get("require-decision", False),
        recent=action.get("recent", "auto"),
        message=str(action.get("msg", "")).removesuffix(MESSAGE_END) or DEFAULT_MESSAGE,
    )


def examined(manager: Any, more: int = 0) -> int:
    """How many identities the policy examines: the most that a filter of ours was given, `more` now."""
    key = ("examined", manager.data.get("name"))
    found: list[int] = shared(local_session(manager.session_factory), key, list[int])
    found[:] = [max(more, *found, 0)]
    return found[0]


def valid_days(policy: Mapping[str, Any]) -> int:
    """How long a notice that ran out stays good: as the policy's `unused-mark` filters say."""
    marks = (found.data for found in filters(policy) if found.data.get("type") == MARK_FILTER)
    return min((data.get("valid-days", _VALID_DAYS) for data in marks), default=_VALID_DAYS)
