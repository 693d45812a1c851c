"""What we keep on an IAM user: tags with the mark, the marked credentials, the restore record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from custom_filters.aws.credentials import ACCESS_KEY, CERTIFICATE
from custom_filters.core.credential import Credential
from custom_filters.core.evidence import Unknown
from custom_filters.core.record import Item, Record, RecordError, record_in_tags
from custom_filters.policy.markers import RECORD_TAG, RESTORED_TAG

#: The inline policy of `quarantine: true`.
QUARANTINE = "c7n-unused-quarantine"
QUARANTINE_ITEM = Item("quarantine", QUARANTINE)


#: Kinds that the credential report names by slot (`access_key_1`), not by the id that records hold.
BY_SLOT = frozenset({ACCESS_KEY, CERTIFICATE})


def with_records(
    credentials: list[Credential], tags: Mapping[str, str], generated: datetime
) -> list[Credential]:
    """The credentials with what our own records add: switched off, or on again, and when.

    `generated` is when the data was made: what we switched off later, it still shows as on.
    """
    try:
        off, on = record_in_tags(tags, RECORD_TAG), record_in_tags(tags, RESTORED_TAG)
    except RecordError as error:
        problem = f"one of our own tags was damaged ({error}); remove it"
        return [replace(c, age_problem=c.age_problem or problem) for c in credentials]
    if off is not None and off.at >= generated.replace(microsecond=0):
        credentials = [_switched_off(c, credentials, off) for c in credentials]
    return [replace(c, restored=_restored(c, on)) for c in credentials] if on else credentials


def _switched_off(credential: Credential, all_of_them: list[Credential], off: Record) -> Credential:
    """Off, when the record names it; where it names fewer than there are slots, nobody knows which."""
    ids = off.ids(credential.kind)
    if not ids or credential.status == "off":
        return credential
    if credential.kind not in BY_SLOT:
        return replace(credential, status="off") if credential.id in ids else credential
    slots = [c for c in all_of_them if c.kind == credential.kind and c.status == "on"]
    if len(ids) >= len(slots):
        return replace(credential, status="off")
    late = Unknown("one of its kind was switched off after the credential report was made", "status")
    return replace(credential, evidence=(*credential.evidence, late))


def _restored(credential: Credential, record: Record) -> datetime | None:
    ids = record.ids(credential.kind)
    named = bool(ids) if credential.kind in BY_SLOT else credential.id in ids
    return record.at if named else None
