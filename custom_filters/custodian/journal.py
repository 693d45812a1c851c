"""Writing the journal: each line is on disk, and in the bucket of a remote output, before the next change."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from c7n.exceptions import PolicyExecutionError

from custom_filters.core.journal import FILE_NAME, Line, Origin, last_hash, line, read_lines, was_delivered
from custom_filters.custodian import clock
from custom_filters.custodian.objects import Objects, writer_of


class Journal:
    """Appends to a policy's journal; what `write` was given is safe when it returns.

    Raises PolicyExecutionError when a line cannot be written, then and ever after: nothing more is changed.
    """

    def __init__(self, folder: Path, origin: Origin, remote: Objects | None = None) -> None:
        """Continue the file in `folder` (the policy's output), or begin one."""
        self._path = folder / FILE_NAME
        self._origin, self._remote = origin, remote
        self._lock = threading.Lock()
        self._broken: OSError | None = None
        self._count = 0
        text = self._path.read_text("utf-8") if self._path.exists() else ""
        self.earlier: list[Line] = read_lines(text.splitlines())
        self._last = last_hash(text.splitlines())
        self._begin = "" if not text or text.endswith("\n") else "\n"

    def delivered_before(self) -> bool:
        """Whether a run of the same event has journalled anything, here or in the bucket."""
        if was_delivered(self.earlier, self._origin.event_id):
            return True
        if self._remote is None or self._origin.event_id is None:
            return False
        return bool(self._try(self._remote.holds_anything))

    def write(self, contents: Iterable[Line]) -> None:
        """Add lines, which are one object in the bucket."""
        with self._lock:
            added = []
            for content in contents:
                whole = line(content, self._origin, clock.now(), self._last)
                added.append(json.dumps(whole, separators=(",", ":")) + "\n")
                self._last = whole["hash"]
            if added:
                self._try(lambda: self._store("".join(added)))

    def _store(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(self._begin + text)
            file.flush()
            os.fsync(file.fileno())
        self._begin = ""
        if self._remote is not None:
            self._count += 1
            self._remote.put(f"{self._count:06}/{FILE_NAME}", text.encode())

    def _try(self, call: Any) -> Any:
        try:
            if self._broken is None:
                return call()
        except OSError as error:
            self._broken = error
        raise PolicyExecutionError(
            f"the journal could not be written: {self._broken}; nothing more was changed"
        ) from self._broken


def open_journal(manager: Any, origin: Origin) -> Journal:
    """The journal of a policy's run: in its output folder, and below its bucket where it has one."""
    run = origin.event_id or manager.ctx.execution_id
    return Journal(Path(manager.ctx.log_dir), origin, writer_of(getattr(manager.ctx, "output", None), run))
