"""The fault matrix: every kind x operation x fault is played, then looked at, then run again until it is right.

`make faults` plays all of it; `FAULTS="--kind entra --operation disable --fault killed"` picks cells. Custodian
is the real one, in a fork of a warm process (tests.warm), the clouds are the sandbox, fresh for each case.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from custom_filters.core.journal import FILE_NAME, read_lines
from custom_filters.core.notes import RECORD, Item
from custom_filters.core.population import FILE_NAME as POPULATION
from custom_filters.core.population import PopulationError, parse
from custom_filters.core.vocabulary import ANNOTATION, EVENT_VARIABLE, NOW_VARIABLE
from custom_filters.outputs.collect import collect
from tests.fault_table import FAULTS, Fault
from tests.stages import COMPANY, DAY, FOR, NOW, OPERATIONS, STAGES, TAG, Member, Stage, Thing
from tests.warm import Run, Warm

RESULTS = Path(__file__).with_name("fault_results.json")
KILLED = -9
NOTICE = 14 * DAY
#: Runs after the fault by which everything must be as if nothing had happened.
RUNS_TO_CONVERGE = 2
#: A case that kills at the n-th write ends with the first n that nobody reaches; this is far beyond it.
MOST_KILLS = 40
FULL = ("mark", "unmark", "disable", "retire")
State = Mapping[str, Thing]


@dataclass
class Cell:
    """What came of one kind, operation and fault: cases tried, and what was broken in which."""

    kind: str
    operation: str
    fault: str
    tried: int = 0
    broken: list[str] = field(default_factory=list)
    seconds: float = 0


@cache
def warm(cloud: str) -> Warm:
    """The warm process of a cloud, one for each worker, which ends with it."""
    return ExitStack().enter_context(Warm(cloud))


class Scene:
    """A company in a sandbox, an output folder, and Custodian."""

    def __init__(self, stage: Stage, folder: Path, company: Mapping[str, Member] = COMPANY, bug: str = "") -> None:
        self.stage, self.folder, self.out = stage, folder, folder / "out"
        self.bug = [bug] if bug else []
        self.sandbox = stage.sandbox()
        self._company = company
        self.skew = timedelta()

    def __enter__(self) -> Scene:
        self.sandbox.__enter__()
        self.stage.fill(self.sandbox, self._company)
        self.sandbox.clock.set(NOW)
        return self

    def __exit__(self, *error: Any) -> None:
        self.sandbox.__exit__(*error)

    @property
    def state(self) -> dict[str, Thing]:
        """As it is now."""
        return self.stage.state(self.sandbox)

    @property
    def log(self) -> str:
        """All that Custodian said so far."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def run(self, *operations: str, off: bool = False, **more: Any) -> int:
        """The exit code of one run of these operations' policies."""
        return warm(self.stage.cloud).run(self.prepared(operations, off=off, **more))[0]

    def prepared(self, operations: Sequence[str], *, off: bool = False, out: str = "out",
                 plant: Sequence[str] = (), room: int | None = None, **variables: str) -> Run:  # fmt: skip
        """A run."""
        policies = self.stage.policies(self.folder, operations, off=off)
        command = ["run", "-s", str(self.folder / out), "--cache-period", "0", str(policies)]
        environment = {**self.stage.environment(self.sandbox), **variables}
        log = "/dev/null" if room is not None else str(self.folder / "log")
        return Run(command, environment, str(self.folder), log, [*self.bug, *plant], room)

    def journalled(self) -> set[tuple[str, Item]]:
        """Users and credentials whose disabling the journals announce."""
        lines = [line for file in self.folder.glob(f"*/*/{FILE_NAME}") if file.is_file()
                 for line in read_lines(file.read_text().splitlines())]  # fmt: skip
        meant = [line for line in lines if line["operation"] == "disable" and line["credential"]]
        return {(line["principal"]["user"], Item(**line["credential"])) for line in meant}

    def told(self, name: str) -> bool:
        """Whether something was said about somebody."""
        user = self.stage.user(self.sandbox, name)
        if any(verdicts.get(user) == "unknown" for verdicts in self.populations().values()):
            return True
        files = [file.read_text() for file in self.folder.glob(f"*/*/{FILE_NAME}") if file.is_file()]
        return any(user in text for text in [self.log, *files])

    def listed_off(self) -> set[str]:
        """Users whom the report lists as switched off by us."""
        files = self.out.glob("*-off/resources.json")
        return {r[ANNOTATION]["user"] for file in files for r in json.loads(file.read_text())}

    def populations(self) -> dict[str, dict[str, str]]:
        """Policy -> user -> verdict, as its output tells; policies whose population does not read are left out."""
        found = {}
        for file in self.out.glob(f"*/{POPULATION}"):
            try:
                found[file.parent.name] = {r["user"]: r["verdict"] for r in parse(file.read_text().splitlines()).rows}
            except PopulationError:
                continue
        return found


@cache
def undisturbed(kind: str, operation: str) -> tuple[State, Mapping[str, Mapping[str, str]]]:
    """The end and the populations of a run in which nothing goes wrong."""
    with tempfile.TemporaryDirectory() as folder, Scene(STAGES[kind], Path(folder)) as scene:
        code = scene.run(operation)
        assert code == 0, f"{kind} {operation} ended with {code} undisturbed: {scene.log}"
        return scene.state, scene.populations()


# What must hold after every run


def is_on(thing: Thing | None, item: Item) -> bool:
    """Whether a credential is on; one that was deleted is not."""
    return bool(thing and thing.on.get(item))


def violations(scene: Scene, allowed: Sequence[str], before: State) -> Iterator[str]:
    """What was done since `before` that must never be, sentence by sentence."""
    now = scene.state
    announced = scene.journalled() if "disable" in allowed else set()
    for name in before.keys() & now.keys():
        was, thing = before[name], now[name]
        if was.id != thing.id:
            continue
        recorded = {e.item: e for e in thing.notes.off()}
        for item in was.on.keys() | thing.on.keys():
            if is_on(was, item) and not is_on(thing, item):
                yield from (f"{name}: {item.kind} {why}" for why in _wrongly_off(scene, allowed, name, item, thing))
                if (scene.stage.user(scene.sandbox, name), item) not in announced:
                    yield f"{name}: {item.kind} is off and in no journal"
            if not is_on(was, item) and is_on(thing, item) and not ("restore" in allowed and name.startswith("off")):
                yield f"{name}: {item.kind} was switched on"
            if item in recorded and not is_on(was, item) and item not in {e.item for e in was.notes.off()}:
                yield f"{name}: {item.kind} was off before, and is recorded as our doing"
        yield from (f"{name}: {why}" for why in _wrong_notes(name, was, thing, scene.skew))


def _wrongly_off(scene: Scene, allowed: Sequence[str], name: str, item: Item, thing: Thing) -> Iterator[str]:
    entry = next((e for e in thing.notes.off() if e.item == item), None)
    if "disable" not in allowed or not name.startswith("due"):
        yield "was switched off"
    if entry is None:
        yield "is off without a record"
    elif entry.until > scene.sandbox.clock.now() or entry.until - entry.marked_at < NOTICE:
        yield "was switched off before its notice ended"


def _wrong_notes(name: str, was: Thing, thing: Thing, skew: timedelta) -> Iterator[str]:
    if thing.text != was.text:
        yield f"the owner's text became {thing.text!r}"
    live, held = ({e.item: e for e in one.notes.live()} for one in (thing, was))
    for item, entry in live.items():
        if item not in held and name.startswith(("active", "back", "late", "theirs", "off")):
            yield "was given notice"
        if item in held and entry.until < held[item].until or entry.until - entry.marked_at < NOTICE:
            yield "its notice was cut short"
        if item not in held and entry.until < NOW + NOTICE - skew:
            yield "its notice is shorter than it says"
    kept = {e.item for e in (*thing.notes.off(), *thing.notes.live())}
    for entry in was.notes.off():
        if not is_on(thing, entry.item) and entry.item in thing.on and entry.item not in kept:
            yield f"{entry.item.kind} is off, and its record is lost"


def report_problems(scene: Scene, code: int, kind: str) -> Iterator[str]:
    """Whether a report shows somebody as something else, or misses him in silence."""
    told, evaluated = scene.populations(), set()
    if scene.out.exists():
        evaluated = {e.policy for e in collect([str(scene.out)]).evaluations if e.evaluated}
    for policy, expected in undisturbed(kind, "report")[1].items():
        if policy not in evaluated:
            if not code:
                yield f"{policy} was not evaluated, and the run ended with 0"
            continue
        for user, verdict in expected.items():
            seen = told.get(policy, {}).get(user)
            if seen not in (verdict, "unknown"):
                yield f"{policy} shows {user} as {seen} and not as {verdict}"


def differences(state: State, expected: State) -> list[str]:
    """Who is not as expected."""
    return [name for name in expected if name not in state or state[name].summary != expected[name].summary]


def converge(scene: Scene, operation: str, before: State, *, hands: bool = False) -> Iterator[str]:
    """Run again, undisturbed: all must be as if nothing had happened, and what is off be listed."""
    expected = undisturbed(scene.stage.name, operation)[0]
    scene.sandbox.faults.clear()
    code, left = -1, list(expected)
    for _ in range(RUNS_TO_CONVERGE):
        if code == 0 and not left:
            break
        scene.sandbox.clock.set(scene.sandbox.clock.now() + timedelta(seconds=10))
        code = scene.run(operation, off=True)
        left = [] if hands else differences(scene.state, expected)
        yield from (f"after a further run, {why}" for why in violations(scene, [operation], before))
    if code and not hands:
        yield f"a further run ends with {code}: {_last_error(scene)}"
    yield from _left_over(scene, left, expected)
    state, listed = scene.state, scene.listed_off()
    for name, thing in state.items():
        if any(not is_on(thing, e.item) for e in thing.notes.off()):
            if scene.stage.user(scene.sandbox, name) not in listed and not hands:
                yield f"{name} is off by us, and the report does not list it"


def _left_over(scene: Scene, left: Sequence[str], expected: State) -> Iterator[str]:
    """A kind that records first may leave on what a killed run recorded: a day later it is given notice anew."""
    held = scene.state
    waiting = [name for name in left if not scene.stage.atomic and name in held and name.startswith("due")
               and held[name].notes.off()]  # fmt: skip
    yield from (f"{name} did not converge: {held.get(name) and held[name].summary}" for name in left
                if name not in waiting)  # fmt: skip
    if waiting:
        scene.sandbox.clock.set(NOW + DAY + timedelta(hours=2))
        for operation in ("retire", "mark"):
            scene.run(operation)
        for name in waiting:
            thing = scene.state[name]
            stuck = [e.item.kind for e in thing.notes.off() if is_on(thing, e.item)]
            if stuck or (any(thing.on.values()) and not thing.notes.live()):
                yield f"{name} is on and immune a day later: {thing.summary}"


def _last_error(scene: Scene) -> str:
    lines = [line for line in scene.log.splitlines() if "ERROR" in line or "Error" in line]
    return " | ".join(lines[-3:])[-400:]


def after(scene: Scene, operation: str, before: State, codes: Sequence[int]) -> Iterator[str]:
    """What is wrong right after the disturbed run."""
    yield from violations(scene, [operation], before)
    if operation == "report":
        yield from report_problems(scene, codes[0], scene.stage.name)
    if not any(codes):
        expected = undisturbed(scene.stage.name, operation)[0]
        silent = [name for name in differences(scene.state, expected) if not scene.told(name)]
        yield from (f"the run ended with 0, and nothing is said of {name}" for name in silent)


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
    with Scene(scene.stage, scene.folder) as again:  # the company as before, the folder as it is now
        before = again.state
        code = again.run(operation, **event)
        if code or (changed := differences(again.state, before)):
            yield f"the second delivery ended with {code} and changed {changed}"


def _late(scene: Scene, operation: str, fault: Fault) -> Iterator[str]:
    scene.sandbox.clock.set(NOW - timedelta(minutes=40))
    scene.stage.hand(scene.sandbox, "use", "late")
    scene.sandbox.clock.set(NOW)
    yield from _wire(scene, operation, fault)


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
    return (p for some in (after(scene, operation, before, [code]), converge(scene, operation, before)) for p in some)


WAYS: Mapping[str, Callable[[Scene, str, Fault], Iterator[str]]] = {
    "wire": _wire, "clock": _clock, "two": _two, "hand-before": _hand_before, "hand-between": _hand_between,
    "note": _note, "no-journal": _no_journal, "full": _full, "twice": _twice, "late": _late,
}  # fmt: skip


def play(kind: str, operation: str, fault: Fault, *, bug: str = "", most: int = MOST_KILLS) -> Cell:
    """Play a cell, of kills at most so many."""
    stage, cell, begun = STAGES[kind], Cell(kind, operation, fault.name), time.monotonic()
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
    cell.seconds = round(time.monotonic() - begun, 1)
    return cell


# The matrix


def cells(kind: str = "", operation: str = "", fault: str = "") -> Iterator[tuple[str, str, Fault]]:
    """The cells whose names contain these words, without those that do not apply."""
    for name, stage in STAGES.items():
        for op in OPERATIONS:
            for one in FAULTS:
                if kind in name and operation in op and fault in one.name and not one.why_not(name, stage.cloud, op):
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


def main() -> int:
    """Play the cells; 1 when something was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("kind", "operation", "fault"):
        parser.add_argument(f"--{option}", default="", help="only those whose name contains this")
    parser.add_argument("--bug", default="", help="plant a bug of tests.planted")
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}, which the table is made of")
    asked = parser.parse_args()
    tasks, found, begun = list(cells(asked.kind, asked.operation, asked.fault)), [], time.monotonic()
    for cell in played(tasks, asked.jobs, asked.bug):
        found.append(cell)
        state = f"{len(cell.broken)} broken" if cell.broken else "survived"
        print(f"[{len(found)}/{len(tasks)}] {cell.kind}, {cell.operation}, {cell.fault}: {cell.tried} tried, {state}"
              f" ({cell.seconds} s)", flush=True)  # fmt: skip
        for problem in cell.broken:
            print(f"    {problem}", flush=True)
    tried, broken = sum(c.tried for c in found), sum(len(c.broken) for c in found)
    print(f"\n{table(found)}\n\ntried {tried}, survived {tried - broken}, broken {broken}"
          f" in {(time.monotonic() - begun) / 60:.1f} min")  # fmt: skip
    if asked.save:
        rows = sorted(({k: v for k, v in asdict(c).items() if k != "seconds"} for c in found), key=str)
        RESULTS.write_text(json.dumps(rows, indent=0) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
