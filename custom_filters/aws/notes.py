"""Our notes on an IAM user: its tags, of which AWS allows 50, with 256 characters of a small alphabet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from custom_filters.aws.credentials import ACCESS_KEY, CERTIFICATE
from custom_filters.core.credential import Credential
from custom_filters.core.record import NOTE_LIMIT, Item, RecordError, record_in_tags, record_notes
from custom_filters.core.vocabulary import RECORD_TAG, RESTORED_TAG
from custom_filters.custodian import notes

MOST_TAGS = 50
_ALLOWED = re.compile(r"[\w\s.:/=+\-@]*")
#: The inline policy of `quarantine: true`.
QUARANTINE = "c7n-unused-quarantine"
QUARANTINE_ITEM = Item("quarantine", QUARANTINE)
#: How long a change may take to show in a credential report.
_REPORT_DELAY = timedelta(minutes=5)
#: Kinds that the credential report names by slot (`access_key_1`), not by the id that records hold.
BY_SLOT = frozenset({ACCESS_KEY, CERTIFICATE})


def value_problem(value: str) -> str | None:
    """Why AWS would not take this as a tag's value."""
    if len(value) > NOTE_LIMIT:
        return f"a tag value has at most {NOTE_LIMIT} characters, the mark has {len(value)}; shorten `msg:`"
    if not _ALLOWED.fullmatch(value):
        return "a tag value takes letters, digits, spaces and _.:/=+-@ only; change `msg:`"
    return None


def put_tags(iam: Any, name: str, tags: Mapping[str, str], present: Mapping[str, str]) -> None:
    """Set tags in one call, all or none, on a user who has `present`; RecordError when they do not fit."""
    new = [key for key in tags if key not in present]
    room = MOST_TAGS - len(present)
    if len(new) > room:
        raise RecordError(
            f"the user has {len(present)} tags and AWS allows {MOST_TAGS}: no room for {new[max(room, 0)]}; "
            "remove one"
        )
    iam.tag_user(UserName=name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


def with_other_records(put: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """The notes to set, with what another run recorded since the fresh read kept in the record."""
    ours, theirs = record_in_tags(put, RECORD_TAG), record_in_tags(present, RECORD_TAG)
    if ours is None or theirs is None:
        return dict(put)
    both = record_notes(RECORD_TAG, replace(ours, items=ours.items | theirs.items), MOST_TAGS)
    return {**put, **both}


def with_restored(credentials: Iterable[Credential], tags: Mapping[str, str]) -> tuple[Credential, ...]:
    """The credentials with the time at which we switched them on again, read from the user's tags."""
    return notes.with_restored(credentials, tags, "the user's tags", BY_SLOT)


def outdated_by_us(tags: Mapping[str, str], generated: datetime) -> bool:
    """Whether we switched something off or on about when the credential report was made, or later."""
    for tag in (RECORD_TAG, RESTORED_TAG):
        try:
            record = record_in_tags(tags, tag)
        except RecordError:
            continue
        if record and record.at >= generated - _REPORT_DELAY:
            return True
    return False
