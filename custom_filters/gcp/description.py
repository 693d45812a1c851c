"""Our notes on a service account and its keys: at the end of the account's description, in brackets.

`Nightly invoices [c7n-unused: Unused: disable-unused@2026/10/20 1200 UTC] [c7n-unused-record: ...]`. The
owner's text is kept, wherever it was edited. Google allows 256 bytes in all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from custom_filters.core.notes_writing import Place
from custom_filters.core.vocabulary import STOCK_TAG

LIMIT = 256
#: A note's text holds no brackets.
_TEXT = r"[^\[\]]*"
_NOTE = re.compile(rf" ?\[(c7n-unused[a-z0-9-]*|{STOCK_TAG}): ({_TEXT})\]")


@dataclass(frozen=True)
class Description:
    """A description taken apart: the owner's `text`, and our notes by name."""

    text: str
    notes: Mapping[str, str] = field(default_factory=dict)

    def changed(self, changes: Mapping[str, str | None]) -> Description:
        """The description with notes set; None or an empty text takes one away."""
        merged = {**self.notes, **changes}
        return Description(self.text, {name: text for name, text in merged.items() if text})

    def render(self) -> str:
        """The description as Google keeps it."""
        notes = (f"[{name}: {text}]" for name, text in sorted(self.notes.items()))
        return " ".join([*([self.text] if self.text else []), *notes])

    def place(self, ids: frozenset[str] = frozenset()) -> Place:
        """The room beside the owner's text; `ids` are those of all keys of the account."""
        free = LIMIT - len(self.text.encode())
        remedy = f"shorten the service account's description ({free} bytes are free) or the policy's `msg:`"
        return Place(LIMIT, total=free, allowed=_TEXT, ids=ids, remedy=remedy)


def parse_description(description: str) -> Description:
    """Take a description apart; a note that is there twice keeps its first text."""
    notes: dict[str, str] = {}
    for name, text in _NOTE.findall(description):
        notes.setdefault(name, text)
    return Description(_NOTE.sub("", description), notes)
