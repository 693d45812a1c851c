"""Find and read the journals that enforcing runs leave beside their policies' output, or in its bucket."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from custom_filters.core.journal import Line, left_open, read_lines, verify
from custom_filters.core.outcome import readable, subject_of
from custom_filters.core.report import Evaluation
from custom_filters.core.text import visible
from custom_filters.core.vocabulary import ACTIONS_FILE
from custom_filters.outputs.json_list import may_hold_surrogates, without_surrogates
from custom_filters.outputs.storage import MOST_BYTES, Storage, open_storages, read

_NAMES = frozenset({ACTIONS_FILE, f"{ACTIONS_FILE}.gz"})
#: The objects of one execution, each some lines of one journal, in the order of their numbers.
_OBJECT = re.compile(r"(.*journal/[^/]+)/(\d+)/[^/]+")


@dataclass(frozen=True)
class Journal:
    """One journal: where it lies, and its lines as text; or why it cannot be read."""

    where: str
    texts: tuple[str, ...]
    damage: str | None = None

    @property
    def lines(self) -> list[Line]:
        """The lines that are whole and ours; what is wrong with others is in `problems`."""
        return [line for line in read_lines(map(_encodable, self.texts)) if readable(line)]

    @property
    def problems(self) -> list[str]:
        """What is wrong with the chain and its lines, a sentence each."""
        problems = [self.damage] if self.damage else verify(self.texts)
        foreign = len(read_lines(self.texts)) - len(self.lines)
        problems += [f"{foreign} of its lines are not those of a journal of ours"] if foreign else []
        return [visible(f"{self.where}: {problem}") for problem in problems]


def journals(paths: Iterable[str]) -> list[Journal]:
    """The journals below folders and URLs, each once (links such as OUT/latest are not followed).

    One that cannot be read, and a folder that may hold one, is there as damage. Raises InputError for a path
    that is not there.
    """
    return [found for storage in open_storages(paths) for found in _in(storage)]


def _in(storage: Storage) -> Iterator[Journal]:
    parts: dict[str, list[str]] = defaultdict(list)
    for path in sorted(path for path, _ in storage.files(_NAMES)):
        match = _OBJECT.fullmatch(path)
        parts[match[1] if match else path].append(path)
    root = storage.root.rstrip("/")
    yield from (Journal(f"{root}/{where}", (), why) for where, why in storage.lost)
    for name, paths in parts.items():
        try:
            yield Journal(f"{root}/{name}", tuple(_lines(storage, paths)))
        except (OSError, ValueError) as error:
            yield Journal(f"{root}/{name}", (), f"it cannot be read: {error}")


def _lines(storage: Storage, paths: Iterable[str]) -> Iterator[str]:
    """Bytes that are not text become characters that break the chain's hash."""
    for path in paths:
        yield from read(storage, path, MOST_BYTES).decode("utf-8", "replace").splitlines()


def _encodable(text: str) -> str:
    """The line without half a surrogate pair, which no report could hold."""
    if not may_hold_surrogates(text):
        return text
    try:
        return json.dumps(without_surrogates(json.loads(text)))
    except (ValueError, RecursionError):
        return text


def outcomes(paths: Iterable[str]) -> list[Line]:
    """What came of each change, or why nothing was changed; the lines of intent are left out."""
    return [line for one in journals(paths) for line in one.lines if line["step"] == "outcome"]


def journals_of(paths: Iterable[str], evaluations: Iterable[Evaluation]) -> list[Journal]:
    """The journals of the policy runs that a report reads, not those of older runs beside them."""
    told = list(evaluations)
    folders, executions = {e.folder for e in told}, {e.execution for e in told if e.execution}
    return [
        one
        for one in journals(paths)
        if one.where.rpartition("/")[0] in folders or one.where.rpartition("/")[2] in executions
    ]


def lines_left_open(paths: Iterable[str]) -> list[Line]:
    """The intents of any run below that no outcome followed, so that every report lists them."""
    return [
        dict(line) for line in left_open(lines_of(journals(path for path in paths if Path(path).is_dir())))
    ]


def lines_of(found: Iterable[Journal]) -> list[Line]:
    """Their lines in order, each once, though an output's folder and its bucket may both hold it."""
    return list({line["hash"]: line for one in found for line in one.lines}.values())


def entry_lines(out: Path) -> Iterator[str]:
    """Every outcome for people: what was done or not, why, and how it is undone."""
    for entry in outcomes([str(out)]):
        undo = f" (undo: {entry['undo']})" if entry["undo"] else ""
        yield visible(f"{entry['result']} {entry['operation']} {subject_of(entry)}: {entry['reason']}{undo}")
