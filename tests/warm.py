"""Custodian in a fork of a process that has imported it: a run without the seconds that importing takes.

Nothing but imports has happened in the process that forks: no session, no client, no thread, no cache. A
child gets its own environment, folder and arguments, and calls what the `custodian` script calls.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from typing_extensions import Self

from tests.virtual import VirtualTime

RESOURCES = {"aws": ("aws.iam-user", "aws.iam-role"), "azure": ("azure.directory-user",),
             "gcp": ("gcp.directory-user", "gcp.service-account", "gcp.service-account-key")}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One `custodian` with these arguments; its log goes to `log`, what it prints to `printed` or there too.

    plant: names in tests.planted, called in the child before it begins; room: no file may grow beyond so
    many bytes; hurried: a limiter's waiting takes no time.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    log: str
    plant: Sequence[str] = field(default_factory=tuple)
    room: int | None = None
    printed: str = ""
    hurried: bool = False


#: The warm processes of this one, with which they end, or before: by `RUNNING.close()`.
RUNNING = ExitStack()


@cache
def warm(cloud: str) -> Warm:
    """The warm process of a cloud, one for each test process."""
    return RUNNING.enter_context(Warm(cloud))


class Warm:
    """The warm process of a cloud: `with Warm("aws") as warm: codes = warm.run(...)`."""

    def __init__(self, cloud: str) -> None:
        self._cloud = cloud

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.warm", self._cloud]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, *runs: Run) -> list[int]:
        """All at once; their exit codes, -9 for one that was killed."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([asdict(run) for run in runs]).encode() + b"\n")
        self._process.stdin.flush()
        codes: list[int] = json.loads(self._process.stdout.readline())
        return codes


def _serve(cloud: str) -> None:
    """Import, then fork for each request until there is no more."""
    sys.argv = ["custodian"]
    from c7n import cli, commands, policy  # noqa: F401 (what the script imports, sooner or later)
    from c7n.resources import load_resources

    load_resources(RESOURCES[cloud])
    importlib.import_module("tests.planted")
    for text in sys.stdin:
        children = [_fork(cli.main, Run(**one)) for one in json.loads(text)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(codes), flush=True)


def _fork(main: Any, run: Run) -> int:
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        code = _custodian(main, run)
    finally:
        os._exit(code)


def _custodian(main: Any, run: Run) -> int:
    for stream, path in ((1, run.printed or run.log), (2, run.log)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(run.environment)
    if "httplib2" in sys.modules:  # it took the CA of its environment when it was imported
        sys.modules["httplib2"].CA_CERTS = run.environment["HTTPLIB2_CA_CERTS"]  # type: ignore[attr-defined]
    os.chdir(run.folder)
    sys.argv = ["custodian", *run.arguments]
    for name in run.plant:
        importlib.import_module("tests.planted").plant(name)
    if run.hurried:
        importlib.import_module("custom_filters.custodian.pacing").SYSTEM = VirtualTime().clock  # type: ignore[attr-defined]
    if run.room is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (run.room, run.room))
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except Exception:  # noqa: BLE001 (as Python ends a script)
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    _serve(sys.argv[1])
