"""Data that the policies of one run share, so that a report or a listing is fetched once.

It hangs on Custodian's session object, which the policies of a run share and which c7n-org replaces for each
account: data of one identity can never be seen by another, and it goes when the session goes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_stores: WeakKeyDictionary[Any, dict[Hashable, Any]] = WeakKeyDictionary()


def shared(session: Any, key: Hashable, load: Callable[[], T]) -> T:
    """What `load` returned for this session and key, called at the first request only.

    `key` names the account or tenant and every parameter on which the data depends. An error is not kept.
    """
    store = _stores.setdefault(session, {})
    if key not in store:
        store[key] = load()
    value: T = store[key]
    return value


def written_notes(session: Any) -> dict[tuple[str, str], Mapping[str, str]]:
    """Texts of the notes that this run wrote, by provider and principal."""
    return shared(session, ("written-notes",), dict[tuple[str, str], Mapping[str, str]])


def forget(session: Any, key: Hashable) -> None:
    """Drop one entry: what it described was changed."""
    _stores.get(session, {}).pop(key, None)
