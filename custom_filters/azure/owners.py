"""Who answers for a user: the manager, or a guest's sponsor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from custom_filters.azure.batch import Step, in_batches
from custom_filters.azure.client import Graph
from custom_filters.azure.errors import GraphError

_NAME = "userPrincipalName"
SOURCES = ("manager", "sponsor")
_PATHS = {"manager": "manager?$select=userPrincipalName", "sponsor": "sponsors?$select=userPrincipalName"}
_READ: Mapping[str, Callable[[Any], Any]] = {
    "manager": lambda answer: answer.get(_NAME),
    "sponsor": lambda answer: next((found.get(_NAME) for found in answer.get("value", ())), None),
}

Owner = tuple[str | None, str | None]


def get_owners(graph: Graph, users: Sequence[str], sources: Iterable[str]) -> dict[str, Owner]:
    """Owner and source by user id, from the first source that names one; (None, None) when none does.

    Raises GraphError, but not for a user without a manager, one that is gone, or one that is out of reach.
    """
    owners: dict[str, Owner] = dict.fromkeys(users, (None, None))
    for source in sources:
        missing = [user for user, (owner, _) in owners.items() if owner is None]
        found = in_batches(graph, [Step("GET", f"/users/{user}/{_PATHS[source]}") for user in missing])
        for user, answer in zip(missing, found, strict=True):
            name = _name(answer, source)
            if name:
                owners[user] = (name, source)
    return owners


def _name(answer: Any, source: str) -> str | None:
    if isinstance(answer, GraphError):
        if answer.status == 404 or answer.denied:  # this one user: the listing may be read
            return None
        raise answer
    name = _READ[source](answer)
    return str(name) if name else None
