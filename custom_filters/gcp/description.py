"""Our notes on a service account and its keys: at the end of the account's description, in brackets.

`Nightly invoices [c7n-unused: Unused: disable-unused@2026/10/20 1200 UTC]`. A note about keys names them by
the beginning of their ids: `[c7n-unused-record 0a1b2c3d,93a0f2b1: 2026-10-20T12:00:00Z]`. The owner's text
is kept, wherever it was edited. Google allows 256 bytes in all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from custom_filters.core.record import Item, Record, RecordError, pack, unpack
from custom_filters.core.times import format_time, parse_time
from custom_filters.core.vocabulary import RECORD_TAG, RESTORED_TAG, is_marked_tag

LIMIT = 256
_NOTE = re.compile(r" ?\[(c7n-unused[a-z0-9-]*|maid_status)((?: [0-9a-f,]+)?): ([^\[\]]*)\]")
#: 32 bits of a key's id: an account has at most ten keys of its users'.
_PREFIX = 8
#: Notes that hold a time, and for policies read as a record of one credential.
_RECORDS = frozenset({RECORD_TAG, RESTORED_TAG})


@dataclass(frozen=True)
class Description:
    """A description taken apart: the owner's `text`, and notes by name and key ("" for the account's own)."""

    text: str
    notes: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def notes_on(self, item: Item, key: str = "") -> dict[str, str]:
        """The notes on one credential, by the names that policies use."""
        short = key[:_PREFIX]
        return {name: _long(name, text, item) for (name, owner), text in self.notes.items() if owner == short}

    def changed(self, key: str, changes: Mapping[str, str | None]) -> Description:
        """The description with notes on one key, or on the account, set; None removes one."""
        named = {(name, key[:_PREFIX]): _short(name, text) for name, text in changes.items()}
        merged = {**self.notes, **named}
        return Description(self.text, {name: text for name, text in merged.items() if text is not None})

    def render(self) -> str:
        """The description as Google keeps it; raises RecordError when it does not fit."""
        parts = [self.text] if self.text else []
        notes = "".join(self._groups())
        whole = " ".join([*parts, notes] if notes else parts)
        size = len(whole.encode())
        if size > LIMIT:
            raise RecordError(
                f"its description would need {size} bytes and Google allows {LIMIT}: shorten the description "
                f"by {size - LIMIT} bytes, or the policy's `msg:`, and run again"
            )
        return whole

    def _groups(self) -> list[str]:
        keys: dict[tuple[str, str], list[str]] = {}
        for (name, key), text in sorted(self.notes.items()):
            keys.setdefault((name, text), []).extend([key] if key else [])
        alone = {(name, text) for (name, key), text in self.notes.items() if not key}
        groups = [f"[{name}: {text}]" for name, text in sorted(alone)]
        return groups + [f"[{name} {','.join(ids)}: {text}]" for (name, text), ids in keys.items() if ids]


def parse_description(description: str) -> Description:
    """Take a description apart; a note that is there twice keeps its first text."""
    notes: dict[tuple[str, str], str] = {}
    for name, keys, text in _NOTE.findall(description):
        for key in keys.strip().split(",") if keys else [""]:
            notes.setdefault((name, key), text)
    return Description(_NOTE.sub("", description), notes)


def _short(name: str, text: str | None) -> str | None:
    """What is kept of a record `1/1 TIME [until=TIME] kind=id`: one time, since it is clear whose it is."""
    if text is None or not (name in _RECORDS or is_marked_tag(name)):
        return text
    record = unpack([text])
    return format_time(record.until or record.at) if record else None


def _long(name: str, text: str, item: Item) -> str:
    """The record that a note stands for; a text that is no time is passed on, to be refused as a record."""
    if not (name in _RECORDS or is_marked_tag(name)):
        return text
    try:
        at = parse_time(text)
    except ValueError:
        return text
    until = at if is_marked_tag(name) else None
    return pack(Record(at, frozenset([item]), until), limit=LIMIT, parts=1)[0]
