"""Dates as the clouds write them, read strictly: aware UTC or an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

#: A date further ahead than this is wrong data, not clock skew.
FUTURE_TOLERANCE = timedelta(hours=1)

_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,12}))?(?:([Zz])|([+-]\d{2}):?([0-5]\d))", re.ASCII
)


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 timestamp into aware UTC; fractions beyond microseconds are cut.

    Raises ValueError when the text is not a timestamp or has no time zone.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 timestamp with a time zone")
    date, clock, fraction, zulu, hours, minutes = match.groups()
    offset = "+00:00" if zulu else f"{hours}:{minutes}"
    micro = (fraction or "")[:6].ljust(6, "0")
    return to_utc(datetime.fromisoformat(f"{date}T{clock}.{micro}{offset}"))


def read_optional(found: Mapping[str, Any], name: str) -> tuple[datetime | None, str | None]:
    """A field's date, and what is wrong with it; (None, None) where the field is absent or empty."""
    text = found.get(name)
    if not text:
        return None, None
    try:
        return parse_time(text), None
    except ValueError as error:
        return None, f"{name}: {error}"


def to_utc(at: datetime) -> datetime:
    """Convert an aware datetime to UTC; raises ValueError on a naive one or one out of range."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    try:
        return at.astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError(f"{at.isoformat()} is out of range") from error


def format_time(at: datetime) -> str:
    """Write an aware datetime as RFC 3339 UTC, to the second (microseconds only when there are any)."""
    return to_utc(at).isoformat().replace("+00:00", "Z")


def format_optional(at: datetime | None) -> str | None:
    """Like format_time, with None kept as None."""
    return None if at is None else format_time(at)


def in_future(at: datetime, now: datetime) -> bool:
    """Whether `at` lies more than an hour after `now`, so that it cannot be believed."""
    return at - now > FUTURE_TOLERANCE


def floor_days(span: timedelta) -> int:
    """Whole days in a span, for people; never used to decide."""
    return max(span.days, 0)
