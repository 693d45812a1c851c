"""Keeps notes on an Entra user in directory extension properties, one for each name that is a tag elsewhere.

https://learn.microsoft.com/graph/extensibility-overview: the properties belong to an app registration and
hold strings of up to 256 characters. They are read by $select in the listing itself, and users cannot write
them on themselves, as they can open extensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from custom_filters.azure.client import Graph
from custom_filters.azure.errors import GraphError
from custom_filters.core.notes import RECORD, mark_text, read_notes

#: Names the app registration that holds the properties, by its application id.
APP_VARIABLE = "C7N_UNUSED_ENTRA_APP"
APP_PATTERN = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
#: A note's name as policies write it: letters, digits and hyphens, so that it is a property's name too.
TAG_PATTERN = "^[A-Za-z][A-Za-z0-9-]*$"
LONGEST_TEXT = 256
#: For policies that change users and have nowhere to keep notes.
SET_UP = (
    f"there is no place for notes on users: run `c7n-unused setup -p azure`, then set {APP_VARIABLE} to the "
    "application id that it prints"
)
_BAD_REQUEST = 400


@dataclass(frozen=True)
class Properties:
    """The directory extension properties of the app (an application id) that hold notes of these names."""

    app: str
    names: tuple[str, ...]

    @property
    def select(self) -> str:
        """The properties, for $select."""
        return ",".join(map(self.of, self.names))

    def of(self, name: str) -> str:
        """The property that holds a note."""
        return f"extension_{self.app.replace('-', '').lower()}_{name.replace('-', '_')}"

    def texts(self, user: Mapping[str, Any], now: datetime) -> dict[str, str]:
        """Our notes on a user that was read with `select`.

        A mark under a tag that was not read is the one that the record tells.
        """
        found = {name: str(user[self.of(name)]) for name in self.names if user.get(self.of(name))}
        if RECORD not in found:
            return found
        notes = read_notes({RECORD: found[RECORD]}, user["id"], now)
        other = {entry.tag for entry in notes.live()}.difference(self.names)
        untils = {tag: min(e.until for e in notes.live(tag)) for tag in other}
        return found | {tag: mark_text("Unused", until) for tag, until in untils.items()}

    def body(self, texts: Mapping[str, str | None]) -> dict[str, str | None]:
        """The properties to PATCH; null empties one."""
        return {self.of(name): text or None for name, text in texts.items()}


def properties_for(app: str | None, tags: Iterable[str]) -> Properties | None:
    """The properties for the record and for marks under these tags; None without an app."""
    names = {RECORD, *(tag.lower() for tag in tags)}
    return Properties(app, tuple(sorted(names))) if app else None


def there(graph: Graph, properties: Properties | None, path: str | None = None) -> Properties | None:
    """The properties, or None where the tenant does not know all of them: the app or one of them is gone.

    `path` is that of any user; without it the first of the listing is asked for. Graph answers 400 to an
    unknown property in $select. Raises GraphError for anything else.
    """
    if properties is None:
        return None
    first = {} if path else {"$top": "1"}
    try:
        graph.get(path or "/users", {"$select": f"id,{properties.select}", **first})
    except GraphError as error:
        if error.status == _BAD_REQUEST:
            return None
        raise
    return properties
