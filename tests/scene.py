"""A company in a sandbox with Custodian beside it, and what must hold after every run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from typing_extensions import Self

from custom_filters.core.journal import FILE_NAME, read_lines
from custom_filters.core.notes import Item
from custom_filters.core.population import FILE_NAME as POPULATION
from custom_filters.core.population import PopulationError, parse
from custom_filters.core.vocabulary import ANNOTATION
from custom_filters.outputs.collect import collect
from tests.stages import COMPANY, DAY, NOW, STAGES, Member, Stage, Thing
from tests.warm import Run, warm

NOTICE = 14 * DAY
#: Runs after the fault by which everything must be as if nothing had happened.
RUNS_TO_CONVERGE = 2
State = Mapping[str, Thing]


class Scene:
    """A company in a sandbox, an output folder, and Custodian."""

    def __init__(
        self,
        stage: Stage,
        folder: Path,
        company: Mapping[str, Member] = COMPANY,
        bug: str = "",
        seed: int = 7,
    ) -> None:
        self.stage, self.folder, self.out = stage, folder, folder / "out"
        self.bug = [bug] if bug else []
        self.sandbox = stage.sandbox(seed)
        self._company = company
        self.skew = timedelta()

    def __enter__(self) -> Self:
        self.sandbox.__enter__()
        self.stage.fill(self.sandbox, self._company)
        self.sandbox.clock.set(NOW)
        return self

    def __exit__(self, *error: object) -> None:
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

    def failed(self) -> bool:
        """Whether a journal says that something failed."""
        files = [file for file in self.folder.glob(f"*/*/{FILE_NAME}") if file.is_file()]
        return any(line["result"] == "failed" for file in files
                   for line in read_lines(file.read_text().splitlines()))  # fmt: skip

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
        """Policy -> user -> verdict, as its output tells; what does not read is left out."""
        found = {}
        for file in self.out.glob(f"*/{POPULATION}"):
            try:
                found[file.parent.name] = {
                    r["user"]: r["verdict"] for r in parse(file.read_text().splitlines()).rows
                }
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
                yield from (
                    f"{name}: {item.kind} {why}" for why in _wrongly_off(scene, allowed, name, item, thing)
                )
                if (scene.stage.user(scene.sandbox, name), item) not in announced:
                    yield f"{name}: {item.kind} is off and in no journal"
            if (
                not is_on(was, item)
                and is_on(thing, item)
                and not ("restore" in allowed and name.startswith("off"))
            ):
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
        if (item in held and entry.until < held[item].until) or entry.until - entry.marked_at < NOTICE:
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
    code, left, unlisted = -1, list(expected), list(expected)
    for _ in range(RUNS_TO_CONVERGE):
        if code == 0 and not (left or unlisted):
            break
        # By the last of them AWS makes a new credential report.
        wait = timedelta(seconds=10) if code < 0 else timedelta(hours=5)
        scene.sandbox.clock.set(scene.sandbox.clock.now() + wait)
        code = scene.run(operation, off=True)
        yield from (f"after a further run, {why}" for why in violations(scene, [operation], before))
        left, unlisted = ([], []) if hands else (differences(scene.state, expected), _unlisted(scene))
    if code and not hands:
        yield f"a further run ends with {code}: {_last_error(scene)}"
    yield from _left_over(scene, left, expected)
    yield from (f"{name} is off by us, and the report does not list it" for name in unlisted)


def _unlisted(scene: Scene) -> list[str]:
    """Who is off by us and not in the report of those."""
    listed, state = scene.listed_off(), scene.state
    off = (name for name, thing in state.items() if any(not is_on(thing, e.item) for e in thing.notes.off()))
    return [name for name in off if scene.stage.user(scene.sandbox, name) not in listed]


def _left_over(scene: Scene, left: Sequence[str], expected: State) -> Iterator[str]:
    """A kind that records first may leave on what a killed run recorded: it is given notice anew."""
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
        if scene.failed():
            yield "the run ended with 0, and its journal says that something failed"
        expected = undisturbed(scene.stage.name, operation)[0]
        silent = [name for name in differences(scene.state, expected) if not scene.told(name)]
        yield from (f"the run ended with 0, and nothing is said of {name}" for name in silent)
