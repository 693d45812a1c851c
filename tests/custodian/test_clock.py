from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from c7n.exceptions import PolicyExecutionError

from custom_filters.custodian import clock

LOOPBACK = {
    "http://127.0.0.1:5000": True,
    "http://127.8.8.8": True,
    "https://localhost/x": True,
    "http://[::1]:80/": True,
    "https://iam.amazonaws.com": False,
    "https://localhost.evil.example": False,
    "http://127.0.0.1.evil.example": False,
    "http://localhost@evil.example": False,
    "https://10.0.0.1": False,
    "http://[2001:db8::1]": False,
    "": False,
    "127.0.0.1": False,
}


def test_the_machines_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(clock.NOW_VARIABLE, raising=False)
    assert abs(clock.now() - datetime.now(timezone.utc)) < timedelta(minutes=1)
    clock.refuse_moved_clock("https://iam.amazonaws.com")


def test_a_moved_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.NOW_VARIABLE, "2026-06-15T14:00:00+02:00")
    assert clock.now() == datetime(2026, 6, 15, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["tomorrow", "2026-06-15", "2026-06-15T12:00:00"])
def test_a_moved_clock_that_nobody_can_read(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(clock.NOW_VARIABLE, text)
    with pytest.raises(PolicyExecutionError, match=r"C7N_UNUSED_NOW: .*; unset it"):
        clock.now()


def test_a_moved_clock_changes_nothing_on_a_real_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.NOW_VARIABLE, "2026-06-15T12:00:00Z")
    clock.refuse_moved_clock("http://127.0.0.1:5000")
    with pytest.raises(PolicyExecutionError, match=r"iam\.amazonaws\.com is not the sandbox"):
        clock.refuse_moved_clock("https://iam.amazonaws.com")


@pytest.mark.parametrize(("url", "is_ours"), LOOPBACK.items())
def test_loopback(url: str, is_ours: bool) -> None:
    assert clock.is_loopback(url) is is_ours
