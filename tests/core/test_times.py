from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_filters.core.times import floor_days, format_optional, format_time, in_future, parse_time, to_utc

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)

READ = {
    "zulu": ("2026-06-15T12:00:00Z", NOON),
    "zulu in small letters": ("2026-06-15t12:00:00z", NOON),
    "blank for T": ("2026-06-15 12:00:00Z", NOON),
    "offset as AWS writes it": ("2026-06-15T12:00:00+00:00", NOON),
    "unknown local offset": ("2026-06-15T12:00:00-00:00", NOON),
    "east": ("2026-06-15T17:30:00+05:30", NOON),
    "west over midnight": ("2026-06-15T00:00:00-12:00", NOON),
    "offset without colon": ("2026-06-15T14:00:00+0200", NOON),
    "milliseconds as Google writes them": ("2026-06-15T12:00:00.000Z", NOON),
    "one digit": ("2026-06-15T12:00:00.5Z", NOON + timedelta(milliseconds=500)),
    "microseconds": ("2026-06-15T12:00:00.000001Z", NOON + timedelta(microseconds=1)),
    "seven digits as Azure writes them": (
        "2026-06-15T12:00:00.1234567Z",
        NOON + timedelta(microseconds=123456),
    ),
    "nine digits are cut, not rounded": (
        "2026-06-15T12:00:00.999999999Z",
        NOON + timedelta(microseconds=999999),
    ),
    "leap day": ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=timezone.utc)),
    "Graph's null": ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=timezone.utc)),
    "Google's never": ("1970-01-01T00:00:00.000Z", datetime(1970, 1, 1, tzinfo=timezone.utc)),
}
REFUSED = {
    "nothing": "",
    "words": "no_information",
    "date alone": "2026-06-15",
    "no zone": "2026-06-15T12:00:00",
    "no seconds": "2026-06-15T12:00Z",
    "zone by name": "2026-06-15T12:00:00 UTC",
    "30 February": "2026-02-30T12:00:00Z",
    "29 February of a common year": "2026-02-29T12:00:00Z",
    "month 13": "2026-13-01T12:00:00Z",
    "hour 24": "2026-06-15T24:00:00Z",
    "leap second": "2026-06-30T23:59:60Z",
    "offset of a day": "2026-06-15T12:00:00+24:00",
    "99 minutes of offset": "2026-06-15T12:00:00+05:99",
    "before the first year": "0001-01-01T00:00:00+14:00",
    "after the last year": "9999-12-31T23:59:59-01:00",
    "blank in front": " 2026-06-15T12:00:00Z",
    "line end": "2026-06-15T12:00:00Z\n",
    "wide digits": "\uff12\uff10\uff12\uff16-06-15T12:00:00Z",
    "empty fraction": "2026-06-15T12:00:00.Z",
    "seconds since 1970": "1781524800",
    "basic format": "20260615T120000Z",
}


@pytest.mark.parametrize(("text", "meant"), READ.values(), ids=READ)
def test_reads(text: str, meant: datetime) -> None:
    assert parse_time(text) == meant
    assert parse_time(text).tzinfo is timezone.utc


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


# Hypothesis takes bounds without a zone.
@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_written_and_read_again_is_the_same_moment(at: datetime) -> None:
    try:
        text = format_time(at)
    except ValueError:  # beyond what UTC can hold
        assert at.year in {1000, 9999}
        return
    assert parse_time(text) == to_utc(at)  # an hour told twice equals none elsewhere
    assert text.endswith("Z")


@given(st.text(max_size=40))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an RFC 3339 timestamp"):
        parse_time(text)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_utc(datetime(2026, 6, 15))  # noqa: DTZ001


def test_no_time_stays_none() -> None:
    assert format_optional(None) is None
    assert format_optional(NOON) == "2026-06-15T12:00:00Z"


def test_an_hour_of_clock_skew_is_believed_and_not_a_microsecond_more() -> None:
    assert not in_future(NOON + timedelta(hours=1), NOON)
    assert in_future(NOON + timedelta(hours=1, microseconds=1), NOON)


def test_days_are_counted_whole_and_never_below_zero() -> None:
    assert floor_days(timedelta(days=90) - timedelta(seconds=1)) == 89
    assert floor_days(-timedelta(minutes=5)) == 0
