"""The kill harness: enforcement dies around every write request, runs again, and must converge.

`python -m tests.faults` (or `make faults`) kills at every write, once before it is applied and once after;
`tests/test_faults.py` runs a slice. A cloud takes part with a module `tests/CLOUD/kill.py` that has STORIES.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.wire_http import ConnectionDroppedError

CUSTODIAN = Path(sys.executable).parent / "custodian"
CLOUDS = ("aws", "azure", "gcp")
PHASES = ("before", "after")
#: Runs after the kill by which everything must be as if nothing had happened.
RUNS_TO_CONVERGE = 2


@dataclass(frozen=True)
class Story:
    """A state, policies that change it, and what must hold whatever happens.

    `fill` makes the state and `policies` writes the policy file into a folder; `state` reads what counts;
    `violations` compares it with that at the start and says what must never be, in sentences. One that does
    not `converge` may leave somebody on whom a killed run recorded: he is given notice anew.
    """

    cloud: str
    name: str
    settings: Settings
    fill: Callable[[Sandbox], None]
    policies: Callable[[Path], Path]
    state: Callable[[Sandbox], Any]
    violations: Callable[[Any, Any], list[str]]
    faults: Mapping[str, str | float] = field(default_factory=dict)
    converges: bool = True


@dataclass(frozen=True)
class Result:
    """What came of one kill."""

    write: int
    phase: str
    runners: int
    problems: tuple[str, ...]


class Killer:
    """A request hook that kills a process around its n-th write; counts the writes of all."""

    def __init__(self, write: int | None = None, phase: str = "after") -> None:
        self.writes = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._write, self._phase = write, phase
        self._lock = threading.Lock()

    def __call__(self, cloud: str, action: str, phase: str, is_write: bool) -> None:
        if not is_write:
            return
        with self._lock:
            self.writes += phase == "before"
            mine = self.writes == self._write and phase == self._phase and self.process
            if not mine or self.process is None:
                return
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
        if phase == "before":
            raise ConnectionDroppedError


def start(sandbox: Sandbox, policies: Path) -> subprocess.Popen[bytes]:
    """One `custodian run` of a policy file, in the file's folder."""
    out = tempfile.mkdtemp(dir=policies.parent)
    return subprocess.Popen(
        [str(CUSTODIAN), "run", "-s", out, "--cache-period", "0", str(policies)],
        env=sandbox.child_environment(),
        cwd=policies.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def undisturbed(story: Story) -> tuple[Any, int]:
    """The end state when nothing goes wrong, and the number of writes that lead there."""
    with Sandbox(story.settings) as sandbox, tempfile.TemporaryDirectory() as folder:
        story.fill(sandbox)
        policies = story.policies(Path(folder))
        counter = Killer()
        sandbox.on_request = counter
        for _ in range(RUNS_TO_CONVERGE):
            code = start(sandbox, policies).wait()
            assert code == 0, f"{story.cloud} {story.name}: custodian ended with {code} before any kill"
        return story.state(sandbox), counter.writes


def killed_at(story: Story, expected: Any, write: int, phase: str, runners: int = 1) -> Result:
    """Kill the first of `runners` around a write, look, run again, look again."""
    with Sandbox(story.settings) as sandbox, tempfile.TemporaryDirectory() as folder:
        story.fill(sandbox)
        sandbox.faults.update(story.faults)
        policies = story.policies(Path(folder))
        begin = story.state(sandbox)
        killer = Killer(write, phase)
        sandbox.on_request = killer
        processes = [start(sandbox, policies) for _ in range(runners)]
        killer.process = processes[0]
        for process in processes:
            process.wait()
        problems = [f"after the kill: {p}" for p in story.violations(begin, story.state(sandbox))]
        problems += _again(story, sandbox, policies, begin, expected)
        return Result(write, phase, runners, tuple(problems))


def _again(story: Story, sandbox: Sandbox, policies: Path, begin: Any, expected: Any) -> Iterator[str]:
    for _ in range(RUNS_TO_CONVERGE):
        start(sandbox, policies).wait()
    end = story.state(sandbox)
    yield from (f"at the end: {p}" for p in story.violations(begin, end))
    if story.converges and end != expected:
        yield f"did not converge: {_differences(expected, end)}"


def _differences(expected: Any, end: Any) -> str:
    names = [name for name in expected if expected[name] != end.get(name)]
    return "; ".join(f"{name}: {end.get(name)} and not {expected[name]}" for name in names) or f"{end}"


def stories(clouds: Sequence[str] = CLOUDS) -> list[Story]:
    """The stories of the clouds that have some."""
    modules = [f"tests.{cloud}.kill" for cloud in clouds if importlib.util.find_spec(f"tests.{cloud}.kill")]
    return [story for name in modules for story in importlib.import_module(name).STORIES]


def main() -> int:
    """Print a line a story and runner count; 1 when an invariant broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cloud", choices=CLOUDS, action="append")
    clouds = parser.parse_args().cloud or CLOUDS
    print(f"{'cloud':6} {'story':28} {'runners':>7} {'writes':>6} {'kills':>5} {'broken':>6}")
    broken = 0
    # Processes and not threads: moto's state belongs to the process.
    pool = multiprocessing.get_context("spawn").Pool()
    for story in stories(clouds):
        expected, writes = undisturbed(story)
        for runners in (1, 2):
            kills = [(story, expected, n, phase, runners) for n in range(1, writes + 1) for phase in PHASES]
            results = pool.starmap(killed_at, kills)
            bad = [r for r in results if r.problems]
            broken += len(bad)
            print(
                f"{story.cloud:6} {story.name:28} {runners:7} {writes:6} {len(results):5} {len(bad):6}",
                flush=True,
            )
            for result in bad:
                print(f"       {result.phase} write {result.write}: {'; '.join(result.problems)}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
