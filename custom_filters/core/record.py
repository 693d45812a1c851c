"""Lists of credentials that are kept in the cloud itself, in short texts such as tag values.

Two lists use this form: which credentials were marked and when, and what `disable-unused` switched off. A
text reads `1/2 2026-12-07T10:00:00Z access-key=AKIA... password=password`: part/parts, time, then kind=id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from custom_filters.core.times import format_time, parse_time

_HEAD = re.compile(r"(\d{1,3})/(\d{1,3}) (\S+)(?: (.*))?", re.ASCII | re.DOTALL)
_ITEM = re.compile(r"([a-z][a-z-]*)=([^\s=]+)", re.ASCII)
_FURTHER = r"-\d{1,3}"
_UNTIL = "until"
#: Characters in one note, on every cloud.
NOTE_LIMIT = 256


class RecordError(ValueError):
    """A record that does not fit, or that was changed by other hands; the message says which."""


@dataclass(frozen=True, order=True)
class Item:
    """One credential of a record."""

    kind: str
    id: str


@dataclass(frozen=True)
class Record:
    """Credentials and the time (aware UTC) of what the record tells about them.

    `until` is when the notice ends, in a record of marked credentials.
    """

    at: datetime
    items: frozenset[Item]
    until: datetime | None = None

    def ids(self, kind: str) -> frozenset[str]:
        """The ids of one kind."""
        return frozenset(item.id for item in self.items if item.kind == kind)


def pack(record: Record, *, limit: int, parts: int) -> list[str]:
    """Write a record as at most `parts` texts of at most `limit` characters each.

    Raises RecordError when it does not fit or an item cannot be written.
    """
    words = [f"{_UNTIL}={format_time(record.until)}"] if record.until else []
    words += [f"{item.kind}={item.id}" for item in sorted(record.items)]
    wrong = next((w for w in words if not _ITEM.fullmatch(w)), None)
    if wrong:
        raise RecordError(f"credential {wrong!r} cannot be written into a record")
    head = f"000/000 {format_time(record.at)}"
    lines = _fill(words, limit - len(head))
    if len(lines) > parts or any(len(line) > limit - len(head) for line in lines):
        raise RecordError(
            f"a record of {len(words)} credentials needs more than {parts} texts of {limit} characters; "
            "remove credentials that are not needed or free room, then run again"
        )
    stamp = format_time(record.at)
    return [f"{n}/{len(lines)} {stamp}{line}" for n, line in enumerate(lines, 1)]


def _fill(words: Iterable[str], room: int) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append("")
        lines[-1] += f" {word}"
    return lines


def unpack(texts: Iterable[str]) -> Record | None:
    """Read a record from its texts, in any order; None when there are none.

    Raises RecordError when a part is missing, doubled, unreadable or of another time than the rest.
    """
    parts = [_read(text) for text in texts]
    if not parts:
        return None
    totals, stamps = {p[1] for p in parts}, {p[2] for p in parts}
    if len(totals) != 1 or len(stamps) != 1 or sorted(p[0] for p in parts) != list(range(1, len(parts) + 1)):
        raise RecordError("the parts of the record do not belong together")
    if totals != {len(parts)}:
        raise RecordError(f"{len(parts)} of {totals.pop()} parts of the record are there")
    items = frozenset(item for part in parts for item in part[3])
    ends = [item for item in items if item.kind == _UNTIL]
    return Record(parts[0][2], items.difference(ends), _notice_end(ends))


def _notice_end(ends: list[Item]) -> datetime | None:
    try:
        return max((parse_time(item.id) for item in ends), default=None)
    except ValueError as error:
        raise RecordError(f"the record's end of notice: {error}") from error


def _read(text: str) -> tuple[int, int, datetime, frozenset[Item]]:
    head = _HEAD.fullmatch(text)
    if head is None:
        raise RecordError(f"{text!r} is not a record")
    items = [_ITEM.fullmatch(word) for word in (head[4] or "").split()]
    try:
        at = parse_time(head[3])
    except ValueError as error:
        raise RecordError(f"{text!r} is not a record: {error}") from error
    if None in items:
        raise RecordError(f"{text!r} is not a record: it must list kind=id")
    return int(head[1]), int(head[2]), at, frozenset(Item(m[1], m[2]) for m in items if m)


def tag_names(name: str, count: int) -> list[str]:
    """The names of the tags that hold `count` parts: NAME, NAME-2, NAME-3..."""
    return [name if n == 1 else f"{name}-{n}" for n in range(1, count + 1)]


def record_notes(name: str, record: Record, parts: int) -> dict[str, str]:
    """The notes that hold a record, NOTE_LIMIT characters each; RecordError when `parts` do not suffice."""
    texts = pack(record, limit=NOTE_LIMIT, parts=parts)
    return dict(zip(tag_names(name, len(texts)), texts, strict=True))


def parts_in(notes: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The names of all notes that hold, or once held, parts of a record."""
    return tuple(key for key in notes if key == name or re.fullmatch(re.escape(name) + _FURTHER, key))


def record_in_tags(tags: Mapping[str, str], name: str) -> Record | None:
    """Find and read a record in an identity's tags; raises RecordError when it was damaged.

    The first part says how many there are; further ones are left over from a longer record and do not count.
    """
    first = tags.get(name)
    if first is None:
        if parts_in(tags, name):
            raise RecordError(f"the first part of the record, {name}, is missing")
        return None
    wanted = tag_names(name, _read(first)[1])
    return unpack(tags[key] for key in wanted if key in tags)


def difference(record: Record | None, expected: Sequence[str] | None) -> str | None:
    """How the record in the cloud differs from `expected` (items as kind=id; None: from nothing)."""
    if expected is None:
        return None
    in_cloud = sorted(f"{item.kind}={item.id}" for item in record.items) if record else []
    if in_cloud == sorted(expected):
        return None
    return f"the record in the cloud ({_list(in_cloud)}) is not that of the run ({_list(sorted(expected))})"


def _list(words: Sequence[str]) -> str:
    return ", ".join(words) or "empty"
