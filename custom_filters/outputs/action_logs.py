"""Find and read the action logs that enforcing runs leave beside their policies' output."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from custom_filters.core.text import visible
from custom_filters.core.vocabulary import ACTIONS_FILE


def find_logs(out: Path) -> list[Path]:
    """The action logs under a folder, each once (links such as OUT/latest are not followed)."""
    return sorted(out.rglob(ACTIONS_FILE))


def read_log(log: Path) -> list[dict[str, Any]]:
    """The complete lines of a log; one that a killed run cut short is left to `c7n-unused verify`."""
    entries = []
    for line in log.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            entries.append(json.loads(line))
    return entries


def outcome_lines(out: Path) -> Iterator[str]:
    """What was done, and each refusal and failure, a line each."""
    entries = [entry for log in find_logs(out) for entry in read_log(log)]
    counts = Counter((entry["operation"], entry["result"]) for entry in entries)
    for (operation, result), count in sorted(counts.items()):
        yield f"{operation}: {count} {result}"
    for entry in entries:
        if entry["result"] != "done":
            yield visible(f"  {entry['result']} {entry['operation']} {_subject(entry)}: {entry['reason']}")


def _subject(entry: dict[str, Any]) -> str:
    credential = entry["credential"] or {}
    principal = entry["principal"]
    return " ".join(filter(None, (principal["provider"], principal["user"], *credential.values())))


def entry_lines(out: Path) -> Iterator[str]:
    """Every line of the logs for people: what was done or not, why, and how it is undone."""
    for entry in (entry for log in find_logs(out) for entry in read_log(log)):
        undo = f" (undo: {entry['undo']})" if entry["undo"] else ""
        yield visible(f"{entry['result']} {entry['operation']} {_subject(entry)}: {entry['reason']}{undo}")
