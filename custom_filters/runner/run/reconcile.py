"""The plan's steps against what the journal says came of them, line by line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from custom_filters.core.outcome import listed_id, outcomes
from custom_filters.core.text import visible
from custom_filters.core.vocabulary import DISABLE, ENABLE, MARK, RETIRE, UNMARK
from custom_filters.outputs.private import write_private
from custom_filters.runner.run.plan import Step

_OPERATIONS = {MARK: "mark", UNMARK: "unmark", DISABLE: "disable", ENABLE: "enable", RETIRE: "retire"}
_SILENT = "its policy stopped before it"
_PLACE = ("provider", "account", "policy", "action")
Line = Mapping[str, Any]


def reconcile(steps: Iterable[Step], entries: Iterable[Line]) -> list[dict[str, Any]]:
    """Each step with the `result` and `reason` that came of it; then what was done without being planned.

    A step about a whole user is what came of its credentials, the gravest result first.
    """
    left = list(outcomes(entries))
    rows = []
    for step in steps:
        mine = [entry for entry in left if _about(entry, step)]
        left = [entry for entry in left if entry not in mine]
        found = min(mine, key=lambda e: _RANK.get(e["result"], 0), default=None)
        told = (found["result"], found["reason"]) if found else ("not done", _SILENT)
        rows.append({**asdict(step), "result": told[0], "reason": told[1]})
    return rows + [{**_row(entry), "when": "not planned"} for entry in left if entry["result"] == "done"]


_RANK = {"failed": 0, "skipped": 1, "done": 2}


def _about(entry: Line, step: Step) -> bool:
    row = _row(entry)
    same = all(row[name] == getattr(step, name) for name in ("provider", "account", "policy", "user"))
    whole = "" in (step.credential, row["credential"])
    return (
        same
        and _OPERATIONS.get(step.action) == row["action"]
        and (whole or step.credential == row["credential"])
    )


def _row(entry: Line) -> dict[str, Any]:
    who, (kind, name) = entry["principal"], listed_id(entry)
    credential = kind if name == kind else f"{kind} {name}".strip()
    names = {n: who[n] for n in ("provider", "account", "user")}
    return {**names, "policy": entry["policy"], "action": entry["operation"], "credential": credential,
            "result": entry["result"], "reason": entry["reason"]}  # fmt: skip


def reconciled_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """How many planned steps came to what, and each that was not done or not planned."""
    planned = [row for row in rows if row["when"] != "not planned"]
    counts = Counter(row["result"] for row in planned)
    told = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
    yield f"Of {len(planned)} planned steps: {told or 'none'}."
    silent = Counter(tuple(row[name] for name in _PLACE) for row in planned if row["reason"] == _SILENT)
    for place, count in silent.items():
        yield f"not done: {' '.join(place)}, {count} steps: {_SILENT}"
    for row in rows:
        if row["reason"] != _SILENT and (row["result"] != "done" or row["when"] == "not planned"):
            subject = " ".join(filter(None, (row["provider"], row["user"], row["credential"])))
            after = "done, not planned" if row["when"] == "not planned" else row["result"]
            yield visible(f"  {after}: {row['action']} {subject}: {row['reason']}")


def write_outcome(rows: list[dict[str, Any]], path: Path) -> None:
    """Write all of it as JSON, for this user only."""
    write_private(path, [(json.dumps(rows, indent=1) + "\n").encode()])
