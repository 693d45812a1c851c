from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_filters.core.notes import Entry, Notes, Record, read_notes
from custom_filters.core.notes_writing import NotesError, render
from custom_filters.gcp.description import LIMIT, parse_description
from tests.gcp.runs import utc

MARK = "Unused: disable-unused@2026/06/29 1200 UTC"
NOW = utc(2026, 6, 15, 12)
ACCOUNT = "123456789012345678901"
KEYS = tuple(f"{n:02x}{'c7' * 19}" for n in range(10))
TEXTS = {
    "nothing": "",
    "plain": "Nightly invoices; owner: finance@",
    "ends with a space": "Nightly ",
    "begins with a space": " Nightly",
    "brackets of its own": "Backup [prod] [owner: ops]",
    "other scripts": "Überweisungen für die Buchhaltung",
    "lines": "one\ntwo\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("gone", [None, ""])
def test_the_owners_text_comes_back(text: str, gone: str | None) -> None:
    marked = parse_description(text).changed({"c7n-unused": MARK}).render()
    assert parse_description(marked).changed({"c7n-unused": gone}).render() == text


@given(st.text(alphabet=st.characters(exclude_characters="[]", codec="utf-8"), max_size=60))
def test_any_text_comes_back(text: str) -> None:
    notes = {"c7n-unused": MARK, "c7n-unused-exempt": "why"}
    again = parse_description(parse_description(text).changed(notes).render())
    assert (again.notes, again.text) == (notes, text)


def test_text_behind_our_notes_is_the_owners_too() -> None:
    found = parse_description(f"Nightly [c7n-unused: {MARK}] invoices")
    assert found.changed({"c7n-unused": None}).render() == "Nightly invoices"


def notice_of(keys: tuple[str, ...]) -> Notes:
    entries = [Entry("c7n-unused", NOW, NOW + timedelta(days=14), "service-account-key", k) for k in keys]
    return Notes(Record(ACCOUNT)).changed(entries)


@pytest.mark.parametrize("owner", [22, 0])
def test_notice_for_ten_keys_and_what_comes_of_it_fits(owner: int) -> None:
    text = "é" * (owner // 2)
    place = parse_description(text).place(frozenset(KEYS))
    written = parse_description(text).changed(render(notice_of(KEYS), place, marking=True))
    assert len(written.render().encode()) <= LIMIT
    again = read_notes(parse_description(written.render()).notes, ACCOUNT, NOW, ids=KEYS)
    assert {e.id for e in again.live()} == set(KEYS)
    assert again.problems == ()


def test_what_could_not_fit_later_is_refused_at_marking_with_the_room_that_there_is() -> None:
    place = parse_description("x" * 60).place(frozenset(KEYS))
    with pytest.raises(NotesError, match=r"shorten the service account's description \(196 bytes are free\)"):
        render(notice_of(KEYS), place, marking=True)
