from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_filters.core.notes import (
    RECORD,
    Entry,
    Notes,
    Record,
    ceil_minute,
    floor_minute,
    mark_text,
    parse_mark,
    read_notes,
)
from custom_filters.core.notes_writing import NotesError, Place, render
from tests.core.people import NOW

TAG, OTHER = "c7n-unused", "c7n-unused-credential"
ME = "AIDA2EXAMPLE0000000001"
ACCOUNT = "104857600000000000001"
KEYS = [f"AKIAIOSFODNN7EXAMPL{n}" for n in range(2)]
AWS = Place(256, parts=50, most=50, allowed=r"[\w\s.:/=+\-@]*")
ENTRA = Place(256)
TEN = [f"{n:x}{n * 7:06x}" + "0123456789abcdef" * 2 + "0" for n in range(10)]


def days(n: float) -> timedelta:
    return timedelta(days=n)


def entry(kind: str, id: str, tag: str = TAG, marked: float = 14, off: datetime | None = None) -> Entry:
    return Entry(tag, NOW - days(marked), NOW - days(marked - 14), kind, id, off)


def notes(*entries: Entry, principal: str = ME, message: str = "Unused") -> Notes:
    return Notes(Record(principal)).changed(entries, **{e.tag: message for e in entries})


def texts_of(wanted: Notes, place: Place = AWS, *, marking: bool = False) -> dict[str, str]:
    return {n: t for n, t in render(wanted, place, marking=marking).items() if t is not None}


def read(texts: dict[str, str], principal: str = ME, ids: Iterable[str] = ()) -> Notes:
    return read_notes(texts, principal, NOW, ids=ids, tags=["maid_status"])


def test_the_form_that_the_documentation_shows() -> None:
    wanted = notes(
        entry("access-key", "AKIA1"), entry("access-key", "AKIA2"), entry("password", "password", off=NOW)
    )
    assert texts_of(wanted) == {
        RECORD: f"{ME} c7n-unused 2606011200 2606151200 access-key=AKIA1+AKIA2 "
        "off=2606151200 password=password",
        TAG: "Unused: disable-unused@2026/06/15 1200 UTC",
    }
    assert read(texts_of(wanted)).record == wanted.record


@pytest.mark.parametrize("off", [None, NOW])
def test_two_tags_on_one_aws_user_with_both_keys(off: datetime | None) -> None:
    both = [
        entry(k, i, tag, marked, off)
        for tag, marked in ((TAG, 14), (OTHER, 20))
        for k, i in (("password", "password"), *(("access-key", key) for key in KEYS))
    ]
    wanted = notes(*both)
    crowded = replace(AWS, most=4)
    texts = texts_of(wanted, crowded, marking=off is None)
    assert len(texts) <= 4
    assert read(texts).record == wanted.record
    assert not read(texts).problems


def test_a_user_with_fifty_tags_is_refused_at_marking() -> None:
    with pytest.raises(NotesError, match="room for 1; "):
        render(notes(entry("password", "password")), replace(AWS, most=1), marking=True)
    long = notes(*(entry("ssh-key", f"APKA{n:016}") for n in range(7)))
    now, later = replace(AWS, most=2, limit=250), replace(AWS, most=2, limit=235)
    assert texts_of(long, now, marking=True)
    assert texts_of(long, later)
    with pytest.raises(NotesError, match="room for 2"):
        render(long, later, marking=True)


def test_what_aws_does_not_take() -> None:
    with pytest.raises(NotesError, match="characters that are not allowed"):
        render(notes(entry("password", "password"), message="Unused!"), AWS)
    with pytest.raises(NotesError, match="needs 336 characters and 256 are allowed"):
        render(notes(entry("password", "password"), message="x" * 300), AWS)


def test_two_tags_fit_into_256_characters_in_entra() -> None:
    principal = "a5b3c2d1-0000-4000-8000-0123456789ab"
    wanted = notes(*(entry("sign-in", "sign-in", tag) for tag in (TAG, OTHER)), principal=principal)
    off = wanted.changed(replace(e, disabled_at=NOW) for e in wanted.record.entries)
    for state in (wanted, off):
        texts = texts_of(state, ENTRA, marking=True)
        assert max(map(len, texts.values())) <= 256
        assert read(texts, principal).record == state.record


def subsets(ids: list[str]) -> Iterable[tuple[str, ...]]:
    return chain.from_iterable(combinations(ids, n) for n in range(len(ids) + 1))


def test_ten_keys_fit_into_a_description_whatever_is_switched_off_later() -> None:
    owner = "Nightly invoices, paid"
    place = Place(256, total=256 - len(owner), ids=frozenset(TEN))
    wanted = notes(*(entry("service-account-key", key) for key in TEN), principal=ACCOUNT)
    render(wanted, place, marking=True)
    for off in subsets(TEN):
        at = {key: NOW + n * timedelta(minutes=1) for n, key in enumerate(off)}
        state = wanted.changed(replace(e, disabled_at=at.get(e.id)) for e in wanted.record.entries)
        texts = texts_of(state, place)
        assert len(owner) + sum(len(f" [{n}: {t}]") for n, t in texts.items()) <= 256
        found = read(texts, ACCOUNT, TEN).record
        assert {e.id for e in found.entries if e.disabled_at} == set(off)
        assert all(e.disabled_at >= at[e.id] for e in found.entries if e.disabled_at)


def later_states(wanted: Notes) -> Iterable[Notes]:
    """Some are off since a minute of their own each, some are being switched off, the rest has notice."""
    entries = wanted.record.entries
    for off in range(len(entries) + 1):
        for begun in range(len(entries) - off + 1):
            until = off + begun
            at = [NOW + timedelta(minutes=min(n, off)) if n < until else None for n in range(len(entries))]
            yield wanted.changed(
                replace(e, disabled_at=at[n], begun=off <= n < until) for n, e in enumerate(entries)
            )


CROWDED = {
    "ten keys in a description": (
        notes(*(entry("service-account-key", key) for key in TEN), principal=ACCOUNT),
        [Place(256, total=total, ids=frozenset(TEN)) for total in range(100, 257)],
    ),
    "an account in a description": (
        notes(entry("service-account", "service-account"), principal=ACCOUNT),
        [Place(256, total=total) for total in range(100, 257)],
    ),
    "a user in Entra": (
        notes(entry("sign-in", "sign-in"), entry("sign-in", "sign-in", OTHER), principal="a5b3c2d1" * 4),
        [Place(limit) for limit in range(80, 257)],
    ),
    "a user on AWS": (
        notes(*(entry("access-key", key, tag) for key in KEYS for tag in (TAG, OTHER))),
        [replace(AWS, most=most, limit=limit) for most in (3, 4) for limit in range(100, 257)],
    ),
}


@pytest.mark.parametrize(("wanted", "places"), CROWDED.values(), ids=CROWDED)
def test_what_fits_at_marking_fits_whatever_is_begun_later(wanted: Notes, places: list[Place]) -> None:
    """In every place in which marking is not refused, the narrowest among them."""
    taken = []
    for place in places:
        with suppress(NotesError):
            render(wanted, place, marking=True)
            taken.append(place)
    assert 0 < len(taken) < len(places)
    for place in (taken[0], taken[-1]):
        for state in later_states(wanted):
            found = read(texts_of(state, place), wanted.record.principal, TEN)
            assert [(e.id, e.begun) for e in found.off()] == [(e.id, e.begun) for e in state.off()]
            assert not found.problems


def test_ids_stay_whole_where_there_is_room_and_as_long_as_they_must_be() -> None:
    one = notes(entry("service-account-key", TEN[0]), principal=ACCOUNT)
    assert TEN[0] in texts_of(one, Place(256, total=256, ids=frozenset(TEN)))[RECORD]
    twins = [TEN[0], TEN[0][:-1] + "f"]
    both = notes(*(entry("service-account-key", key) for key in twins), principal=ACCOUNT)
    with pytest.raises(NotesError, match="bytes and 200 are free"):
        render(both, Place(256, total=200, ids=frozenset(twins)))


def test_an_id_that_fits_two_credentials_counts_for_neither() -> None:
    texts = texts_of(notes(entry("service-account-key", TEN[0][:4]), principal=ACCOUNT))
    found = read(texts, ACCOUNT, [TEN[0], TEN[0][:-1] + "f"])
    assert found.record.entries == ()
    assert "fits several credentials" in found.problems[0].sentence


def test_a_description_without_room_is_refused_at_marking() -> None:
    with pytest.raises(NotesError, match="bytes and 100 are free; shorten"):
        render(notes(entry("service-account", "service-account"), principal=ACCOUNT), Place(256, total=100))


RIGHT = texts_of(notes(entry("password", "password")))
MARK, TEXT = RIGHT[TAG], RIGHT[RECORD]
WRONG = {
    "another principal": ({**RIGHT, RECORD: TEXT.replace(ME, "AIDAOTHER")}, "is that of 'AIDAOTHER'"),
    "marked in the future": ({**RIGHT, RECORD: TEXT.replace("2606011200", "2606151301")}, "which lies ahead"),
    "no notice": ({**RIGHT, RECORD: TEXT.replace("2606151200", "2606011200")}, "its notice runs from"),
    "notice of 91 days": ({**RIGHT, RECORD: TEXT.replace("2606151200", "2608311201")}, "its notice runs"),
    "off before notice ended": (
        {RECORD: TEXT.replace(" password", " off=2606141200 password")}, "before its notice ended",
    ),
    "no such date": ({**RIGHT, RECORD: TEXT.replace("2606011200", "2606311200")}, "is not a record"),
    "nonsense": ({**RIGHT, RECORD: "exempt me"}, "is that of 'exempt'"),
    "only the principal": ({RECORD: ME}, "is not a record"),
    "a part is missing": ({RECORD: f"1/2 {TEXT}"}, "are not one whole record"),
    "only a further part": ({f"{RECORD}-2": "2/2 password=password"}, "parts 2 are not one whole record"),
    "a part too many": ({**RIGHT, f"{RECORD}-2": "x"}, "parts 1, 2 are not one whole record"),
    "a part twice": ({**RIGHT, RECORD.upper(): TEXT}, "is there twice"),
    "an entry twice": ({**RIGHT, RECORD: f"{TEXT} password=password"}, "is there twice"),
    "a mark that is nonsense": ({**RIGHT, TAG: "never"}, "mark c7n-unused is 'never', not"),
    "a mark for something else": ({**RIGHT, TAG: "x: delete@2026/06/15 1200 UTC"}, "names delete"),
    "a mark without a record": ({TAG: MARK}, "stands without a record"),
    "our mark under another tag": ({"maid_status": MARK}, "stands without a record"),
    "another tag of ours": ({**RIGHT, "c7n-unused-zzz": "keep me"}, "mark c7n-unused-zzz is 'keep me'"),
    "a record without a mark": ({RECORD: TEXT}, "mark c7n-unused is missing"),
    "a mark moved by hand": (
        {**RIGHT, TAG: MARK.replace("2026/06/15", "2026/07/15")}, "says 2026-07-15T12:00:00Z, the record",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("texts", "why"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_right_is_told_and_replaced(texts: dict[str, str], why: str) -> None:
    found = read(texts)
    assert any(why in p.sentence for p in found.problems), found.problems
    repaired = {n: t for n, t in texts.items() if n == n.lower()}
    for name, text in render(found, AWS).items():
        repaired[name] = text or ""
    assert read(repaired).problems == ()
    assert read(repaired).record == found.record


def test_a_mark_of_others_is_told_and_left_alone() -> None:
    theirs = {"maid_status": "Old: delete@2026/07/01 0000 UTC"}
    found = read({**RIGHT, **theirs})
    assert found.problems == ()
    assert "not ours: it is left alone" in found.foreign["maid_status"]
    assert render(found.changed([]), AWS) == {RECORD: None, TAG: None}


def test_names_are_compared_without_case_and_empty_notes_are_none() -> None:
    found = read({"C7N-Unused": MARK, "C7n-unused-Record": TEXT, f"{RECORD}-2": ""})
    assert found.problems == ()
    assert len(found.live(TAG)) == 1
    assert render(found, AWS) == {}


def test_the_exempt_tag_is_no_mark() -> None:
    assert read({"c7n-unused-exempt": "on parental leave"}).problems == ()


def test_what_is_written_is_the_state() -> None:
    wanted = notes(entry("password", "password"))
    after = wanted.written(render(wanted, AWS))
    assert render(after, AWS) == {}
    assert read(dict(after.texts)).record == wanted.record


def test_times_are_rounded_so_that_nothing_is_due_early() -> None:
    assert ceil_minute(NOW) == NOW == floor_minute(NOW)
    assert ceil_minute(NOW + timedelta(seconds=1)) == NOW + timedelta(minutes=1)
    assert floor_minute(NOW + timedelta(seconds=59)) == NOW
    assert parse_mark(mark_text("a: b", NOW)) == ("a: b", "disable-unused", NOW)


words = st.sampled_from(
    (
        ME,
        "AIDAOTHER",
        TAG,
        "2606011200",
        "2606151200",
        "password=password",
        "off=2606151200",
        "=x",
        "1/2",
        "off=",
    )
)
anything = st.text(max_size=60) | st.lists(words, max_size=8).map(" ".join)
names = st.sampled_from(
    (TAG, OTHER, RECORD, f"{RECORD}-2", f"{RECORD}-9", "maid_status", "C7N-UNUSED", "team")
)


@given(st.dictionaries(names, anything, max_size=5))
def test_no_text_breaks_reading_or_speaks_for_somebody_else(texts: dict[str, str]) -> None:
    found = read(texts)
    for e in found.record.entries:
        assert texts.get(RECORD, "").removeprefix("1/2 ").startswith(f"{ME} ")
        assert e.marked_at < e.until <= e.marked_at + days(90)
    assert read(texts, "AIDANEW").record.entries == ()


minutes = st.integers(1, 60 * 24 * 80).map(lambda n: timedelta(minutes=n))
kinds = st.sampled_from(("password", "access-key", "sign-in", "ssh-key"))
entries = st.builds(
    lambda tag, marked, notice, kind, off: Entry(
        tag, NOW - marked, NOW - marked + notice, kind, kind, NOW if off and notice <= marked else None
    ),
    st.sampled_from((TAG, OTHER, "maid_status")), minutes, minutes, kinds, st.booleans(),
)  # fmt: skip


@given(st.lists(entries, max_size=8, unique_by=lambda e: (e.tag, e.kind)), st.sampled_from((80, 120, 256)))
def test_what_is_rendered_is_read_again(given_entries: list[Entry], limit: int) -> None:
    wanted = notes(*given_entries, message="x: y")
    found = read(texts_of(wanted, replace(AWS, limit=limit)))
    assert found.record == wanted.record
    assert (found.problems, dict(found.foreign)) == ((), {})
