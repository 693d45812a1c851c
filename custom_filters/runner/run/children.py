"""One Custodian child process per provider, all at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

import custom_filters
from custom_filters.core.vocabulary import AWS, AZURE, CLOUD_VARIABLE
from custom_filters.custodian.progress import PROGRESS_VARIABLE
from custom_filters.outputs.policy_output import last_error
from custom_filters.outputs.run_folder import ChildEnd
from custom_filters.runner.run.policy_files import Policy, PolicyFile

_POLL_SECONDS = 0.1
_DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class Batch:
    """What one child runs: policy files with policies of one provider only."""

    provider: str
    files: tuple[Path, ...]
    policies: tuple[Policy, ...]


@dataclass(frozen=True)
class Child:
    """A running child."""

    batch: Batch
    log: Path
    process: subprocess.Popen[bytes]
    progress: Path

    def doing(self) -> str:
        """How far its reading has come, such as `1,200 of 5,000 users read`; "" when it has not said."""
        try:
            return self.progress.read_text(encoding="utf-8")
        except OSError:
            return ""


def make_batches(files: Sequence[PolicyFile], workspace: Path) -> list[Batch]:
    """One batch a provider. Files are used as they are where they can be, else written to `workspace`."""
    providers = list(dict.fromkeys(p.provider for file in files for p in file.policies))
    return [_batch(provider, files, workspace) for provider in providers]


def _batch(provider: str, files: Sequence[PolicyFile], workspace: Path) -> Batch:
    paths: list[Path] = []
    chosen: list[Policy] = []
    for file in files:
        policies = [p for p in file.policies if p.provider == provider]
        if policies:
            as_written = not file.changed and len(policies) == len(file.policies)
            name = f"{provider}-{len(paths)}-{file.path.name}"
            paths.append(file.path if as_written else _write(policies, file, workspace / name))
            chosen += policies
    return Batch(provider, tuple(paths), tuple(chosen))


def _write(policies: Iterable[Policy], file: PolicyFile, path: Path) -> Path:
    content = {**file.extra, "policies": [dict(policy.data) for policy in policies]}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def run_children(
    batches: Iterable[Batch],
    folder: Path,
    *,
    dryrun: bool,
    environment: Mapping[str, str],
    tick: Callable[[Sequence[Child]], None],
) -> list[ChildEnd]:
    """Start all children, wait for all, and say how each ended; `tick` is called some ten times a second.

    When this process is told to stop, the children are stopped first.
    """
    children = [_start(batch, folder, dryrun=dryrun, environment=environment) for batch in batches]
    with _stopped_on_the_way_out(children):
        while any(child.process.poll() is None for child in children):
            tick(children)
            time.sleep(_POLL_SECONDS)
    for child in children:
        child.progress.unlink(missing_ok=True)
    tick(children)
    return [_end(child, folder) for child in children]


def custodian(*args: str) -> list[str]:
    """The command line of stock Custodian in this Python, with our vocabulary."""
    return own_command("custodian", *args)


def own_command(*args: str) -> list[str]:
    """The command line of `c7n-unused` in this Python.

    Isolated (-I), and with this process's own import path but for the current directory: a `yaml.py` or a
    `custom_filters/` that lies there is not ours.
    """
    home, here = Path(custom_filters.__file__).parents[1], Path.cwd()
    path = [entry for entry in sys.path if (folder := Path(entry).resolve()) == home or folder != here]
    start = f"import sys; sys.path[:] = {path}; from custom_filters.runner.main import main; main()"
    return [sys.executable, "-I", "-c", start, *args]


def _start(batch: Batch, folder: Path, *, dryrun: bool, environment: Mapping[str, str]) -> Child:
    log, progress = folder / f"{batch.provider}.log", folder / f".{batch.provider}.progress"
    args = ["run", "-s", str(folder / batch.provider), "--cache-period", "0"]
    args += ["--dryrun"] if dryrun else []
    args += _regions(batch.provider, environment)
    with log.open("wb") as output:
        process = subprocess.Popen(
            custodian(*args, *map(str, batch.files)),
            env={
                **environment,
                "C7N_UNUSED_RUN_ID": folder.name,
                PROGRESS_VARIABLE: str(progress.absolute()),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Child(batch, log, process, progress)


def _regions(provider: str, environment: Mapping[str, str]) -> list[str]:
    """What Custodian calls a Region: AWS's, and which of Microsoft's clouds."""
    if provider == AWS:
        return ["--region", aws_region(environment)]
    cloud = environment.get(CLOUD_VARIABLE)
    return ["--region", cloud] if provider == AZURE and cloud else []


def aws_region(environment: Mapping[str, str]) -> str:
    """The one Region to talk to (IAM is global): the environment's, the profile's, or us-east-1."""
    named = environment.get("AWS_DEFAULT_REGION") or environment.get("AWS_REGION")
    if named:
        return named
    from botocore.session import get_session

    return get_session().get_config_variable("region") or _DEFAULT_REGION


@contextmanager
def _stopped_on_the_way_out(children: Sequence[Child]) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        for child in children:
            if child.process.poll() is None:
                child.process.terminate()
                child.process.wait()


def _end(child: Child, folder: Path) -> ChildEnd:
    code = child.process.returncode
    problem = _problem(code, child.log) if code else None
    return ChildEnd(child.batch.provider, code, os.fspath(child.log.relative_to(folder)), problem)


def _problem(code: int, log: Path) -> str:
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    said = last_error(log.read_text(encoding="utf-8", errors="replace"))
    return f"custodian {how}" + (f": {said}" if said else "")
