"""Writing our notes on an IAM user, within AWS's limits: 50 tags, 256 characters of a small alphabet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from custom_filters.core.record import Record, RecordError, pack, tag_names

_MOST_TAGS = 50
_VALUE_LIMIT = 256
_ALLOWED = re.compile(r"[\w\s.:/=+\-@]*")


def record_tags(name: str, record: Record, tags: Mapping[str, str], *, spare: int = 0) -> dict[str, str]:
    """The tags that hold a record on a user who has `tags`; `spare` more will be set with them.

    Raises RecordError when they do not fit.
    """
    ours = set(tag_names(name, _MOST_TAGS))
    free = _MOST_TAGS - len(tags.keys() - ours) - spare
    if free < 1:
        raise RecordError(
            f"the user has {len(tags)} tags and AWS allows {_MOST_TAGS}: no room for {name}; remove one"
        )
    texts = pack(record, limit=_VALUE_LIMIT, parts=free)
    return dict(zip(tag_names(name, len(texts)), texts, strict=True))


def value_problem(value: str) -> str | None:
    """Why AWS would not take this as a tag's value."""
    if len(value) > _VALUE_LIMIT:
        return f"a tag value has at most {_VALUE_LIMIT} characters, the mark has {len(value)}; shorten `msg:`"
    if not _ALLOWED.fullmatch(value):
        return "a tag value takes letters, digits, spaces and _.:/=+-@ only; change `msg:`"
    return None


def put_tags(iam: Any, name: str, tags: Mapping[str, str]) -> None:
    """Set tags in one call: all of them or none."""
    iam.tag_user(UserName=name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


def drop_tags(iam: Any, name: str, present: Mapping[str, str], mark: str, *records: str) -> None:
    """Remove the mark and the records, with all their parts, as far as they are there, in one call."""
    parts = {key for record in records for key in tag_names(record, _MOST_TAGS)}
    wanted = (parts | {mark}) & present.keys()
    if wanted:
        iam.untag_user(UserName=name, TagKeys=sorted(wanted))
