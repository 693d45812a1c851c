"""The run's own manifest: what `c7n-unused run` set out to do, so that what left no trace is missed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from custom_filters.core.report import Evaluation
from custom_filters.core.times import parse_time
from custom_filters.outputs.tree import MANIFEST, Tree

_SCHEMA = 1
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


@dataclass(frozen=True)
class Attempt:
    """A policy that the run set out to run, and the folder that it had to leave, relative to the root."""

    provider: str
    policy: str
    folder: str


@dataclass(frozen=True)
class Child:
    """A Custodian process of the run: how it ended, and the runner's sentence when it ended badly."""

    provider: str
    exit_code: int | None
    log: str
    problem: str | None


@dataclass(frozen=True)
class Manifest:
    """One run."""

    started: datetime
    attempts: tuple[Attempt, ...]
    children: tuple[Child, ...]


class ManifestError(ValueError):
    """A manifest that cannot be used; the message is the sentence for the report."""


def find_runs(files: Iterable[str]) -> list[str]:
    """The folders that hold a run (`""` is the root); of the runs of one `-s OUT` the newest."""
    runs = sorted(path[: -len(MANIFEST)].rstrip("/") for path in files if path.endswith(MANIFEST))
    newest = {
        (run.rpartition("/")[0] if _RUN_ID.fullmatch(run.rpartition("/")[2]) else f"{run}/"): run
        for run in runs
    }
    return sorted(newest.values())


def read_manifest(tree: Tree, run: str) -> Manifest:
    """The manifest of the run in this folder; raises ManifestError when it is damaged."""
    try:
        content = tree.read(f"{run}/{MANIFEST}".lstrip("/"))
    except OSError as error:
        raise ManifestError(f"{MANIFEST} cannot be read: {error.strerror or error}") from error
    try:
        return _manifest(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{MANIFEST} is damaged, so nothing tells what was attempted: {error}") from error


def _manifest(value: dict[str, Any]) -> Manifest:
    if value["schema"] != _SCHEMA:
        raise ManifestError(f"{MANIFEST} has schema {value['schema']!r}; this version reads {_SCHEMA}")
    attempts = (Attempt(p["provider"], p["name"], p["folder"].strip("/")) for p in value["policies"])
    children = (Child(c["provider"], c["exit_code"], c["log"], c["problem"]) for c in value["children"])
    return Manifest(parse_time(value["started"]), tuple(attempts), tuple(children))


def missing(manifest: Manifest, where: str, folders: Iterable[tuple[str, Evaluation]]) -> list[Evaluation]:
    """What the manifest of the run in the folder `where` attempted and `folders` do not account for.

    `folders` pairs each folder's path in the run with what came of it. A child that ended badly is listed
    too, unless one of its policies tells already.
    """
    left = dict(folders)
    absent = [
        _lost(where, a.provider, a.policy, a.folder, f"it left no output folder{_why(manifest, a.provider)}")
        for a in manifest.attempts
        if a.folder not in left
    ]
    told = {e.provider for e in (*left.values(), *absent) if not e.evaluated}
    ended = [
        _lost(where, c.provider, "", c.log, c.problem)
        for c in manifest.children
        if c.problem and c.provider not in told
    ]
    return absent + ended


def _why(manifest: Manifest, provider: str) -> str:
    child = next((c for c in manifest.children if c.provider == provider), None)
    return f": {child.problem}" if child and child.problem else ""


def _lost(where: str, provider: str, policy: str, path: str, problem: str) -> Evaluation:
    return Evaluation(provider, "", "", policy, f"{where}/{path}", False, problem)
