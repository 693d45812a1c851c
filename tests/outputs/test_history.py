"""New, persisting, resolved, reactivated, mark-lost; and what a killed or a second writer does."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custom_filters.core.errors import InputError
from custom_filters.core.finding import LifecycleState
from custom_filters.core.report import Report
from custom_filters.outputs import history
from custom_filters.outputs.history import with_history
from tests.reports.samples import DETECTED, MARKED, NOW, credential, evaluation, report, user, value
from tests.reports.test_formats import asff_and_ocsf_hold

STALE, ACTIVE = credential(200), credential(2)


def day(
    number: int, *values: dict[str, Any], evaluated: bool = True, account: str = "111111111111"
) -> Report:
    """A run on that day: `as_of` and the execution differ."""
    at = NOW + timedelta(days=number)
    seen = evaluation(account=account, evaluated=evaluated, started=at, execution=f"run {number}")
    return replace(report(*values, evaluations=[seen]), as_of=at)


def bob(credential: Any = STALE, progress: LifecycleState = DETECTED, **fields: Any) -> dict[str, Any]:
    return value(user("bob", credential, **fields), progress)


def changes(report: Report) -> list[str | None]:
    return [finding["change"] for finding in report.findings]


FIRST_SEEN = "2026-11-23T06:00:00Z"
SECOND_RUNS = {
    "still there": ([bob()], [bob()], "persisting", FIRST_SEEN, 0),
    "there for the first time": ([], [bob()], "new", "2026-11-24T06:00:00Z", 0),
    "back in use": ([bob()], [bob(ACTIVE)], "reactivated", FIRST_SEEN, 0),
    "in use all the time": ([bob(ACTIVE)], [bob(ACTIVE)], None, None, 0),
    "back in use after a mark": ([], [bob(ACTIVE, MARKED)], "reactivated", None, 0),
    "the mark is gone": ([bob(STALE, MARKED)], [bob()], "mark-lost", FIRST_SEEN, 0),
    "marked meanwhile": ([bob()], [bob(STALE, MARKED)], "persisting", FIRST_SEEN, 0),
    "unknown now": ([bob()], [bob(credential("it failed"))], "persisting", FIRST_SEEN, 0),
    "switched off": ([bob()], [bob(replace(STALE, status="off"))], "resolved", FIRST_SEEN, 0),
    "gone": ([bob()], [], "", "", 1),
}


@pytest.mark.parametrize(("first", "second", "change", "seen", "gone"), SECOND_RUNS.values(), ids=SECOND_RUNS)
def test_second_run(tmp_path: Path, first: Any, second: Any, change: str, seen: str, gone: int) -> None:
    with_history(day(0, *first), tmp_path / "h.sqlite")
    after = with_history(day(1, *second), tmp_path / "h.sqlite")
    assert [(f["change"], f["first_seen"]) for f in after.findings] == ([(change, seen)] if second else [])
    assert [(f["user"], f["change"]) for f in after.resolved] == [("bob", "resolved")] * gone
    asff_and_ocsf_hold(after)


def test_the_same_run_twice_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    with_history(day(0, bob()), file)
    twice = [with_history(day(1, bob()), file) for _ in range(2)]
    assert [changes(r) for r in twice] == [["persisting"]] * 2
    gone = [with_history(day(2), file) for _ in range(2)]
    assert [len(r.resolved) for r in gone] == [1, 1]
    assert len(with_history(day(3), file).resolved) == 0


@pytest.mark.parametrize(
    "seen", [{"evaluated": False}, {"account": "222222222222"}], ids=["failed", "another"]
)
def test_an_account_that_was_not_evaluated_resolves_nothing(tmp_path: Path, seen: dict[str, Any]) -> None:
    file = tmp_path / "h.sqlite"
    with_history(day(0, bob()), file)
    assert len(with_history(day(1, **seen), file).resolved) == 0
    assert changes(with_history(day(2, bob()), file)) == ["persisting"]


def test_an_older_run_told_later_is_compared_with_what_came_before_it(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    with_history(day(0, bob()), file)
    with_history(day(5), file)
    assert changes(with_history(day(1, bob()), file)) == ["persisting"]


def test_what_comes_again_keeps_its_first_date(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    for run in (day(0, bob()), day(1)):
        with_history(run, file)
    (again,) = with_history(day(2, bob()), file).findings
    assert (again["change"], again["first_seen"]) == ("new", FIRST_SEEN)


def test_old_observations_are_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    seen = [changes(with_history(day(number, bob()), file)) for number in (0, 399, 800)]
    assert seen == [["new"], ["persisting"], ["new"]]


def test_the_file_is_private(tmp_path: Path) -> None:
    with_history(day(0, bob()), tmp_path / "h.sqlite")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_file_that_is_no_history_is_refused(tmp_path: Path) -> None:
    (tmp_path / "h.sqlite").write_text("my diary, and quite long enough to be no empty file " * 100)
    with pytest.raises(InputError, match="cannot be used"):
        with_history(day(0, bob()), tmp_path / "h.sqlite")
    assert "my diary" in (tmp_path / "h.sqlite").read_text()


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "h.sqlite")) as other:
        other.execute("CREATE TABLE runs (distance REAL)")
    with pytest.raises(InputError, match="another program's database"):
        with_history(day(0, bob()), tmp_path / "h.sqlite")


def test_writers_at_once_all_write(tmp_path: Path) -> None:
    names = [f"user{number}" for number in range(8)]
    runs = [day(n, value(user(name, STALE)), account=f"{n:012}") for n, name in enumerate(names)]
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(lambda run: with_history(run, tmp_path / "h.sqlite"), runs))
    assert [changes(run) for run in written] == [["new"]] * 8
    again = with_history(day(9, *(value(user(name, STALE)) for name in names)), tmp_path / "h.sqlite")
    assert changes(again) == ["persisting"] * 8


def test_a_second_writer_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LOCK_TIMEOUT", 0.05)
    other = sqlite3.connect(tmp_path / "h.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InputError, match="locked by another"):
        with_history(day(0, bob()), tmp_path / "h.sqlite")
    other.close()
    assert changes(with_history(day(0, bob()), tmp_path / "h.sqlite")) == ["new"]


KILLED = """
import os, signal, sys
from pathlib import Path
from custom_filters.outputs import history
from tests.outputs.test_history import bob, day
observe = history._observe
def observe_and_die(*args):
    observe(*args)
    os.kill(os.getpid(), signal.SIGKILL)
history._observe = observe_and_die
history.with_history(day(1, bob()), Path(sys.argv[1]))
"""


def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    with_history(day(0, bob()), file)
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False, cwd=root)
    assert killed.returncode == -signal.SIGKILL
    assert changes(with_history(day(1, bob()), file)) == ["persisting"]
