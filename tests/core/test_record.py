from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_filters.core.record import (
    Item,
    Record,
    RecordError,
    difference,
    pack,
    record_in_tags,
    tag_names,
    unpack,
)

AT = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
KEYS = Record(AT, frozenset({Item("access-key", "AKIA1"), Item("password", "password")}))
STAMP = "2026-06-15T12:00:00Z"

kinds = st.sampled_from(("password", "access-key", "service-specific-credential"))
ids = st.integers(0, 10**24).map("AK{}".format) | st.sampled_from(("password", "a@b.example", "+x/y_:z.-"))
items = st.builds(Item, kinds, ids)
times = st.datetimes(datetime(2000, 1, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001
records = st.builds(Record, times, st.frozensets(items, max_size=25), st.none() | times)


def test_a_short_record_is_one_text() -> None:
    texts = pack(KEYS, limit=256, parts=1)
    assert texts == [f"1/1 {STAMP} access-key=AKIA1 password=password"]


@given(records, st.randoms())
def test_records_round_trip_in_any_order(record: Record, shuffled: object) -> None:
    texts = pack(record, limit=256, parts=50)
    shuffled.shuffle(texts)  # type: ignore[attr-defined]
    assert unpack(texts) == record
    assert all(len(text) <= 256 for text in texts)


@given(records)
def test_a_lost_part_is_noticed(record: Record) -> None:
    texts = pack(record, limit=120, parts=50)
    for lost in range(len(texts)) if len(texts) > 1 else ():
        with pytest.raises(RecordError):
            unpack(texts[:lost] + texts[lost + 1 :])


@given(records, st.integers(60, 300), st.integers(1, 3))
def test_limits_are_kept_or_the_record_is_refused(record: Record, limit: int, parts: int) -> None:
    try:
        texts = pack(record, limit=limit, parts=parts)
    except RecordError as error:
        assert str(parts) in str(error)  # noqa: PT017 (either outcome is right)
        return
    assert len(texts) <= parts
    assert all(len(text) <= limit for text in texts)


@given(records)
def test_values_are_allowed_in_aws_tags(record: Record) -> None:
    allowed = set("_.:/=+-@ ")
    for text in pack(record, limit=256, parts=50):
        assert all(c.isalnum() or c in allowed for c in text)


def test_what_does_not_fit_is_refused_with_the_remedy() -> None:
    many = Record(AT, frozenset(Item("access-key", f"AKIA{n:016}") for n in range(20)))
    with pytest.raises(RecordError, match=r"20 credentials needs more than 1 texts of 256.*run again"):
        pack(many, limit=256, parts=1)
    with pytest.raises(RecordError, match="more than 9 texts"):
        pack(Record(AT, frozenset({Item("ssh-key", "A" * 300)})), limit=256, parts=9)


@pytest.mark.parametrize(
    "item", [Item("ssh-key", "a b"), Item("ssh-key", ""), Item("Key", "a"), Item("k", "a=b")]
)
def test_an_item_that_could_not_be_read_again_is_refused(item: Item) -> None:
    with pytest.raises(RecordError, match="cannot be written"):
        pack(Record(AT, frozenset({item})), limit=256, parts=1)


DAMAGED = {
    "empty": [""],
    "words": ["hello"],
    "no time": ["1/1 password=password"],
    "time of nowhere": ["1/1 2026-06-15T12:00:00 password=password"],
    "no such day": ["1/1 2026-02-30T12:00:00Z password=password"],
    "an item without id": [f"1/1 {STAMP} password="],
    "an item without kind": [f"1/1 {STAMP} AKIA1"],
    "part 2 of 1": [f"2/1 {STAMP} password=password"],
    "part 0": [f"0/1 {STAMP} password=password"],
    "notice that ends some day": [f"1/1 {STAMP} until=soon a=b"],
    "notice that ends nowhere": [f"1/1 {STAMP} until=2026-06-15T12:00:00 a=b"],
    "second part missing": [f"1/2 {STAMP} a=b"],
    "first part missing": [f"2/2 {STAMP} a=b"],
    "middle part missing": [f"1/3 {STAMP} a=b", f"3/3 {STAMP} c=d"],
    "a part twice": [f"1/2 {STAMP} a=b", f"1/2 {STAMP} c=d"],
    "totals differ": [f"1/2 {STAMP} a=b", f"2/3 {STAMP} c=d"],
    "times differ": [f"1/2 {STAMP} a=b", "2/2 2026-06-15T12:00:01Z c=d"],
    "a part too many": [f"1/1 {STAMP} a=b", f"2/1 {STAMP} c=d"],
}


@pytest.mark.parametrize("texts", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_record_is_refused(texts: list[str]) -> None:
    with pytest.raises(RecordError):
        unpack(texts)


def test_no_texts_no_record() -> None:
    assert unpack([]) is None


def test_an_empty_record_is_a_record() -> None:
    empty = Record(AT, frozenset())
    assert unpack(pack(empty, limit=256, parts=1)) == empty


@given(
    records,
    st.dictionaries(st.sampled_from(("owner", "other", "c7n-unused-recorded", "xc7n-unused")), st.text()),
)
def test_a_record_is_found_among_other_tags(record: Record, others: dict[str, str]) -> None:
    texts = pack(record, limit=256, parts=50)
    tags = dict(zip(tag_names("c7n-unused", len(texts)), texts, strict=True))
    assert record_in_tags({**others, **tags}, "c7n-unused") == record
    assert record_in_tags(others, "c7n-unused") is None


def test_what_a_longer_record_left_behind_does_not_count() -> None:
    tags = {"mark": f"1/1 {STAMP} a=b", "mark-2": f"2/2 {STAMP} c=d", "mark-x": "?"}
    assert record_in_tags(tags, "mark") == Record(AT, frozenset({Item("a", "b")}))


def test_a_part_that_is_missing_in_the_tags_is_noticed() -> None:
    with pytest.raises(RecordError, match="1 of 2 parts"):
        record_in_tags({"mark": f"1/2 {STAMP} a=b", "mark-3": f"2/2 {STAMP} c=d"}, "mark")


DIFFERENCES = {
    "nothing is expected": (KEYS, None, None),
    "the same in another order": (KEYS, ["password=password", "access-key=AKIA1"], None),
    "none on either side": (None, [], None),
    "one more in the cloud": (KEYS, ["password=password"], "(access-key=AKIA1, password=password)"),
    "one more in the run": (KEYS, ["a=b", "password=password", "access-key=AKIA1"], "(a=b, access-key=AKIA1"),
    "none in the cloud": (None, ["a=b"], "(empty)"),
}


@pytest.mark.parametrize(("record", "expected", "says"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_difference(record: Record | None, expected: list[str] | None, says: str | None) -> None:
    found = difference(record, expected)
    assert (found is None) if says is None else says in str(found)


def test_tag_names() -> None:
    assert tag_names("mark", 3) == ["mark", "mark-2", "mark-3"]


def test_ids_of_one_kind() -> None:
    assert KEYS.ids("access-key") == {"AKIA1"}
    assert KEYS.ids("ssh-key") == frozenset()


def test_records_of_other_times_differ() -> None:
    assert Record(AT + timedelta(seconds=1), KEYS.items) != KEYS
