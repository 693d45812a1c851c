"""What Entra's logs know of the last hours that signInActivity does not tell yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from custom_filters.azure.client import Graph
from custom_filters.azure.errors import GraphError
from custom_filters.azure.logs import (
    DISABLED,
    ENABLED,
    Change,
    get_sign_in,
    get_switched_on,
    get_switches,
    is_unavailable,
)
from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Used
from custom_filters.core.lifecycle_states import Recent
from custom_filters.core.notes import Item
from custom_filters.core.times import format_time
from custom_filters.custodian.kind import with_use

#: Who was enabled by somebody within this is left alone.
ENABLED_LATELY = timedelta(days=7)
#: The log's dates and ours are to the second and to the minute.
_MARGIN = timedelta(minutes=1)
_SOURCE = "sign-in log"


class LastHours:
    """The logs, for the users that a policy is about to disable; the audit log is asked once, at first."""

    def __init__(self, graph: Graph, now: datetime, successful: bool) -> None:
        """Ask who was enabled lately; `successful`: failed sign-ins do not count."""
        self._graph, self._now, self._successful = graph, now, successful
        self._missing: str | None = None
        self._error: GraphError | None = None
        self._enabled: Mapping[str, Change] = {}
        try:
            self._enabled = get_switched_on(graph, now - ENABLED_LATELY)
        except GraphError as error:
            if is_unavailable(error):
                self._missing = str(error)
            else:
                self._error = error

    def look(self, identity: Identity, since: datetime) -> tuple[Identity, Recent]:
        """The identity with what the logs know since then; raises GraphError where one failed this time."""
        if self._error:
            raise self._error
        at, missing = get_sign_in(self._graph, identity.id, since, successful=self._successful)
        [credential] = identity.credentials
        item = Item(credential.kind, credential.id)
        if at:
            identity = with_use(identity, {item: Used(at, _SOURCE, observed_at=self._now, covers=False)})
        if change := self._enabled.get(identity.id):
            made_anew = max(d for d in (change.at, credential.rotated) if d)
            [credential] = identity.credentials
            identity = replace(identity, credentials=(replace(credential, rotated=made_anew),))
        reason = missing or self._missing
        return identity, Recent("unavailable", reason) if reason else Recent("checked")


def changed_since(graph: Graph, user: str, since: Mapping[Item, datetime]) -> dict[Item, str]:
    """Who enabled or disabled a user since we did, as a sentence; empty where the log may not be read.

    The first "Disable account" is our own, whichever app we were then.
    """
    if not since:
        return {}
    try:
        switches = get_switches(graph, user, min(since.values()) - _MARGIN)
    except GraphError as error:
        if is_unavailable(error):
            return {}
        raise
    ours = next((change for change in switches if change.activity == DISABLED), None)
    others = [change for change in switches if change is not ours and not change.by_us]
    if not others:
        return {}
    last = others[-1]
    did = "enabled" if last.activity == ENABLED else "disabled"
    return dict.fromkeys(since, f"{last.by} {did} it at {format_time(last.at)}, after we disabled it")
