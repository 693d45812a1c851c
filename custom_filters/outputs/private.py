"""Files that are written for this user only, and through no link that somebody laid in their way."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def write_private(path: Path, chunks: Iterable[bytes]) -> Path:
    """Write a file with mode 0600 in one step: a reader sees the old one or the new one, whole.

    The new one is made beside it, under a name that nobody can guess; a link in its place is replaced.
    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(unfinished, _NEW, 0o600), "wb") as file:
            file.writelines(chunks)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
