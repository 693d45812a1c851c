"""How values and bytes are damaged: by a `random.Random`, seeded or one of hypothesis."""

from __future__ import annotations

import json
import random
from typing import Any

#: Nothing in here is a date on which something was used, or a cloud's word for "never".
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**18, 10**400, 0.5, 1e308, float("nan"), float("inf"), "", "x", "\ud800",
    "\x1b[2J", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "=1+1", "a" * 3000, [], {}, [[]], [{}],
    {"": None}, "111111111111", json.loads("[" * 200 + "]" * 200),
)  # fmt: skip
_PUT = (b"", b"\x00", b"[", b"}", b"\\ud800", b"\xed\xa0\x80", b"\xff", b"9" * 50, b"[" * 100_000)


def mutate(value: Any, dice: random.Random, odd: tuple[Any, ...] = ODD) -> Any:
    """The value with one thing in it, anywhere, replaced, removed, doubled or renamed."""
    if not isinstance(value, (dict, list)) or not value or dice.random() < 0.1:
        return dice.choice(odd)
    places = list(value) if isinstance(value, dict) else range(len(value))
    place, what = dice.choice(places), dice.random()
    copy = dict(value) if isinstance(value, dict) else list(value)
    if what < 0.7:
        copy[place] = mutate(value[place], dice, odd)
    elif what < 0.85:
        del copy[place]
    elif isinstance(copy, list):
        copy.append(value[place])
    else:
        copy[str(dice.choice(odd))] = copy.pop(place)
    return copy


def mutate_text(content: bytes, dice: random.Random, odd: tuple[Any, ...] = ODD) -> bytes:
    """The JSON with one value changed."""
    return json.dumps(mutate(json.loads(content), dice, odd)).encode()


def mutate_line(content: bytes, dice: random.Random, odd: tuple[Any, ...] = ODD) -> bytes:
    """JSON lines with one value of one line changed, or one line gone, doubled or moved."""
    lines = content.splitlines(keepends=True)
    place, what = dice.randrange(len(lines)), dice.random()
    if what < 0.7 and lines[place].strip():
        lines[place] = mutate_text(lines[place], dice, odd) + b"\n"
    elif what < 0.8:
        del lines[place]
    else:
        lines.insert(dice.randrange(len(lines)), lines[place])
    return b"".join(lines) or b"\n"


def damaged(content: bytes, dice: random.Random) -> bytes:
    """The bytes with some cut, changed or repeated."""
    at = dice.randrange(len(content) + 1)
    length = dice.choice((0, 1, 2, 40))
    return content[:at] + dice.choice((*_PUT, content)) + content[at + length :]
