from __future__ import annotations

import pytest
from custom_filters.core.record import Item, RecordError, record_in_tags
from hypothesis import given
from hypothesis import strategies as st

from custom_filters.gcp.description import LIMIT, Description, parse_description
from tests.gcp.runs import utc

MARK = "Unused: disable-unused@2026/06/29 1200 UTC"
AT = "2026-06-15T12:00:00Z"
ACCOUNT = Item("service-account", "service-account")
KEY_ID = "0a1b2c3d" + "9" * 32
KEY = Item("service-account-key", KEY_ID)
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
@pytest.mark.parametrize("key", ["", KEY_ID])
def test_the_owners_text_comes_back(text: str, key: str) -> None:
    marked = parse_description(text).changed(key, {"c7n-unused": MARK}).render()
    assert parse_description(marked).changed(key, {"c7n-unused": None}).render() == text


@given(st.text(alphabet=st.characters(exclude_characters="[]", codec="utf-8"), max_size=60))
def test_any_text_comes_back(text: str) -> None:
    marked = parse_description(text).changed("", {"c7n-unused": MARK, "c7n-unused-exempt": "why"})
    again = parse_description(marked.render())
    assert again.notes_on(ACCOUNT) == {"c7n-unused": MARK, "c7n-unused-exempt": "why"}
    assert again.text == text


def test_keys_with_the_same_note_share_it() -> None:
    found = parse_description("")
    for key in ("aaaaaaaa1", "bbbbbbbb2"):
        found = found.changed(key, {"c7n-unused": MARK})
    assert found.render() == f"[c7n-unused aaaaaaaa,bbbbbbbb: {MARK}]"
    assert found.changed("aaaaaaaa1", {"c7n-unused": None}).render() == f"[c7n-unused bbbbbbbb: {MARK}]"


def test_notes_of_an_account_and_of_its_keys_are_apart() -> None:
    found = parse_description("").changed("", {"c7n-unused": "a"}).changed(KEY_ID, {"c7n-unused": "k"})
    again = parse_description(found.render())
    assert (again.notes_on(ACCOUNT), again.notes_on(KEY, KEY_ID)) == (
        {"c7n-unused": "a"},
        {"c7n-unused": "k"},
    )


def test_records_are_kept_by_their_time() -> None:
    record = f"1/1 {AT} service-account-key={KEY_ID}"
    notice = f"1/1 2026-06-01T12:00:00Z until={AT} service-account-key={KEY_ID}"
    changes = {"c7n-unused-record": record, "c7n-unused-marked": notice}
    text = parse_description("").changed(KEY_ID, changes).render()
    assert text == f"[c7n-unused-marked 0a1b2c3d: {AT}][c7n-unused-record 0a1b2c3d: {AT}]"
    tags = parse_description(text).notes_on(KEY, KEY_ID)
    found, marked = record_in_tags(tags, "c7n-unused-record"), record_in_tags(tags, "c7n-unused-marked")
    assert found is not None
    assert (found.at, found.items) == (utc(2026, 6, 15, 12), {KEY})
    assert marked is not None
    assert marked.until == utc(2026, 6, 15, 12)


def test_a_note_that_somebody_edited_is_no_record() -> None:
    tags = parse_description("[c7n-unused-record: last week]").notes_on(ACCOUNT)
    with pytest.raises(RecordError, match="is not a record"):
        record_in_tags(tags, "c7n-unused-record")


def test_text_behind_our_notes_is_the_owners_too() -> None:
    found = parse_description(f"Nightly [c7n-unused: {MARK}] invoices")
    assert found.changed("", {"c7n-unused": None}).render() == "Nightly invoices"


def test_a_description_that_would_be_too_long_is_refused_in_bytes() -> None:
    room = LIMIT - len(f" [c7n-unused: {MARK}]")
    fits = "é" * (room // 2) + "x" * (room % 2)
    assert len(Description(fits).changed("", {"c7n-unused": MARK}).render().encode()) == LIMIT
    with pytest.raises(RecordError, match="shorten the description by 1 bytes"):
        Description(fits + "x").changed("", {"c7n-unused": MARK}).render()
