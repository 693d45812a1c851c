"""Which of the accounts that nobody ever signed in to are mailboxes: shared ones, rooms, equipment.

https://learn.microsoft.com/graph/api/user-get-mailboxsettings: one user at a time, never in a listing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from custom_filters.azure.batch import Step, in_batches
from custom_filters.azure.client import Graph
from custom_filters.azure.errors import GraphError
from custom_filters.azure.permissions import MAILBOX

#: userPurpose of a mailbox that people open with their own sign-in.
MAILBOXES: Mapping[str, str] = {
    "shared": "a shared mailbox",
    "room": "the mailbox of a room",
    "equipment": "the mailbox of equipment",
}
_NOT_FOUND = 404


def may_ask(graph: Graph) -> bool:
    """Whether the permission is granted to the app; a person's covers the person's own mailbox only."""
    return not {MAILBOX, MAILBOX.replace("Read", "ReadWrite")}.isdisjoint(
        graph.token.claims().get("roles") or ()
    )


def get_purposes(graph: Graph, users: Sequence[str]) -> dict[str, str | GraphError | None]:
    """What each user's mailbox is for; None without a mailbox, the GraphError where that is refused.

    Raises GraphError for anything else.
    """
    answers = in_batches(graph, [Step("GET", f"/users/{u}/mailboxSettings/userPurpose") for u in users])
    return {user: _purpose(answer) for user, answer in zip(users, answers, strict=True)}


def _purpose(answer: Any) -> str | GraphError | None:
    if not isinstance(answer, GraphError):
        return str(answer.get("value"))
    if answer.status == _NOT_FOUND:
        return None
    if answer.denied:
        return answer
    raise answer
