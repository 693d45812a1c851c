"""Our notes on an IAM user: its tags, of which AWS allows 50, with 256 characters of a small alphabet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from custom_filters.aws.credentials import ACCESS_KEY, CERTIFICATE
from custom_filters.core.notes import EXEMPT, PREFIX, read_notes
from custom_filters.core.notes_writing import Place

_ALLOWED = r"[\w\s.:/=+\-@]*"
MOST_TAGS, LONGEST_VALUE = 50, 256
#: How long a change may take to show in a credential report.
_REPORT_DELAY = timedelta(minutes=5)
#: Kinds that the credential report names by slot (`access_key_1`), not by the id that records hold.
BY_SLOT = frozenset({ACCESS_KEY, CERTIFICATE})


def place_for(tags: Mapping[str, str], tag: str) -> Place:
    """What room a user's tags leave for notes; IAM compares the names of tags without case."""
    theirs = [name for name in map(str.lower, tags) if name == EXEMPT or not name.startswith((PREFIX, tag))]
    return Place(
        LONGEST_VALUE,
        parts=MOST_TAGS,
        most=MOST_TAGS - len(theirs),
        allowed=_ALLOWED,
        remedy=f"a user has at most {MOST_TAGS} tags: remove one, or change `msg:`",
    )


def value_problem(value: str) -> str | None:
    """Why AWS would not take this as a tag's value."""
    if len(value) > LONGEST_VALUE:
        return (
            f"a tag value has at most {LONGEST_VALUE} characters, the mark has {len(value)}; shorten `msg:`"
        )
    if not re.fullmatch(_ALLOWED, value):
        return "a tag value takes letters, digits, spaces and _.:/=+-@ only; change `msg:`"
    return None


def outdated_by_us(tags: Mapping[str, str], user_id: str, generated: datetime, now: datetime) -> bool:
    """Whether we switched something off about when the credential report was made, or later."""
    found = read_notes(tags, user_id, now).off()
    return any(e.disabled_at and e.disabled_at >= generated - _REPORT_DELAY for e in found)
