"""Where a policy's output lies: the folders that hold one, and what each of them holds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from custom_filters.core.errors import NotEvaluatedError
from custom_filters.core.population import FILE_NAME
from custom_filters.outputs.run_folder import RUN_ID
from custom_filters.outputs.storage import LocalStorage, Storage

METADATA, RESOURCES, LOG = "metadata.json", "resources.json", "custodian-run.log"
_READ = (METADATA, RESOURCES, LOG, FILE_NAME)
#: Files of a policy's folder that are read; Custodian packs them for a bucket.
NAMES = frozenset(name + end for name in _READ for end in ("", ".gz"))
_DATED = re.compile(r"(?:(?P<base>.*)/)?(?P<date>\d{4}/\d{2}/\d{2}/\d{2})")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d|global")
_RUN = re.compile(rf"(?P<base>.*)/{RUN_ID}(/(aws|azure|gcp))?")


@dataclass(frozen=True)
class Folder:
    """A policy's output: `files` maps the plain name (`resources.json`) to path and time of change.

    `base` is the folder without the date that Custodian puts below it in a bucket.
    """

    storage: Storage
    path: str
    base: str
    date: str | None
    files: dict[str, tuple[str, float]] = field(default_factory=dict)

    def file(self, name: str) -> tuple[str, float]:
        """Path and time of change; raises NotEvaluatedError."""
        if name not in self.files:
            raise NotEvaluatedError(f"there is no {name}")
        return self.files[name]

    @property
    def root(self) -> str:
        """What it lies under, without date, run and Region: one place that one account's runs write to."""
        local = isinstance(self.storage, LocalStorage)
        above = os.path.realpath(self.storage.root) if local else self.storage.root.rstrip("/")
        parts = f"{above}/{self.base}".rstrip("/").split("/")[:-1]
        while parts and _REGION.fullmatch(parts[-1]):
            parts.pop()
        run = _RUN.fullmatch("/".join(parts))
        return run["base"] if run else "/".join(parts)


def find_folders(storage: Storage, files: dict[str, float]) -> list[Folder]:
    """Every policy folder among the files; of a policy's dated folders the newest."""
    folders: dict[str, Folder] = {}
    for path, changed in sorted(files.items()):
        parent, _, name = path.rpartition("/")
        plain = name.removesuffix(".gz")
        if plain in _READ:
            folders.setdefault(parent, _folder(storage, parent)).files[plain] = (path, changed)
    newest = {f.base: f for f in sorted(_policies(folders), key=lambda f: f.date or "")}
    return list(newest.values())


def _folder(storage: Storage, path: str) -> Folder:
    match = _DATED.fullmatch(path)
    if match is None:
        return Folder(storage, path, path, None)
    return Folder(storage, path, match["base"] or "", match["date"])


def _policies(folders: dict[str, Folder]) -> Iterator[Folder]:
    """Leave out a log that lies above policy folders: it is that of a whole run."""
    above = {parent for path in folders for parent in parents(path)}
    return (f for path, f in folders.items() if set(f.files) != {LOG} or path not in above)


def parents(path: str) -> Iterator[str]:
    """The folders above a path, nearest first; `""` is the root."""
    while path:
        path = path.rpartition("/")[0]
        yield path
