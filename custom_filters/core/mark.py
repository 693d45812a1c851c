"""Marks: the note on an identity that says what will happen to it, and when.

Custodian's own format, `<message>: <op>@YYYY/MM/DD HHMM UTC`, read strictly: hour and UTC are always there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

MarkState = Literal["absent", "pending", "due", "malformed"]

_STAMP = "%Y/%m/%d %H%M UTC"
_MARK = re.compile(
    r"(?P<message>.*): (?P<op>[a-z][a-z0-9-]*)@(?P<at>\d{4}/\d{2}/\d{2} \d{4} UTC)", re.ASCII | re.DOTALL
)


class MalformedMarkError(ValueError):
    """A mark that is not to be trusted; the message quotes it."""


@dataclass(frozen=True)
class Mark:
    """A mark: `op` is due at `at` (aware UTC, whole minutes)."""

    message: str
    op: str
    at: datetime

    def render(self) -> str:
        """The tag's value."""
        return f"{self.message}: {self.op}@{stamp(self.at)}"


def stamp(at: datetime) -> str:
    """A due date as marks carry it. Seconds are rounded up: nothing is ever due early."""
    at = at.astimezone(timezone.utc)
    if at.second or at.microsecond:
        at = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return at.strftime(_STAMP)


def parse_mark(text: str) -> Mark:
    """Read a mark; raises MalformedMarkError on anything that `render` does not write."""
    match = _MARK.fullmatch(text)
    if match is None:
        raise MalformedMarkError(f"mark {text!r} is not '<message>: <op>@YYYY/MM/DD HHMM UTC'")
    try:
        at = datetime.strptime(match["at"], _STAMP).replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise MalformedMarkError(f"mark {text!r} names a date that does not exist") from error
    return Mark(match["message"], match["op"], at)


def mark_state(text: str | None, op: str, now: datetime) -> MarkState:
    """The state of a mark with respect to one operation; a mark for another operation is `malformed`.

    Whoever shares a tag between operations must see it, not have it overwritten or acted on.
    """
    if text is None:
        return "absent"
    try:
        mark = parse_mark(text)
    except MalformedMarkError:
        return "malformed"
    if mark.op != op:
        return "malformed"
    return "due" if now >= mark.at else "pending"
