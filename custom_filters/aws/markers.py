"""What we keep on an IAM user: tags with the mark, the marked credentials, the restore record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from custom_filters.aws.credentials import ACCESS_KEY, CERTIFICATE
from custom_filters.core.credential import Credential
from custom_filters.core.record import Item, Record, RecordError, record_in_tags
from custom_filters.custodian.markers import RECORD_TAG, RESTORED_TAG

#: The inline policy of `quarantine: true`.
QUARANTINE = "c7n-unused-quarantine"
#: How long a change may take to show in a credential report.
_REPORT_DELAY = timedelta(minutes=5)
QUARANTINE_ITEM = Item("quarantine", QUARANTINE)


#: Kinds that the credential report names by slot (`access_key_1`), not by the id that records hold.
BY_SLOT = frozenset({ACCESS_KEY, CERTIFICATE})


def with_restored(credentials: list[Credential], tags: Mapping[str, str]) -> list[Credential]:
    """The credentials with the time at which we switched them on again, read from the user's tags."""
    try:
        record = record_in_tags(tags, RESTORED_TAG)
    except RecordError as error:
        problem = f"tag {RESTORED_TAG} was damaged ({error}); remove it"
        return [replace(c, age_problem=c.age_problem or problem) for c in credentials]
    return [replace(c, restored=_restored(c, record)) for c in credentials] if record else credentials


def _restored(credential: Credential, record: Record) -> datetime | None:
    ids = record.ids(credential.kind)
    named = bool(ids) if credential.kind in BY_SLOT else credential.id in ids
    return record.at if named else None


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
