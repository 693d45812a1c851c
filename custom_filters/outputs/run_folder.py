"""A run's folder and its manifest: what was attempted, so that what left no trace is missed."""

from __future__ import annotations

import json
import re
import reprlib
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from custom_filters.core.errors import InputError
from custom_filters.core.report import Evaluation
from custom_filters.core.text import visible
from custom_filters.core.times import format_optional, format_time, parse_time
from custom_filters.outputs.private import write_private
from custom_filters.outputs.storage import Storage, open_storages, read

MANIFEST = "c7n-unused-run.json"
LATEST = "latest"
_SCHEMA = 1
#: What a run's folder is called (a pattern).
RUN_ID = r"\d{8}T\d{6}Z-[0-9a-f]{6}"
_RUN_ID = re.compile(RUN_ID)


class ManifestError(ValueError):
    """A manifest that cannot be used; the message is the sentence for the report."""


@dataclass(frozen=True)
class Attempt:
    """A policy that the run set out to run, and the folder that it had to leave, relative to the run's."""

    provider: str
    name: str
    resource: str
    folder: str


@dataclass(frozen=True)
class ChildEnd:
    """How a Custodian child ended: `log` is relative to the run's folder, `problem` one sentence or None."""

    provider: str
    exit_code: int | None
    log: str
    problem: str | None


@dataclass(frozen=True)
class Manifest:
    """What a run attempted, written before its children start; `children` and `finished` when they ended.

    `policies_commit` is empty where the policies are not as a commit has them.
    """

    run_id: str
    started: datetime
    dryrun: bool
    policies: tuple[Attempt, ...]
    children: tuple[ChildEnd, ...] = ()
    finished: datetime | None = None
    ran_by: str = ""
    policies_commit: str = ""

    def to_json(self) -> str:
        """The manifest as it is written."""
        times = {"started": format_time(self.started), "finished": format_optional(self.finished)}
        return json.dumps({"schema": _SCHEMA, **asdict(self), **times}, indent=1) + "\n"

    @classmethod
    def from_json(cls, content: bytes | bytearray | str) -> Manifest:
        """Read what to_json wrote; raises ManifestError."""
        try:
            return _manifest(json.loads(content))
        except ManifestError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ManifestError(
                f"{MANIFEST} is damaged, so nothing tells what was attempted: {error}"
            ) from error


def _manifest(value: dict[str, Any]) -> Manifest:
    if value["schema"] != _SCHEMA:
        raise ManifestError(f"{MANIFEST} has schema {value['schema']!r}; this version reads {_SCHEMA}")
    finished = value["finished"]
    return Manifest(
        _text(value["run_id"]),
        parse_time(value["started"]),
        value["dryrun"] is True,
        tuple(_attempt(item) for item in value["policies"]),
        tuple(_child(item) for item in value["children"]),
        None if finished is None else parse_time(finished),
        *(_text(value.get(name, "")) for name in ("ran_by", "policies_commit")),
    )


def _text(value: Any) -> str:
    """Text of the manifest, which strangers may have written, as it can be shown."""
    if not isinstance(value, str):
        raise TypeError(f"{reprlib.repr(value)} is not text")
    return visible(value.encode("utf-8", "replace").decode())


def _attempt(item: dict[str, Any]) -> Attempt:
    attempt = Attempt(**{name: _text(text) for name, text in item.items()})
    return replace(attempt, folder=attempt.folder.strip("/"))


def _child(item: dict[str, Any]) -> ChildEnd:
    code, problem = item["exit_code"], item["problem"]
    if type(code) not in {int, type(None)}:
        raise TypeError(f"exit_code {reprlib.repr(code)} is not a number")
    shown = None if problem is None else _text(problem)
    return replace(ChildEnd(**item), provider=_text(item["provider"]), log=_text(item["log"]), problem=shown)


@dataclass(frozen=True)
class RunFolder:
    """A run's own folder, named by its start and a random id, so that no run finds another's output in it."""

    path: Path
    manifest: Manifest

    @property
    def children(self) -> tuple[ChildEnd, ...]:
        """How the children ended."""
        return self.manifest.children

    def end(self, children: Iterable[ChildEnd]) -> RunFolder:
        """The same folder after its children have ended; writes the manifest again."""
        ended = replace(self.manifest, children=tuple(children), finished=datetime.now(timezone.utc))
        _write(self.path, ended)
        return replace(self, manifest=ended)


def new_run_folder(
    out: Path,
    policies: Iterable[tuple[str, str, str]],
    *,
    dryrun: bool,
    latest: bool = True,
    ran_by: str = "",
    commit: str = "",
) -> RunFolder:
    """Make OUT/<UTC time>-<id>/, for this user only, with its manifest; with `latest` OUT/latest leads to it.

    A policy is given as provider, name and resource. Raises InputError when OUT can't be written.
    """
    started = datetime.now(timezone.utc)
    path = out / f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    attempts = tuple(Attempt(*policy, folder=f"{policy[0]}/{policy[1]}") for policy in policies)
    manifest = Manifest(path.name, started, dryrun, attempts, ran_by=ran_by, policies_commit=commit)
    folder = RunFolder(path, manifest)
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
        _write(path, folder.manifest)
        if latest:
            _point_latest(out, path.name)
    except OSError as error:
        raise InputError(f"-s {out} can't be written: {error.strerror}.") from error
    return folder


def _write(folder: Path, manifest: Manifest) -> None:
    write_private(folder / MANIFEST, [manifest.to_json().encode()])


def _point_latest(out: Path, name: str) -> None:
    new = out / f".{LATEST}.{name}"
    try:
        new.symlink_to(name, target_is_directory=True)
    except OSError:  # a file system, or a Windows account, without symbolic links
        new.write_text(name + "\n", encoding="utf-8")
    new.replace(out / LATEST)


def find_run(out: Path) -> Path:
    """The run's folder that OUT means: OUT itself, or where OUT/latest leads; raises InputError."""
    if not out.is_dir():
        raise InputError(f"{out} is not a folder; name the output of a run.")
    latest = out / LATEST
    if (out / MANIFEST).is_file() or not latest.exists():
        return out
    return latest.resolve() if latest.is_dir() else out / latest.read_text(encoding="utf-8").strip()


def newest_runs(files: Iterable[str]) -> list[str]:
    """The folders that hold a run (`""` is the root); of the runs of one `-s OUT` the newest."""
    runs = sorted(path[: -len(MANIFEST)].rstrip("/") for path in files if path.endswith(MANIFEST))
    newest = {
        (run.rpartition("/")[0] if _RUN_ID.fullmatch(run.rpartition("/")[2]) else f"{run}/"): run
        for run in runs
    }
    return sorted(newest.values())


def read_manifest(storage: Storage, run: str) -> Manifest:
    """The manifest of the run in this folder; raises ManifestError when it cannot be used."""
    try:
        content = read(storage, f"{run}/{MANIFEST}".lstrip("/"))
    except OSError as error:
        raise ManifestError(f"{MANIFEST} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ManifestError(str(error)) from error
    return Manifest.from_json(content)


def manifests_of(paths: Iterable[str]) -> Iterator[Manifest]:
    """The manifests of the runs that a report of these outputs reads; those that can be used."""
    for storage in open_storages(paths):
        for run in newest_runs(dict(storage.files(frozenset({MANIFEST})))):
            with suppress(ManifestError):
                yield read_manifest(storage, run)


def missing(manifest: Manifest, where: str, folders: Iterable[tuple[str, Evaluation]]) -> list[Evaluation]:
    """What the manifest of the run in the folder `where` attempted and `folders` do not account for.

    `folders` pairs each folder's path in the run with what came of it. A child that ended badly is listed
    too, unless one of its policies tells already.
    """
    left = dict(folders)
    absent = [
        _lost(where, a.provider, a.name, a.folder, _why(manifest, a.provider))
        for a in manifest.policies
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
    return child.problem if child and child.problem else "it left no output folder"


def _lost(where: str, provider: str, policy: str, path: str, problem: str) -> Evaluation:
    return Evaluation(provider, "", "", policy, f"{where}/{path}", False, problem)
