"""What we keep on an Entra user: one open extension with a list of texts, `name=value`, used like tags.

https://learn.microsoft.com/graph/api/resources/opentypeextension: 2 KB each; on directory objects a PATCH
replaces all of the extension, so every change starts from a fresh read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from custom_filters.core.credential import Credential
from custom_filters.core.record import Item, Record, RecordError, pack, record_in_tags, tag_names
from custom_filters.custodian.markers import RESTORED_TAG

EXTENSION = "io.github.c7nunused"
#: Entra's limit for an open extension, in bytes, with room for what Entra adds.
_LIMIT = 1900
_TEXT = 256
_PARTS = 8
_KIND = "microsoft.graph.openTypeExtension"


def tags_in(user: Mapping[str, Any]) -> dict[str, str]:
    """Our tags on a user that was read with `$expand=extensions`."""
    for extension in user.get("extensions") or ():
        if str(extension.get("id", "")).removeprefix(f"{_KIND}.") == EXTENSION:
            return _parse(extension.get("tags") or ())
    return {}


def _parse(texts: Iterable[Any]) -> dict[str, str]:
    """A text without `=` was not written by us: a tag without a value is malformed wherever it counts."""
    pairs = (str(text).partition("=") for text in texts)
    return {name: value for name, _, value in pairs}


def body_of(tags: Mapping[str, str]) -> dict[str, Any]:
    """The extension that holds these tags; raises RecordError when they do not fit."""
    texts = [f"{name}={value}" for name, value in sorted(tags.items())]
    size = len(json.dumps(texts, ensure_ascii=False).encode())
    if size > _LIMIT:
        raise RecordError(
            f"the user's marks and records need {size} bytes and Entra allows {_LIMIT}; shorten `msg:`"
        )
    return {"@odata.type": _KIND, "extensionName": EXTENSION, "tags": texts}


def record_tags(name: str, record: Record) -> dict[str, str]:
    """The tags that hold a record."""
    texts = pack(record, limit=_TEXT, parts=_PARTS)
    return dict(zip(tag_names(name, len(texts)), texts, strict=True))


def with_changes(tags: Mapping[str, str], put: Mapping[str, str], drop: Iterable[str] = ()) -> dict[str, str]:
    """The tags after a change; a dropped name takes the further parts of its record along."""
    gone = {part for name in drop for part in tag_names(name, _PARTS)}
    return {**{name: value for name, value in tags.items() if name not in gone}, **put}


def with_restored(credential: Credential, tags: Mapping[str, str]) -> Credential:
    """The credential with the time at which we switched it on again."""
    try:
        record = record_in_tags(tags, RESTORED_TAG)
    except RecordError as error:
        problem = f"{RESTORED_TAG} in the extension {EXTENSION} was damaged ({error}); delete the extension"
        return replace(credential, age_problem=credential.age_problem or problem)
    named = record is not None and Item(credential.kind, credential.id) in record.items
    return replace(credential, restored=record.at) if record and named else credential
