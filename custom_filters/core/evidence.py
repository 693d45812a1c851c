"""What a source says about the last use of a credential or a principal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from custom_filters.core.times import format_optional, in_future, parse_time, to_utc

#: Clouds write 1970 or the year 1 for "no date".
_NO_DATE = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, kw_only=True)
class _Observed:
    """Where a statement comes from.

    `observed_at` is when the cloud produced the data (aware UTC), `value` the raw text it gave.
    `covers` is False for a source that sees the whole principal: it may only veto.
    """

    observed_at: datetime | None = None
    value: str | None = None
    covers: bool = True


@dataclass(frozen=True)
class Used(_Observed):
    """The source saw use, last at `at`."""

    at: datetime
    source: str


@dataclass(frozen=True)
class NeverUsed(_Observed):
    """The source has data reaching back to `since` (None: to the credential's birth) and saw no use.

    `forgets`: an older credential may have been used before that, so it is stale and not never-used.
    """

    since: datetime | None
    source: str
    forgets: bool = False


@dataclass(frozen=True)
class Unknown(_Observed):
    """The source could not tell, and why: it failed, was late or partial, or its data makes no sense."""

    reason: str
    source: str


Evidence = Used | NeverUsed | Unknown


def read_use(
    value: str | datetime,
    source: str,
    *,
    now: datetime,
    observed_at: datetime | None = None,
    covers: bool = True,
) -> Used | Unknown:
    """Turn a last-used date into evidence.

    One that is unreadable, lies in the future or before any cloud is Unknown, never old use.
    """
    raw = value.isoformat() if isinstance(value, datetime) else str(value)
    try:
        at = to_utc(value) if isinstance(value, datetime) else parse_time(str(value))
    except ValueError as error:
        return Unknown(f"last-used date: {error}", source, observed_at=observed_at, value=raw, covers=covers)
    if in_future(at, now) or at <= _NO_DATE:
        reason = f"last-used date {raw} lies {'in the future' if in_future(at, now) else 'before any cloud'}"
        return Unknown(reason, source, observed_at=observed_at, value=raw, covers=covers)
    return Used(at, source, observed_at=observed_at, value=raw, covers=covers)


def evidence_as_dict(evidence: Evidence) -> dict[str, str | None]:
    """The finding's form: source, observed_at (RFC 3339), value (raw, or why there is none)."""
    return {
        "source": evidence.source,
        "observed_at": format_optional(evidence.observed_at),
        "value": _value(evidence) if evidence.value is None else evidence.value,
    }


def _value(evidence: Evidence) -> str | None:
    if isinstance(evidence, Used):
        return format_optional(evidence.at)
    return "never" if isinstance(evidence, NeverUsed) else evidence.reason
