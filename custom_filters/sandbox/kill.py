"""SIGKILL of the calling process around a write, as a crash at the worst moment: fault `kill=after:3`.

The process is found by its end of the connection, so that a grandchild (a Custodian that `c7n-unused run`
started) is killed too; that needs Linux's /proc.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from custom_filters.sandbox.faults import Fault
from custom_filters.sandbox.wire_http import ConnectionDroppedError, client_port

FAULT = Fault("kill", "WRITE", "the caller is killed before or after the N-th write from now")


class Killer:
    """A request hook that counts the writes since the fault was set and kills who makes the N-th."""

    def __init__(self, faults: Mapping[str, object]) -> None:
        self._faults, self._spec, self._writes = faults, "", 0
        self._lock, self._own = threading.Lock(), threading.local()  # others begin before a write ends

    def __call__(self, phase: str, is_write: bool) -> None:
        """Raises ConnectionDroppedError once the caller is dead: the write is lost, or its answer is."""
        spec = str(self._faults.get("kill", ""))
        if not (spec and is_write):
            return
        when, _, number = spec.partition(":")
        with self._lock:
            if spec != self._spec:
                self._spec, self._writes = spec, 0
            if phase == "before":
                self._writes += 1
                self._own.number = self._writes
        due = (phase, getattr(self._own, "number", 0)) == (when, int(number))
        if due and (process := owner(client_port())):
            os.kill(process, signal.SIGKILL)
            raise ConnectionDroppedError


def owner(port: int | None) -> int | None:
    """The id of the process, other than this one, whose socket has this local port."""
    inodes = {f"socket:[{inode}]" for inode in _sockets(port or 0)}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # not ours to look at, or gone meanwhile
            links = {str(link.readlink()) for link in (process / "fd").iterdir()}
            if inodes & links and process.name != str(os.getpid()):
                return int(process.name)
    return None


def _sockets(port: int) -> list[str]:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port]
