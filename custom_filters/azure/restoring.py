"""Undoing `disable-unused` on an Entra user: exactly what its record says, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from custom_filters.azure.batch import Step, batch
from custom_filters.azure.client import Graph
from custom_filters.azure.errors import GraphError
from custom_filters.azure.hands import ERRORS, explained
from custom_filters.azure.markers import record_tags
from custom_filters.azure.tagging import change_tags
from custom_filters.azure.users import get_tags
from custom_filters.core.actionlog import Action, Result
from custom_filters.core.credential import Identity
from custom_filters.core.record import Record, difference, record_in_tags
from custom_filters.custodian.markers import RECORD_TAG, RESTORED_TAG, marked_tag


def restore(
    graph: Graph, identity: Identity, tag: str, expected: Sequence[str] | None, now: datetime
) -> Iterator[Action]:
    """Note the time (which gives grace), enable the account, then remove the record.

    In this order a kill at any point leaves a record that says what is still to be done. With `expected`
    (items as kind=id) nothing is done where the record in the cloud differs; both are shown.
    """
    try:
        record = record_in_tags(get_tags(graph, identity.id) or {}, RECORD_TAG)
        problem = difference(record, expected)
        if record is None or problem:
            result: Result = "failed" if problem else "skipped"
            yield _action(identity, result, problem or "there is no restore record")
            return
        change_tags(graph, identity.id, record_tags(RESTORED_TAG, Record(now, record.items)))
        yield from _enable(graph, identity, record)
        change_tags(graph, identity.id, {}, (tag, RECORD_TAG, marked_tag(tag)))
    except ERRORS as error:
        yield _action(identity, "failed", str(error))


def _enable(graph: Graph, identity: Identity, record: Record) -> Iterator[Action]:
    answer = batch(graph, [Step("PATCH", f"/users/{identity.id}", {"accountEnabled": True})])[0]
    if isinstance(answer, GraphError):
        raise explained(answer)
    details: dict[str, Any] = {"before": "off", "after": "on", "undo": "disable-unused"}
    for item in sorted(record.items):
        what = {"kind": item.kind, "credential": item.id, **details}
        yield _action(identity, "done", "restored from its record", **what)


def _action(identity: Identity, result: Result, reason: str, **details: Any) -> Action:
    who = (identity.provider, identity.account, identity.name, identity.id)
    return Action("enable", result, *who, reason, **details)
