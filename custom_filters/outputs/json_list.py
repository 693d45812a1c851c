"""Reads a JSON list piece by piece, with one entry in memory at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

#: A longer entry is refused (characters).
LONGEST_ENTRY = 8 * 1024**2
_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DECODER = json.JSONDecoder()


def entries(pieces: Iterable[bytes]) -> Iterator[Any]:
    """The entries of the UTF-8 text of a JSON list; half a surrogate pair in one becomes `?`.

    Raises TypeError when the text is something else than a list, ValueError when it is damaged or an entry is
    too long, and RecursionError when it is nested too deep.
    """
    text = _Text(pieces)
    if (first := text.next_character()) != "[":
        raise (
            TypeError("no list") if first in set('{"-0123456789tfn') else ValueError("it is empty or damaged")
        )
    text.at += 1
    if text.next_character() != "]":
        yield text.entry()
        while text.next_character() == ",":
            text.at += 1
            yield text.entry()
    if text.next_character() != "]":
        raise ValueError("it ends within its list")
    text.at += 1
    if text.next_character():
        raise ValueError("something follows its list")


def without_surrogates(value: Any) -> Any:
    """The same JSON value with `?` for half a surrogate pair, which cannot be written to a report."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def may_hold_surrogates(text: str, start: int = 0, end: int | None = None) -> bool:
    """Whether JSON text has an escape that may be half a surrogate pair."""
    return _SURROGATE.search(text, start, len(text) if end is None else end) is not None


class _Text:
    """The text that was read and not yet used, and the position in it."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._pieces = iter(pieces)
        self._text = ""
        self.at = 0

    def _more(self) -> bool:
        piece = next(self._pieces, None)
        self._text = self._text[self.at :] + self._decoder.decode(piece or b"", final=piece is None)
        self.at = 0
        return piece is not None

    def next_character(self) -> str:
        """The next character that is not a space; "" at the end."""
        while True:
            match = _SPACE.match(self._text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self._text):
                return self._text[self.at]
            if not self._more():
                return ""

    def entry(self) -> Any:
        """The next entry."""
        self.next_character()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self.at)
            except json.JSONDecodeError as error:
                if len(self._text) - self.at > LONGEST_ENTRY:
                    raise ValueError(f"an entry is longer than {LONGEST_ENTRY} characters") from error
                if not self._more():
                    raise
                continue
            escaped = may_hold_surrogates(self._text, self.at, end)
            self.at = end
            return without_surrogates(value) if escaped else value
