"""Writing the action log: every line is on disk before the next change is made."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from custom_filters.core.actionlog import Action, Origin, entry, last_hash
from custom_filters.core.vocabulary import ACTIONS_FILE
from custom_filters.custodian import clock


class ActionLog:
    """Appends to a policy's c7n-unused-actions.jsonl; every line is on disk before `write` returns."""

    def __init__(self, folder: Path, origin: Origin) -> None:
        """Continue the file in `folder` (the policy's output), or begin one."""
        self._path = folder / ACTIONS_FILE
        self._origin = origin
        self._lock = threading.Lock()
        text = self._path.read_text("utf-8") if self._path.exists() else ""
        self._last = last_hash(text.splitlines())
        self._begin = "" if not text or text.endswith("\n") else "\n"

    def write(self, action: Action) -> None:
        """Add one line."""
        with self._lock:
            line = entry(action, self._origin, clock.now(), self._last)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(self._begin + json.dumps(line, separators=(",", ":")) + "\n")
                file.flush()
                os.fsync(file.fileno())
            self._last, self._begin = line["hash"], ""
