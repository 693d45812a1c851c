"""What the policies of a run share of a tenant: one listing of its users, and where notes are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from c7n.utils import local_session

from custom_filters.azure.client import shared_graph, shared_tenant
from custom_filters.azure.errors import UNLICENSED, GraphError
from custom_filters.azure.notes import APP_VARIABLE, Properties, properties_for, there
from custom_filters.azure.users import Listing, get_listing
from custom_filters.core.policy_data import actions, filters, tag_of
from custom_filters.core.vocabulary import DISABLE, MARK, MARK_FILTER, TAG, UNMARK
from custom_filters.custodian.store import forget, shared

T = TypeVar("T")

_MARKING = frozenset({MARK_FILTER, MARK, UNMARK, DISABLE})
#: What a policy may ask of the listing, under `query:`.
NOTES_APP = "notes-app"


def in_store(manager: Any, key: tuple[Hashable, ...], load: Callable[[], T]) -> T:
    """What is shared by the policies of this run, for this tenant."""
    return shared(local_session(manager.session_factory), (*key, shared_tenant(manager)), load)


def drop(manager: Any, *key: Hashable) -> None:
    """Have it read again."""
    forget(local_session(manager.session_factory), (*key, shared_tenant(manager)))


def asked_properties(manager: Any) -> Properties | None:
    """The properties that this policy's notes are in, there or not; None without an app."""
    parts = manager.data.get("query") or ()
    named = next((part[NOTES_APP] for part in parts if NOTES_APP in part), None)
    return properties_for(named or os.environ.get(APP_VARIABLE), _tags(manager.data))


def _tags(policy: Mapping[str, Any]) -> set[str]:
    """Where this policy has marks; ours is always read, so that policies can share a listing."""
    elements = [*(found.data for found in filters(policy)), *actions(policy)]
    return {TAG, *(tag_of(e) for e in elements if e.get("type") in _MARKING)}


def shared_properties(manager: Any) -> Properties | None:
    """The same, if the tenant knows them."""
    asked = asked_properties(manager)
    return in_store(manager, ("entra-properties", asked), lambda: there(shared_graph(manager), asked))


def shared_listing(manager: Any) -> Listing:
    """The tenant's listing, read once for all policies of a run; so is that Graph refuses it."""
    properties = shared_properties(manager)

    def load() -> Listing | GraphError:
        seen: set[str] = in_store(manager, ("entra-seen",), set)
        try:
            return get_listing(shared_graph(manager), shared_tenant(manager), properties, seen)
        except GraphError as error:
            if not (error.denied or error.code == UNLICENSED):
                raise
            return error

    found = in_store(manager, _key(manager), load)
    if isinstance(found, GraphError):
        raise found
    return found


def forget_listing(manager: Any) -> None:
    """Have the next policy list again: users were marked or changed."""
    drop(manager, *_key(manager))


def _key(manager: Any) -> tuple[Hashable, ...]:
    return "entra-users", asked_properties(manager)
