from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_filters.core.exemption import (
    Exemption,
    ExemptionError,
    Matches,
    find_exemption,
    matches_of,
    parse_exemption,
)

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
ENTRY: dict[str, Any] = {
    "provider": "aws",
    "account": "012345678901",
    "user": "break-glass-*",
    "reason": "sealed",
    "approved_by": "ciso@example.com",
    "expires": date(2027, 6, 30),
}
WHERE = "exemptions.yml, line 4"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


REFUSED = {
    **{f"no {key}": ({key: None}, f"'{key}' is missing") for key in ENTRY},
    "empty reason": ({"reason": ""}, "'reason' is missing"),
    "another key": ({"until": "2027-01-01"}, "unknown key 'until'"),
    "a key that is no text": ({7: "x"}, "unknown key '7'"),
    "unknown provider": ({"provider": "aliyun"}, "'aliyun' is not one of aws, azure, gcp"),
    "account as a number": ({"account": 12345678901}, "put it in quotes, or leading zeros are lost"),
    "user as a list": ({"user": ["a", "b"]}, "not text"),
    "reason as a flag": ({"reason": True}, "not text"),
    "approved_by as a number": ({"approved_by": 5}, "not text"),
    "expires never": ({"expires": "never"}, "write a date such as 2027-01-31"),
    "expires on 30 February": ({"expires": "2027-02-30"}, "write a date"),
    "expires at a time of nowhere": ({"expires": "2027-01-31T12:00:00"}, "write a date"),
    "expires as a number": ({"expires": 20270131}, "write a date"),
    "expires as a flag": ({"expires": True}, "write a date"),
    "expires on the last day of all": ({"expires": date.max}, "write a date"),
}


@pytest.mark.parametrize(("change", "says"), REFUSED.values(), ids=REFUSED)
def test_an_entry_that_is_not_whole_is_refused(change: dict[Any, Any], says: str) -> None:
    entry = {key: value for key, value in {**ENTRY, **change}.items() if value is not None}
    with pytest.raises(ExemptionError) as caught:
        parse_exemption(entry, WHERE, NOW)
    assert str(caught.value).startswith(f"{WHERE}: ")
    assert says in str(caught.value)


EXPIRY = {
    "a date protects through its last second": (date(2026, 6, 15), utc(2026, 6, 16)),
    "a date as text": ("2026-06-15", utc(2026, 6, 16)),
    "a timestamp": ("2026-06-15T10:00:00Z", utc(2026, 6, 15, 10)),
    "a timestamp elsewhere": ("2026-06-15T10:00:00+02:00", utc(2026, 6, 15, 8)),
    "a datetime, which YAML means in UTC": (datetime(2026, 6, 15, 10), utc(2026, 6, 15, 10)),  # noqa: DTZ001
    "an aware datetime": (
        datetime(2026, 6, 15, 10, tzinfo=timezone(timedelta(hours=2))),
        utc(2026, 6, 15, 8),
    ),
}


@pytest.mark.parametrize(("value", "meant"), EXPIRY.values(), ids=EXPIRY)
def test_expiry(value: object, meant: datetime) -> None:
    made = parse_exemption({**ENTRY, "expires": value}, WHERE, NOW)
    assert made.expires == meant
    assert not made.expired(meant - timedelta(microseconds=1))
    assert made.expired(meant)


MATCHES = {
    "by glob": ("aws", "012345678901", "break-glass-1", "AIDA1", True),
    "whatever the case": ("aws", "012345678901", "Break-Glass-1", "AIDA1", True),
    "by id": ("aws", "012345678901", "amelia", "break-glass-9", True),
    "another user": ("aws", "012345678901", "amelia", "AIDA1", False),
    "only in part": ("aws", "012345678901", "my-break-glass-1", "AIDA1", False),
    "another account": ("aws", "999999999999", "break-glass-1", "AIDA1", False),
    "another provider": ("azure", "012345678901", "break-glass-1", "AIDA1", False),
}


@pytest.mark.parametrize(("provider", "account", "name", "user_id", "fits"), MATCHES.values(), ids=MATCHES)
def test_whom_it_speaks_of(provider: str, account: str, name: str, user_id: str, fits: bool) -> None:
    assert parse_exemption(ENTRY, WHERE, NOW).matches(provider, account, name, user_id) is fits


def until(days: float | None, reason: str = "x") -> Exemption:
    expires = None if days is None else NOW + timedelta(days=days)
    return Exemption("aws", "*", "*", reason, None, expires)


def test_one_in_force_comes_before_an_expired_one_then_the_longest() -> None:
    found = find_exemption([until(-1), until(5), until(9), until(-2)], "aws", "1", "a", "A", NOW)
    assert found == until(9)


def test_the_latest_of_expired_ones_is_shown() -> None:
    assert find_exemption([until(-3), until(-1)], "aws", "1", "a", "A", NOW) == until(-1)


def test_none_fits() -> None:
    assert find_exemption([until(5)], "azure", "1", "a", "A", NOW) is None
    assert find_exemption([], "aws", "1", "a", "A", NOW) is None


@given(st.lists(st.none() | st.integers(-50, 50), min_size=1))
def test_who_has_one_in_force_is_never_given_an_expired_one(days: list[int | None]) -> None:
    exemptions = [until(n) for n in days]
    found = find_exemption(exemptions, "aws", "1", "a", "A", NOW)
    assert found is not None
    assert found.expired(NOW) == all(e.expired(NOW) for e in exemptions)


ENTRIES = {
    "a pattern": ("*", "svc-*", False, ["svc-d", "svc-b", "svc-a", "svc-c"], ("svc-a", "svc-b", "svc-c")),
    "a name": ("111111111111", "ann", False, ["ann"], ("ann",)),
    "nobody": ("*", "anne", False, [], ()),
    "nobody, which is fine": ("*", "gone", True, [], None),
    "of another account": ("222222222222", "ann", False, [], None),
}


@pytest.mark.parametrize(("account", "user", "fine", "seen", "names"), ENTRIES.values(), ids=ENTRIES)
def test_whom_an_entry_matches(
    account: str, user: str, fine: bool, seen: list[str], names: tuple[str, ...] | None
) -> None:
    entry = Exemption("aws", account, user, "sealed", "ciso", utc(2027, 1, 1), may_be_absent=fine)
    found = matches_of([entry], "aws", "111111111111", {entry: {name: name for name in seen}})
    assert list(found) == ([] if names is None else [Matches(account, user, len(seen), names)])
