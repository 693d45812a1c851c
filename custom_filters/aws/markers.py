"""What we keep on an IAM user: tags with the mark, the marked credentials, the restore record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from custom_filters.aws.credentials import ACCESS_KEY, CERTIFICATE
from custom_filters.core.credential import Credential
from custom_filters.core.finding import Progress
from custom_filters.core.mark import MalformedMarkError, Mark, parse_mark
from custom_filters.core.record import Item, Record, RecordError, record_in_tags
from custom_filters.policy.validation import OUR_OPERATION

RECORD_TAG = "c7n-unused-record"
RESTORED_TAG = "c7n-unused-restored"
#: The inline policy of `quarantine: true`.
QUARANTINE = "c7n-unused-quarantine"
QUARANTINE_ITEM = Item("quarantine", QUARANTINE)


def marked_tag(tag: str) -> str:
    """The tag that lists the credentials which the mark in `tag` is about: `c7n-unused-marked`."""
    return f"{tag}-marked"


#: Kinds that the credential report names by slot (`access_key_1`), not by the id that records hold.
BY_SLOT = frozenset({ACCESS_KEY, CERTIFICATE})


def progress_of(tags: Mapping[str, str]) -> Progress:
    """Where a user stands, from its tags. Which tag holds the mark does not matter."""
    if RECORD_TAG in tags:
        return Progress("disabled")
    mark = _our_mark(tags)
    if mark:
        return Progress("marked", mark.op, mark.at)
    return Progress("restored" if RESTORED_TAG in tags else "detected")


def _our_mark(tags: Mapping[str, str]) -> Mark | None:
    for value in tags.values():
        try:
            mark = parse_mark(value)
        except MalformedMarkError:
            continue
        if mark.op == OUR_OPERATION:
            return mark
    return None


def with_restored(credentials: list[Credential], tags: Mapping[str, str]) -> list[Credential]:
    """The credentials with the time at which we switched them on again, read from the user's tags."""
    try:
        record = record_in_tags(tags, RESTORED_TAG)
    except RecordError as error:
        problem = f"tag {RESTORED_TAG} was damaged ({error}); remove it"
        return [replace(c, age_problem=c.age_problem or problem) for c in credentials]
    if record is None:
        return credentials
    return [replace(c, restored=_restored(c, record)) for c in credentials]


def _restored(credential: Credential, record: Record) -> datetime | None:
    ids = record.ids(credential.kind)
    named = bool(ids) if credential.kind in BY_SLOT else credential.id in ids
    return record.at if named else None
