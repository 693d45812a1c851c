"""Where Custodian output lies: a local folder, or anything that fsspec opens (s3://, gs://...)."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from custom_filters.runner.exits import InputError

MANIFEST = "c7n-unused-run.json"
METADATA, RESOURCES, LOG = "metadata.json", "resources.json", "custodian-run.log"
_WANTED = frozenset({MANIFEST, *(name + end for name in (METADATA, RESOURCES, LOG) for end in ("", ".gz"))})


class Tree(Protocol):
    """The files under one root that matter to a report."""

    root: str

    def files(self) -> dict[str, float]:
        """Path relative to the root, with `/` -> time of last change in seconds since 1970, UTC."""

    def read(self, path: str) -> bytes:
        """A file's bytes as they lie there; raises OSError."""


class LocalTree:
    """A folder on this machine; links to folders are not followed."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._path = Path(root)

    def files(self) -> dict[str, float]:
        found = {}
        for folder, _, names in os.walk(self._path):
            for name in _WANTED.intersection(names):
                path = Path(folder, name)
                found[path.relative_to(self._path).as_posix()] = path.stat().st_mtime
        return found

    def read(self, path: str) -> bytes:
        return (self._path / path).read_bytes()


class RemoteTree:
    """A bucket and prefix, through fsspec and its own configuration (environment, profile, endpoint)."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self._fs, self._prefix = _open_url(self.root)

    def files(self) -> dict[str, float]:
        found = {}
        try:
            listing: dict[str, dict[str, Any]] = self._fs.find(self._prefix, detail=True)
        except _remote_errors() as error:
            raise InputError(f"{self.root} cannot be listed: {error}") from error
        for name, info in listing.items():
            path = name[len(self._prefix) :].lstrip("/")
            if path.rpartition("/")[2] in _WANTED:
                found[path] = _changed(info)
        return found

    def read(self, path: str) -> bytes:
        try:
            data: bytes = self._fs.cat_file(f"{self._prefix}/{path}")
        except _remote_errors() as error:
            raise OSError(str(error)) from error
        return data


def _remote_errors() -> tuple[type[Exception], ...]:
    """What the clients behind fsspec raise for a bucket that cannot be read; imported late, they are slow."""
    from botocore.exceptions import BotoCoreError
    from gcsfs.retry import HttpError
    from google.auth.exceptions import GoogleAuthError

    return (OSError, BotoCoreError, HttpError, GoogleAuthError)


def _open_url(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs

        fs, prefix = url_to_fs(url)
    except ImportError as error:
        raise InputError(f"{url}: {error}; pip install 'c7n-unused[reports]'") from error
    except ValueError as error:
        raise InputError(f"{url}: {error}") from error
    return fs, prefix.rstrip("/")


def _changed(info: dict[str, Any]) -> float:
    for key in ("LastModified", "last_modified", "updated", "mtime", "created"):
        at = info.get(key)
        if isinstance(at, str):
            at = datetime.fromisoformat(at.replace("Z", "+00:00"))
        if isinstance(at, datetime):
            return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()
        if isinstance(at, (int, float)):
            return float(at)
    return 0.0  # older than any run: what cannot be dated is not believed


def open_trees(paths: Iterable[str]) -> list[Tree]:
    """Open each root once, in the order given; raises InputError for one that is not there."""
    trees: list[Tree] = []
    for path in dict.fromkeys(paths):
        if "://" in path and not path.startswith("file://"):
            trees.append(RemoteTree(path))
            continue
        local = path.removeprefix("file://")
        if not Path(local).is_dir():
            raise InputError(f"{path} is no folder; name the folder given to custodian run -s")
        trees.append(LocalTree(local))
    return trees


def unpack(data: bytes, path: str) -> tuple[bytes, float | None]:
    """A file's content, and for a `.gz` when it was packed (seconds since 1970, from its own header).

    Raises ValueError when it is damaged.
    """
    if not path.endswith(".gz"):
        return data, None
    try:
        content = gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path.rpartition('/')[2]} is damaged: {error}") from error
    return content, float(int.from_bytes(data[4:8], "little")) or None
