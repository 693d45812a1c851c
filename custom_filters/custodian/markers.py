"""The notes that we keep on an identity, by name: the mark, what was marked, what was switched off and on.

On AWS these are the user's tags; clouds whose users have no tags keep the same names elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from custom_filters.core.credential import Credential
from custom_filters.core.finding import Progress
from custom_filters.core.mark import MalformedMarkError, Mark, parse_mark
from custom_filters.core.record import Item, Record, RecordError, record_in_tags
from custom_filters.custodian.validation import OUR_OPERATION

RECORD_TAG = "c7n-unused-record"
RESTORED_TAG = "c7n-unused-restored"


def marked_tag(tag: str) -> str:
    """The tag that lists the credentials which the mark in `tag` is about: `c7n-unused-marked`."""
    return f"{tag}-marked"


def progress_of(tags: Mapping[str, str]) -> Progress:
    """Where an identity stands, from its notes. Which of them holds the mark does not matter."""
    if RECORD_TAG in tags:
        return Progress("disabled")
    found = _our_mark(tags)
    if found:
        tag, mark = found
        return Progress("marked", mark.op, mark.at, _marked(tags, tag))
    return Progress("restored" if RESTORED_TAG in tags else "detected")


def _our_mark(tags: Mapping[str, str]) -> tuple[str, Mark] | None:
    """The mark that is due first, and its tag."""
    found = []
    for tag, value in tags.items():
        try:
            found.append((tag, parse_mark(value)))
        except MalformedMarkError:
            continue
    return min((item for item in found if item[1].op == OUR_OPERATION), key=lambda i: i[1].at, default=None)


def _marked(tags: Mapping[str, str], tag: str) -> Record | None:
    """The list of marked credentials; a damaged one counts as none here, and stops the change itself."""
    try:
        return record_in_tags(tags, marked_tag(tag))
    except RecordError:
        return None


def with_restored(credential: Credential, tags: Mapping[str, str], where: str) -> Credential:
    """The credential with the time at which we switched it on again; `where` the notes are, for people."""
    try:
        record = record_in_tags(tags, RESTORED_TAG)
    except RecordError as error:
        problem = f"{RESTORED_TAG} in {where} was damaged ({error}); remove it"
        return replace(credential, age_problem=credential.age_problem or problem)
    named = record is not None and Item(credential.kind, credential.id) in record.items
    return replace(credential, restored=record.at) if record and named else credential
