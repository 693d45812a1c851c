from __future__ import annotations

import logging
from pathlib import Path

import pytest

from custom_filters.custodian.progress import PROGRESS_VARIABLE, Progress, counted, duration
from tests.virtual import VirtualTime


def count(time: VirtualTime, progress: Progress, times: int, seconds: float) -> None:
    for _ in range(times):
        time.sleep(seconds)
        progress.add(100)


@pytest.mark.parametrize(
    ("total", "seconds", "told"),
    [
        (5000, 0.5, []),
        (
            5000,
            3.0,
            ["1,000 of 5,000 users read, about 2 min left", "2,000 of 5,000 users read, about 90 s left"],
        ),
        (None, 2.0, ["1,500 users read"]),
    ],
)
def test_only_what_takes_long_is_logged(
    caplog: pytest.LogCaptureFixture, total: int | None, seconds: float, told: list[str]
) -> None:
    time = VirtualTime()
    with caplog.at_level(logging.INFO, "custodian.unused"):
        count(time, Progress("users read", total, lambda: time.now), 25, seconds)
    assert caplog.messages == told


def test_the_command_reads_it_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "progress"
    monkeypatch.setenv(PROGRESS_VARIABLE, str(path))
    time = VirtualTime()
    progress = Progress("users read", 1000, lambda: time.now)
    count(time, progress, 5, 1.0)
    assert path.read_text() == "500 of 1,000 users read, about 5 s left"
    count(time, progress, 5, 0.01)
    assert path.read_text() == "1,000 of 1,000 users read"
    monkeypatch.setenv(PROGRESS_VARIABLE, str(tmp_path))
    count(time, progress, 1, 1.0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (0.05, "0.1 s"), (45, "45 s"), (1140, "19 min"), (86400, "24.0 h")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_is_read_is_counted_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROGRESS_VARIABLE, str(tmp_path / "progress"))
    users = counted(iter("abc"), "users read")
    assert (next(users), next(users)) == ("a", "b")
    assert (tmp_path / "progress").read_text() == "1 users read"
    assert list(users) == ["c"]
