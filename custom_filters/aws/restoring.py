"""Undoing `disable-unused` on a user: exactly what its record says, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from custom_filters.aws.credentials import PASSWORD
from custom_filters.aws.fresh import found_or_none
from custom_filters.aws.hands import ERRORS, new_password, set_status
from custom_filters.aws.markers import QUARANTINE_ITEM
from custom_filters.aws.tagging import drop_tags, put_tags, record_tags
from custom_filters.aws.users import get_user, tags_of
from custom_filters.core.actionlog import Action, Result
from custom_filters.core.credential import Identity
from custom_filters.core.record import Item, Record, difference, record_in_tags
from custom_filters.custodian.markers import RECORD_TAG, RESTORED_TAG, marked_tag


def restore(
    iam: Any, identity: Identity, tag: str, expected: Sequence[str] | None, now: datetime
) -> Iterator[Action]:
    """Switch on what the record lists, note the time (which gives grace), then remove the record.

    In this order a kill at any point leaves a record that says what is still to be done. With `expected`
    (items as kind=id) nothing is done where the record in the cloud differs; both are shown.
    """
    try:
        user = get_user(iam, identity.name)
        tags = tags_of(user) if user and user["UserId"] == identity.id else {}
        record = record_in_tags(tags, RECORD_TAG)
        problem = difference(record, expected)
        if record is None or problem:
            yield _action(
                identity, "failed" if problem else "skipped", problem or "there is no restore record"
            )
            return
        put_tags(iam, identity.name, record_tags(RESTORED_TAG, Record(now, record.items), tags))
        failed = False
        for item in sorted(record.items):
            action = _switch_on(iam, identity, item)
            failed = failed or action.result == "failed"
            yield action
        if not failed:
            drop_tags(iam, identity.name, tags, tag, RECORD_TAG, marked_tag(tag))
    except ERRORS as error:
        yield _action(identity, "failed", str(error))


def _switch_on(iam: Any, identity: Identity, item: Item) -> Action:
    """One credential; what failed keeps the record, and does not hold up the others."""
    details: Mapping[str, Any] = {"kind": item.kind, "credential": item.id, "before": "off"}
    if item.kind == PASSWORD:
        reason = f"a deleted password cannot be restored; {new_password(identity.name)}"
        return _action(identity, "skipped", reason, **details)
    try:
        found = found_or_none(lambda: _undo(iam, identity.name, item))
    except ERRORS as error:
        return _action(identity, "failed", str(error), **details)
    if not found:
        return _action(identity, "skipped", "it was deleted meanwhile", **details)
    return _action(identity, "done", "restored from its record", after="on", undo="disable-unused", **details)


def _undo(iam: Any, name: str, item: Item) -> bool:
    if item == QUARANTINE_ITEM:
        iam.delete_user_policy(UserName=name, PolicyName=item.id)
    else:
        set_status(iam, name, item.kind, item.id, "Active")
    return True


def _action(identity: Identity, result: Result, reason: str, **details: Any) -> Action:
    who = (identity.provider, identity.account, identity.name, identity.id)
    return Action("enable", result, *who, reason, **details)
