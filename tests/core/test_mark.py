from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_filters.core.mark import MalformedMarkError, Mark, mark_state, parse_mark, stamp

DUE = datetime(2026, 6, 15, 12, 30, tzinfo=timezone.utc)
GOOD = "Resource does not meet policy: disable-unused@2026/06/15 1230 UTC"
MALFORMED = {
    "empty": "",
    "words": "no",
    "no message": "disable-unused@2026/06/15 1230 UTC",
    "no operation": "x: @2026/06/15 1230 UTC",
    "date alone": "x: disable-unused@2026/06/15",
    "two digits of a year": "x: disable-unused@26/06/15 1230 UTC",
    "a number": "x: disable-unused@99",
    "colon in the hour": "x: disable-unused@2026/06/15 12:30 UTC",
    "no zone": "x: disable-unused@2026/06/15 1230",
    "another zone": "x: disable-unused@2026/06/15 1230 PDT",
    "zone in small letters": "x: disable-unused@2026/06/15 1230 utc",
    "something behind": GOOD + " or so",
    "line end": GOOD + "\n",
    "blank behind the colon is missing": "x:disable-unused@2026/06/15 1230 UTC",
    "30 February": "x: disable-unused@2026/02/30 1230 UTC",
    "month 0": "x: disable-unused@2026/00/15 1230 UTC",
    "hour 24": "x: disable-unused@2026/06/15 2400 UTC",
    "minute 60": "x: disable-unused@2026/06/15 1260 UTC",
    "year 0": "x: disable-unused@0000/06/15 1230 UTC",
    "wide digits": "x: disable-unused@\uff12\uff10\uff12\uff16/06/15 1230 UTC",
    "operation with a blank": "x: disable unused@2026/06/15 1230 UTC",
    "operation in capitals": "x: Disable-Unused@2026/06/15 1230 UTC",
    "dashes in the date": "x: disable-unused@2026-06-15 1230 UTC",
}

minutes = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 (hypothesis takes bounds without a zone)
    datetime(2999, 12, 31),  # noqa: DTZ001
).map(lambda at: at.replace(second=0, microsecond=0, tzinfo=timezone.utc))
operations = st.from_regex(r"[a-z][a-z0-9-]*", fullmatch=True)


@given(st.builds(Mark, st.text(), operations, minutes))
def test_marks_round_trip(mark: Mark) -> None:
    assert parse_mark(mark.render()) == mark


@given(st.from_regex(r"(.*: ?[a-z-]*@?)?\d{1,4}.\d{1,2}.\d{1,2} ?\d{0,4} ?(UTC|utc|PDT)?"))
def test_what_is_read_is_what_is_written(text: str) -> None:
    """Nothing that `render` would not write is taken for a mark."""
    try:
        mark = parse_mark(text)
    except MalformedMarkError:
        return
    assert mark.render() == text


@given(st.builds(Mark, st.just("x"), operations, minutes), st.integers(0, 60), st.characters())
def test_a_character_more_is_refused_or_part_of_the_message(mark: Mark, place: int, more: str) -> None:
    text = mark.render()
    place = min(place, len(text))
    changed = text[:place] + more + text[place:]
    try:
        read = parse_mark(changed)
    except MalformedMarkError:
        return
    assert read.render() == changed
    assert read.at == mark.at


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_malformed_text_is_refused(text: str) -> None:
    with pytest.raises(MalformedMarkError) as caught:
        parse_mark(text)
    assert repr(text) in str(caught.value)
    assert mark_state(text, "disable-unused", DUE) == "malformed"


STATES = {
    "absent": (None, DUE, "absent"),
    "a second before": (GOOD, DUE - timedelta(seconds=1), "pending"),
    "at the minute": (GOOD, DUE, "due"),
    "years later": (GOOD, DUE + timedelta(days=900), "due"),
    "due, in another zone's words": (GOOD, DUE.astimezone(timezone(timedelta(hours=-7))), "due"),
    "for another operation": (GOOD.replace("disable-unused", "delete"), DUE, "malformed"),
    "of stock Custodian, without an hour": ("x: disable-unused@2020/01/01", DUE, "malformed"),
}


@pytest.mark.parametrize(("text", "now", "state"), STATES.values(), ids=STATES)
def test_state(text: str | None, now: datetime, state: str) -> None:
    assert mark_state(text, "disable-unused", now) == state


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(2000, 1, 1)))  # noqa: DTZ001
def test_nothing_is_due_early(at: datetime) -> None:
    if at.year > 9990:
        return
    due = parse_mark(f"x: op@{stamp(at)}").at
    assert timedelta() <= due - at < timedelta(minutes=1)
