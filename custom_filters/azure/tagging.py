"""Writing our notes on Entra users, several users in one request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import requests

from custom_filters.azure.batch import Step, batch
from custom_filters.azure.client import Graph
from custom_filters.azure.errors import GraphError
from custom_filters.azure.markers import EXTENSION, body_of, tags_in, with_changes
from custom_filters.azure.users import EXTENSIONS_QUERY, get_tags

Tags = Mapping[str, str]


def change_tags(graph: Graph, user: str, put: Tags, drop: Iterable[str] = ()) -> None:
    """Set and remove notes on one user, from a fresh read: a PATCH would take away what it does not name.

    Raises GraphError, and RecordError when they do not fit. A user that is gone has no notes.
    """
    before = get_tags(graph, user)
    if before is None:
        return
    after = with_changes(before, put, drop)
    if after != before:
        write_tags(graph, user, before, after)


def write_tags(graph: Graph, user: str, before: Tags, after: Tags) -> None:
    """Replace one user's notes."""
    result = batch(graph, [tags_step(user, before, after)])[0]
    settle(graph, user, after, result)


def tags_step(user: str, before: Tags, after: Tags) -> Step:
    """The one request that turns these notes into those."""
    path = f"/users/{user}/extensions"
    if not after:
        return Step("DELETE", f"{path}/{EXTENSION}")
    if not before:
        return Step("POST", path, body_of(after))
    return Step("PATCH", f"{path}/{EXTENSION}", body_of(after))


def settle(graph: Graph, user: str, after: Tags, result: Any) -> None:
    """Raise the GraphError of a write, unless the state only was not what we took it for.

    An answer that was lost, or another runner, leaves an extension that a POST finds there, or one that a
    PATCH or DELETE misses.
    """
    if not isinstance(result, GraphError):
        return
    if result.status == requests.codes.conflict:
        again = Step("PATCH", f"/users/{user}/extensions/{EXTENSION}", body_of(after))
    elif result.status == requests.codes.not_found and not after:
        return
    elif result.status == requests.codes.not_found and result.what.startswith("PATCH"):
        again = Step("POST", f"/users/{user}/extensions", body_of(after))
    else:
        raise result
    answer = batch(graph, [again])[0]
    if isinstance(answer, GraphError):
        raise answer


def get_tags_of(graph: Graph, users: Sequence[str]) -> dict[str, Tags | GraphError | None]:
    """The notes on up to 20 users as they are now, by id; None for a user that is gone."""
    answers = batch(graph, [Step("GET", f"/users/{user}?{EXTENSIONS_QUERY}") for user in users])
    return {user: _tags(answer) for user, answer in zip(users, answers, strict=True)}


def _tags(answer: Any) -> Tags | GraphError | None:
    if isinstance(answer, GraphError):
        return None if answer.status == requests.codes.not_found else answer
    return tags_in(answer)
