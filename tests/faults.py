"""The fault matrix: every kind x operation x fault is played, looked at, and run again until it is right.

`make faults` plays all of it; `FAULTS="--kind entra --operation disable --fault killed"` picks cells.
Custodian is the real one, in a fork of a warm process (tests.warm); the sandbox is fresh for each case.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

from custom_filters.core.journal import FILE_NAME
from custom_filters.core.notes import RECORD
from custom_filters.core.vocabulary import EVENT_VARIABLE, NOW_VARIABLE
from tests.fault_table import FAULTS, Fault
from tests.scene import RUNS_TO_CONVERGE, Scene, after, converge, differences, undisturbed, violations, warm
from tests.stages import COMPANY, DAY, FOR, NOW, OPERATIONS, STAGES, TAG, Member

RESULTS = Path(__file__).with_name("fault_results.json")
KILLED = -9
#: A case that kills at the n-th write ends with the first n that nobody reaches; this is far beyond it.
MOST_KILLS = 40
FULL = ("mark", "unmark", "disable", "retire")


@dataclass
class Cell:
    """What came of one kind, operation and fault: cases tried, and what was broken in which."""

    kind: str
    operation: str
    fault: str
    tried: int = 0
    broken: list[str] = field(default_factory=list)
    seconds: float = 0


# How each fault is played: a generator of what was broken in one case


def _wire(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    before = scene.state
    scene.sandbox.faults.update(fault.values.get(scene.stage.cloud, {}))
    yield from after(scene, operation, before, [scene.run(operation)])
    yield from converge(scene, operation, before)


def _clock(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    before, skew = scene.state, int(fault.what) * DAY
    code = scene.run(operation, **{NOW_VARIABLE: f"{NOW + skew:%Y-%m-%dT%H:%M:%SZ}"})
    scene.skew = abs(skew)
    yield from after(scene, operation, before, [code])
    yield from converge(scene, operation, before)


def _two(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    before = scene.state
    runs = [scene.prepared([operation], out=out) for out in ("out", "other")]
    yield from after(scene, operation, before, warm(scene.stage.cloud).run(*runs))
    yield from converge(scene, operation, before)


def _hand_before(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    victim, hand = FOR[operation][0], fault.what
    scene.stage.hand(scene.sandbox, hand, victim)
    scene.sandbox.clock.set(NOW + timedelta(minutes=30))
    before = scene.state
    code = scene.run(operation)
    yield from violations(scene, [operation], before)
    now = scene.state[victim]
    if operation == "disable" and hand in {"use", "recreate"} and now.on != before[victim].on:
        yield f"{victim} was switched off although it was {hand}d"
    if operation == "restore" and hand == "disable" and (now.on != before[victim].on or not code):
        yield f"{victim} was switched on although others had switched it off (exit code {code})"
    if operation == "mark" and hand in {"use", "recreate"} and now.notes.live():
        yield f"{victim} was given notice although it was {hand}d"
    yield from converge(scene, operation, before, hands=True)


def _hand_between(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    victim, before = FOR[operation][0], scene.state
    yield from after(scene, operation, before, [scene.run(operation)])
    scene.sandbox.clock.set(NOW + timedelta(hours=1))
    scene.stage.hand(scene.sandbox, fault.what, victim)
    scene.sandbox.clock.set(NOW + timedelta(hours=2))
    left = scene.state
    yield from converge(scene, operation, left, hands=True)
    ids = {thing.id: (name, thing) for name, thing in scene.state.items()}
    for name, thing in left.items():
        now = ids.get(thing.id)
        if name.startswith(victim) and now and now[1].on != thing.on:
            yield f"{name} was changed after others had acted ({fault.what})"


def _note(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    victim = {"mark": "stale", "unmark": "active", "disable": "due-1"}[operation]
    thing = scene.state[victim]
    item = next(iter(thing.on))
    text = {
        "mark": {TAG: "mine: disable-unused@2031/01/01 0000 UTC"},
        "record": {RECORD: f"{thing.id} {TAG} nonsense"},
        "other": {RECORD: f"SOMEBODYELSE {TAG} 2606010000 2608010000 {item.kind}={item.id}", TAG: ""},
    }[fault.what]
    scene.stage.write(scene.sandbox, victim, text)
    scene.sandbox.clock.set(NOW + timedelta(minutes=1))
    before = scene.state
    codes = []
    for _ in range(1 + RUNS_TO_CONVERGE):
        codes.append(scene.run(*FULL))
        yield from violations(scene, FULL, before)
        scene.sandbox.clock.set(scene.sandbox.clock.now() + timedelta(seconds=10))
    notes = scene.state[victim].notes
    if not codes[0] or not scene.told(victim):
        yield f"nothing was said of {victim}, whose notes cannot be right (exit codes {codes})"
    if codes[-1] or notes.problems:
        yield f"the notes of {victim} were not put right (exit codes {codes}): {dict(notes.texts)}"
    if bool(notes.live() or notes.off()) == (victim == "active"):
        yield f"{victim} is {'given notice' if victim == 'active' else 'immune'}: {dict(notes.texts)}"


def _no_journal(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    before, policies = scene.state, scene.stage.policies(scene.folder, [operation])
    blocked = [scene.out / p["name"] / FILE_NAME for p in json.loads(policies.read_text())["policies"]]
    for path in blocked:
        path.mkdir(parents=True)
    code = scene.run(operation)
    changed = differences(scene.state, before)
    if changed or not code:
        yield f"without a journal the run ended with {code} and changed {changed}"
    for path in blocked:
        path.rmdir()
    yield from converge(scene, operation, before)


def _full(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    before = scene.state
    yield from after(scene, operation, before, [scene.run(operation, room=int(fault.what))])
    yield from converge(scene, operation, before)


def _twice(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    event = {EVENT_VARIABLE: "4a6f1f2e-event"}
    yield from after(scene, operation, scene.state, [scene.run(operation, **event)])
    with Scene(scene.stage, scene.folder, seed=8) as again:  # the company as before, in the same folder
        before = again.state
        code = again.run(operation, **event)
        if code or (changed := differences(again.state, before)):
            yield f"the second delivery ended with {code} and changed {changed}"


def _late(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    scene.sandbox.clock.set(NOW - timedelta(minutes=40))
    scene.stage.hand(scene.sandbox, "use", "late")
    scene.sandbox.clock.set(NOW)
    yield from _wire(scene, operation, fault)


def _just_off(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    before = scene.state
    scene.run("disable")
    scene.sandbox.clock.set(NOW + timedelta(minutes=5))
    scene.sandbox.faults.update(fault.values[scene.stage.cloud])
    scene.run(operation)
    yield from violations(scene, ["disable", operation], before)
    yield from converge(scene, operation, scene.state, hands=True)


def _killed(scene: Scene, operation: str, fault: Fault, number: int) -> Iterator[str] | None:
    """None when the run was over before it could be killed."""
    before = scene.state
    if fault.way == "kill":
        scene.sandbox.faults["kill"] = f"{fault.what}:{number}"
        code = scene.run(operation)
    else:
        code = scene.run(operation, plant=[f"die-{fault.what}:{number}"])
    if code != KILLED:
        return None
    return (
        p
        for some in (after(scene, operation, before, [code]), converge(scene, operation, before))
        for p in some
    )


WAYS: Mapping[str, Callable[[Scene, str, Fault], Iterator[str]]] = {
    "wire": _wire, "clock": _clock, "two": _two, "hand-before": _hand_before, "hand-between": _hand_between,
    "note": _note, "no-journal": _no_journal, "full": _full, "twice": _twice, "late": _late,
    "just-off": _just_off,
}  # fmt: skip


def play(kind: str, operation: str, fault: Fault, *, bug: str = "", most: int = MOST_KILLS) -> Cell:
    """Play a cell, of kills at most so many."""
    stage, cell, begun = STAGES[kind], Cell(kind, operation, fault.name), time.monotonic()
    undisturbed(kind, operation)  # before the case's own sandbox: a process has one AWS account at a time
    company = dict(COMPANY)
    if fault.way == "late":
        company["late"] = Member(200, "due")
    if fault.what == "crowd":
        company |= {f"active-{n}": Member(1) for n in range(520)}
    for number in range(1, most + 1 if fault.way.startswith("kill") else 2):
        with tempfile.TemporaryDirectory() as folder, Scene(stage, Path(folder), company, bug) as scene:
            if fault.way.startswith("kill"):
                found = _killed(scene, operation, fault, number)
                if found is None:
                    break
            else:
                found = WAYS[fault.way](scene, operation, fault)
            problems = list(dict.fromkeys(found))
        cell.tried += 1
        cell.broken += [f"{number}: {'; '.join(problems)}"] if problems else []
    if not cell.tried:
        cell.tried, cell.broken = 1, ["1: the run was over before anything could be killed"]
    cell.seconds = round(time.monotonic() - begun, 1)
    return cell


# The matrix


def cells(kind: str = "", operation: str = "", fault: str = "") -> Iterator[tuple[str, str, Fault]]:
    """The cells whose names contain these words, without those that do not apply."""
    for name, stage in STAGES.items():
        for op in OPERATIONS:
            for one in FAULTS:
                if (
                    kind in name
                    and operation in op
                    and fault in one.name
                    and not one.why_not(name, stage.cloud, op)
                ):
                    yield name, op, one


def _play(task: tuple[str, str, str, str]) -> Cell:
    kind, operation, name, bug = task
    return play(kind, operation, next(f for f in FAULTS if f.name == name), bug=bug)


def played(tasks: Sequence[tuple[str, str, Fault]], jobs: int, bug: str = "") -> Iterator[Cell]:
    """In several processes, since moto's state belongs to its process and most of the time is waiting."""
    asked = [(kind, operation, fault.name, bug) for kind, operation, fault in tasks]
    with multiprocessing.get_context("spawn").Pool(min(jobs, len(asked))) as pool:
        yield from pool.imap_unordered(_play, asked)


def table(found: Sequence[Cell]) -> str:
    """Faults down, kinds across: how many cases survived of how many tried, over all operations."""
    lines = ["| fault | " + " | ".join(STAGES) + " |", "|---" * (1 + len(STAGES)) + "|"]
    for fault in FAULTS:
        row = []
        for kind in STAGES:
            mine = [c for c in found if (c.kind, c.fault) == (kind, fault.name)]
            tried, broken = sum(c.tried for c in mine), sum(len(c.broken) for c in mine)
            row.append(f"{tried - broken}/{tried}" if tried else "")
        if any(row):
            lines.append(f"| {fault.name} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def save(found: Sequence[Cell]) -> None:
    """Put these cells in the place of those that were played before."""
    cells_now = {(k, o, f.name) for k, o, f in cells()}
    kept = {(c.kind, c.operation, c.fault): c for c in (*results(), *found)}
    rows = [
        {k: v for k, v in asdict(kept[key]).items() if k != "seconds"}
        for key in sorted(kept)
        if key in cells_now
    ]
    RESULTS.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


def results() -> list[Cell]:
    """The cells as they were played last."""
    return [Cell(**row) for row in json.loads(RESULTS.read_text())] if RESULTS.exists() else []


def published() -> str:
    """The table of the last whole run, and why cells are empty."""
    found = results()
    whys: dict[str, dict[str, None]] = {}
    for fault in FAULTS:
        for where, why in fault.without.items():
            whys.setdefault(f"{fault.name}: {why}", {})[where] = None
    not_played = [f"- {what} ({'; '.join(where)})." for what, where in whys.items()]
    said = (
        f"{len(found)} of {len(list(cells()))} cells (kind, operation, fault) were played by `make faults`."
    )
    return "\n".join([table(found), "", said, "", "Does not apply:", "", *not_played]) + "\n"


def main() -> int:
    """Play the cells; 1 when something was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("kind", "operation", "fault"):
        parser.add_argument(f"--{option}", default="", help="only those whose name contains this")
    parser.add_argument("--bug", default="", help="plant a bug of tests.planted")
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument(
        "--save", action="store_true", help=f"write {RESULTS.name}, which the table is made of"
    )
    asked = parser.parse_args()
    tasks, found, begun = list(cells(asked.kind, asked.operation, asked.fault)), [], time.monotonic()
    for cell in played(tasks, asked.jobs, asked.bug):
        found.append(cell)
        state = f"{cell.tried} tried, {len(cell.broken)} broken ({cell.seconds} s)"
        print(f"[{len(found)}/{len(tasks)}] {cell.kind}, {cell.operation}, {cell.fault}: {state}", flush=True)
        for problem in cell.broken:
            print(f"    {problem}", flush=True)
    tried, broken = sum(c.tried for c in found), sum(len(c.broken) for c in found)
    print(f"\n{table(found)}\n\ntried {tried}, survived {tried - broken}, broken {broken}"
          f" in {(time.monotonic() - begun) / 60:.1f} min")  # fmt: skip
    if asked.save:
        save(found)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
