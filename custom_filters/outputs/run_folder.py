"""A run's folder and its manifest: what was attempted, written down before anything is started."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from custom_filters.core.times import format_time
from custom_filters.runner.exits import InputError
from custom_filters.runner.run.policy_files import Policy

MANIFEST = "c7n-unused-run.json"
LATEST = "latest"


@dataclass(frozen=True)
class ChildEnd:
    """How a Custodian child ended: `log` is relative to the run's folder, `problem` one sentence or None."""

    provider: str
    exit_code: int | None
    log: str
    problem: str | None


@dataclass(frozen=True)
class RunFolder:
    """A run's own folder, named by its start and a random id, so that no run finds another's output in it."""

    path: Path
    started: datetime
    dryrun: bool
    policies: tuple[Policy, ...]
    children: tuple[ChildEnd, ...] = ()
    finished: datetime | None = None

    @property
    def run_id(self) -> str:
        return self.path.name

    def end(self, children: Iterable[ChildEnd]) -> RunFolder:
        """The same folder after its children have ended; writes the manifest again."""
        ended = replace(self, children=tuple(children), finished=datetime.now(timezone.utc))
        ended.write_manifest()
        return ended

    def write_manifest(self) -> None:
        """Write the manifest in one step: a reader sees the old one or the new one."""
        new = self.path / f".{MANIFEST}.new"
        new.write_text(json.dumps(self._manifest(), indent=1) + "\n", encoding="utf-8")
        new.replace(self.path / MANIFEST)

    def _manifest(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "run_id": self.run_id,
            "started": format_time(self.started),
            "finished": self.finished and format_time(self.finished),
            "dryrun": self.dryrun,
            "policies": [
                {"provider": p.provider, "name": p.name, "resource": p.resource, "folder": _folder(p)}
                for p in self.policies
            ],
            "children": [asdict(child) for child in self.children],
        }  # fmt: skip


def _folder(policy: Policy) -> str:
    return f"{policy.provider}/{policy.name}"


def new_run_folder(out: Path, policies: Iterable[Policy], *, dryrun: bool, latest: bool = True) -> RunFolder:
    """Make OUT/<UTC time>-<id>/, for this user only, with its manifest; with `latest` OUT/latest leads to it.

    Raises InputError when OUT can't be written.
    """
    started = datetime.now(timezone.utc)
    path = out / f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
        folder = RunFolder(path, started, dryrun, tuple(policies))
        folder.write_manifest()
        if latest:
            _point_latest(out, path.name)
    except OSError as error:
        raise InputError(f"-s {out} can't be written: {error.strerror}.") from error
    return folder


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
