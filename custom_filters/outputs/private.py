"""Files that are written for this user only, and through no link that somebody laid in their way."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@contextmanager
def private_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into, with mode 0600, that takes its name when all is written.

    It is made beside its place, under a name that nobody can guess; a link in its place is replaced.
    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(unfinished, _NEW, 0o600), "wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_private(path: Path, chunks: Iterable[bytes]) -> Path:
    """Write a file as `private_file` does: a reader sees the old one or the new one, whole."""
    with private_file(path) as file:
        file.writelines(chunks)
    return path
