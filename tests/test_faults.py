from __future__ import annotations

from pathlib import Path

import pytest

from custom_filters.core.journal import FILE_NAME
from tests import nine_months
from tests.fault_table import FAULTS
from tests.faults import cells, play, results
from tests.planted import BUGS
from tests.scene import Scene
from tests.stages import COMPANY, OPERATIONS, STAGES, TAG, texts_of

NAMED = {fault.name: fault for fault in FAULTS}
SHORT = (("mark", "killed after a write"), ("restore", "reads lag 2 s"), ("report", "wrong content type"))
#: Bug -> the cell that turns red.
FOUND_BY = {
    "record after switch": ("service account", "disable", "killed after a write"),
    "restore without looking at other hands": ("workspace user", "restore", "switched off by others before"),
    "a mark without a record counts": ("entra user", "mark", "self-written mark"),
    "notice cut short": ("entra user", "mark", "throttling 1 %"),
    "failures are not told": ("service account", "mark", "one identity refuses every change"),
    "no fresh look before disabling": ("entra user", "disable", "evidence lags"),
    "nothing is journalled": ("entra user", "disable", "throttling 1 %"),
    "an unreadable answer reads as empty": ("service-account key", "report", "wrong content type"),
}


def test_a_read_that_lags_and_one_that_does_not(tmp_path: Path) -> None:
    """Somebody restored an account just before: the next run reads that it is off, then that it is on."""
    with Scene(STAGES["service account"], tmp_path) as scene:
        sandbox, name = scene.sandbox, "off-1"
        sandbox.faults.update({"gcp_read_lag": 600, "gcp_list_lag": 600})
        scene.stage.hand(sandbox, "enable", name)
        scene.stage.write(sandbox, name, {f"{TAG}-record": ""})
        reads = []

        def catch_up(cloud: str, action: str, phase: str, is_write: bool) -> None:
            if action == "iam.projects.serviceAccounts.get" and phase == "after":
                reads.append(action)
                if len(reads) == 2:  # of both accounts that are to be restored
                    sandbox.faults.clear()

        sandbox.on_request = catch_up
        code = scene.run("restore")
        assert (code, scene.failed()) == (0, False), scene.log
        assert all(scene.state["off-1"].on.values())
        assert not scene.state["off-2"].notes.off()


def test_who_loses_a_race_to_mark_decides_anew_and_has_not_failed(tmp_path: Path) -> None:
    """Between the look at an account and the write another runner marks it."""
    company = {"stale": COMPANY["stale"], "active": COMPANY["active"]}
    with Scene(STAGES["service account"], tmp_path, company) as scene:
        sandbox, stale = scene.sandbox, scene.state["stale"]

        def mark(cloud: str, action: str, phase: str, is_write: bool) -> None:
            if action == "iam.projects.serviceAccounts.get" and phase == "after":
                sandbox.on_request = None
                scene.stage.write(sandbox, "stale", texts_of(stale.id, stale.on, "pending"))

        sandbox.on_request = mark
        code = scene.run("mark")
        [journal] = tmp_path.glob(f"*/*/{FILE_NAME}")
        assert (code, scene.failed()) == (0, False), scene.log
        assert "changed meanwhile by somebody else: it is decided anew" in journal.read_text()


@pytest.mark.parametrize("kind", STAGES)
def test_a_few_cells_of_the_matrix(kind: str) -> None:
    """`make faults` plays all of them."""
    for operation, fault in SHORT:
        cell = play(kind, operation, NAMED[fault], most=1)
        assert (cell.tried, cell.broken) == (1, [])


@pytest.mark.slow
@pytest.mark.parametrize(("bug", "cell"), FOUND_BY.items(), ids=FOUND_BY)
def test_the_matrix_finds_planted_bugs(bug: str, cell: tuple[str, str, str]) -> None:
    kind, operation, fault = cell
    assert play(kind, operation, NAMED[fault], bug=bug).broken


def test_every_planted_bug_is_looked_for() -> None:
    assert FOUND_BY.keys() == BUGS.keys()


def test_every_fault_is_played_or_said_why_not() -> None:
    empty = {f.name for f in FAULTS} - {fault.name for _, _, fault in cells()}
    assert not empty
    words = {*STAGES, *OPERATIONS, *(s.cloud for s in STAGES.values())}
    words |= {f"{kind}, {operation}" for kind in STAGES for operation in OPERATIONS}
    assert {w for f in FAULTS for w in f.without} <= words


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["entra user", "workspace user", "service account"])
def test_a_month_of_daily_runs(kind: str) -> None:
    """`make months` plays nine, of every kind."""
    months = nine_months.play(kind, days=30, events=7)
    assert months.broken == []
    assert months.counts["off"] > 0


def test_what_is_published_survived() -> None:
    """The table in policies/README.md is made of these rows."""
    played = {(cell.kind, cell.operation, cell.fault): cell for cell in results()}
    assert played.keys() == {(kind, operation, fault.name) for kind, operation, fault in cells()}
    assert [cell for cell in played.values() if cell.broken or not cell.tried] == []
