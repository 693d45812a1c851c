"""Our notes on an Entra user: one open extension with a list of texts, `name=value`, used like tags.

https://learn.microsoft.com/graph/api/resources/opentypeextension: 2 KB each; on directory objects a PATCH
replaces all of the extension, so every change starts from a fresh read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import requests

from custom_filters.azure.batch import Step, batch
from custom_filters.azure.client import Graph
from custom_filters.azure.errors import GraphError
from custom_filters.core.record import RecordError

EXTENSION = "io.github.c7nunused"
#: What reads a user with its extensions.
EXTENSIONS_QUERY = "$select=id&$expand=extensions"
#: Notes that one record may take.
PARTS = 8
#: Entra's limit for an open extension, in bytes, with room for what Entra adds.
_LIMIT = 1900
_KIND = "microsoft.graph.openTypeExtension"

Notes = Mapping[str, str]
#: From a user's notes as they are now to what they are to be; raises what stands against it.
Change = Callable[[Notes], Notes]


def notes_in(user: Mapping[str, Any]) -> dict[str, str]:
    """Our notes on a user that was read with `$expand=extensions`."""
    for extension in user.get("extensions") or ():
        if str(extension.get("id", "")).removeprefix(f"{_KIND}.") == EXTENSION:
            return _parse(extension.get("tags") or ())
    return {}


def _parse(texts: Iterable[Any]) -> dict[str, str]:
    """A text without `=` was not written by us: a note without a value is malformed wherever it counts."""
    pairs = (str(text).partition("=") for text in texts)
    return {name: value for name, _, value in pairs}


def body_of(notes: Notes) -> dict[str, Any]:
    """The extension that holds these notes; raises RecordError when they do not fit."""
    texts = [f"{name}={value}" for name, value in sorted(notes.items())]
    size = len(json.dumps(texts, ensure_ascii=False).encode())
    if size > _LIMIT:
        raise RecordError(
            f"the user's marks and records need {size} bytes and Entra allows {_LIMIT}; shorten `msg:`"
        )
    return {"@odata.type": _KIND, "extensionName": EXTENSION, "tags": texts}


def change_notes(graph: Graph, user: str, put: Notes, drop: Iterable[str] = ()) -> None:
    """Set and remove notes on one user. Raises GraphError, and RecordError when they do not fit."""
    gone = frozenset(drop)
    [error] = change_notes_of(graph, [(user, lambda now: changed(now, put, gone))], (GraphError, RecordError))
    if error:
        raise error


def changed(notes: Notes, put: Notes, drop: Iterable[str]) -> dict[str, str]:
    """The notes after a change."""
    gone = frozenset(drop)
    return {**{name: text for name, text in notes.items() if name not in gone}, **put}


def change_notes_of(
    graph: Graph, changes: Sequence[tuple[str, Change]], errors: tuple[type[Exception], ...]
) -> list[Exception | None]:
    """Change the notes of up to 20 users by one request that reads and one that writes.

    What failed for each, of `errors`; what fails for one user does not stop the others.
    """
    try:
        answers = batch(graph, [Step("GET", f"/users/{user}?{EXTENSIONS_QUERY}") for user, _ in changes])
    except GraphError as error:
        return [error] * len(changes)
    results: list[Exception | None] = [None] * len(changes)
    steps: dict[int, tuple[Step, Notes]] = {}
    for index, ((user, change), answer) in enumerate(zip(changes, answers, strict=True)):
        try:
            before = _found(answer)
            after = change(before)
            if after != before:
                steps[index] = (_step(user, before, after), after)
        except errors as error:
            results[index] = error
    for index, failed in _write(graph, [user for user, _ in changes], steps, errors):
        results[index] = failed
    return results


def _found(answer: Any) -> dict[str, str]:
    if not isinstance(answer, GraphError):
        return notes_in(answer)
    if answer.status == requests.codes.not_found:
        raise RecordError("the user is gone")
    raise answer


def _step(user: str, before: Notes, after: Notes) -> Step:
    """The one request that turns these notes into those."""
    path = f"/users/{user}/extensions"
    if not after:
        return Step("DELETE", f"{path}/{EXTENSION}")
    if not before:
        return Step("POST", path, body_of(after))
    return Step("PATCH", f"{path}/{EXTENSION}", body_of(after))


def _write(
    graph: Graph,
    users: Sequence[str],
    steps: Mapping[int, tuple[Step, Notes]],
    errors: tuple[type[Exception], ...],
) -> Iterator[tuple[int, Exception]]:
    if not steps:
        return
    try:
        answers = batch(graph, [step for step, _ in steps.values()])
    except GraphError as error:
        answers = [error] * len(steps)
    for (index, (_, after)), answer in zip(steps.items(), answers, strict=True):
        try:
            _settle(graph, users[index], after, answer)
        except errors as error:
            yield index, error


def _settle(graph: Graph, user: str, after: Notes, result: Any) -> None:
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
