"""How long to wait before a call is made again."""

from __future__ import annotations

import math
import random
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0


def backoff(failures: int) -> float:
    """Seconds to wait after this many failures without a Retry-After: exponential, with jitter."""
    return min(_FIRST_WAIT * 2.0 ** min(failures - 1, 16), _LONGEST_WAIT) * random.uniform(0.5, 1)  # noqa: S311


def jittered(seconds: float) -> float:
    """What a cloud asked for and up to a tenth more, so that waiting processes do not start at once."""
    return seconds * random.uniform(1, 1.1)  # noqa: S311 (no secret)


def parse_retry_after(text: str | None, now: datetime | None = None) -> float | None:
    """Seconds from a Retry-After of seconds (also 1.5) or a date; None when absent or unreadable."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return _until(text, now or datetime.now(timezone.utc))
    return seconds if 0 <= seconds < math.inf else None


def _until(text: str, now: datetime) -> float | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - now).total_seconds())
