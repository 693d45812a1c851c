"""Where Custodian output lies: a local folder, or a bucket as Custodian's `-s` names it.

s3://BUCKET/PREFIX[?region=R], gs://BUCKET/PREFIX or azure://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX,
each with the log-in that its cloud's SDK finds by itself.
"""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, Protocol, cast
from urllib.parse import SplitResult, parse_qs, urlsplit

from custom_filters.core.errors import InputError

#: A larger list of resources is not read; the output of half a million users is about this large.
MOST_BYTES = 1024**3
#: What larger files of any other kind are refused for: metadata, manifests.
SMALL_BYTES = 16 * 1024**2
_PIECE = 1024**2
#: Folders below this depth are not looked into.
_DEEPEST = 32
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class Storage(Protocol):
    """The files under one root; an error of what holds them is an OSError."""

    root: str
    #: Folders that `files` could not look into, each with the reason.
    lost: list[tuple[str, str]]

    def files(self, names: Container[str]) -> Iterator[tuple[str, float]]:
        """Files with one of these names: path relative to the root, with `/`, and time of last change.

        Times are seconds since 1970, UTC.
        """

    def open(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """A file as a stream of the bytes that lie there."""


class LocalStorage:
    """A folder on this machine; links below it are not followed, and only plain files are opened."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.lost: list[tuple[str, str]] = []
        self._path = Path(root)

    def files(self, names: Container[str]) -> Iterator[tuple[str, float]]:
        self.lost = []
        next(self._path.iterdir(), None)  # a root that cannot be read is an error; a folder below it is lost
        for folder, below, found in os.walk(self._path, onerror=self._lose):
            where = Path(folder).relative_to(self._path)
            for name in (name for name in found if name in names):
                yield (where / name).as_posix(), os.lstat(Path(folder, name)).st_mtime
            if len(where.parts) >= _DEEPEST and below:
                below.clear()
                self.lost.append((where.as_posix(), f"it holds folders more than {_DEEPEST} deep"))

    def _lose(self, error: OSError) -> None:
        where = os.path.relpath(str(error.filename), self._path)
        self.lost.append((where, f"it cannot be read: {error.strerror}"))

    def open(self, path: str) -> AbstractContextManager[IO[bytes]]:
        try:
            descriptor = os.open(self._path / path, os.O_RDONLY | _NO_LINK)
        except OSError as error:
            if (self._path / path).is_symlink():
                raise OSError(error.errno, "it is a link, and links are not followed") from error
            raise
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
        raise OSError(f"{path} is not a plain file")


@dataclass
class Bucket:
    """A bucket below a prefix, by what lists (key and time of change) and opens its objects.

    What its SDK raises is an OSError. Another process opens it anew by its URL.
    """

    url: SplitResult
    prefix: str
    errors: tuple[type[Exception], ...]
    listed: Callable[[str], Iterable[tuple[str, float]]]
    opened: Callable[[str], AbstractContextManager[IO[bytes]]]
    lost: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Name the root as it is shown."""
        self.root = self.url._replace(query="").geturl()
        self.prefix = f"{self.prefix.strip('/')}/".lstrip("/")

    def __reduce__(self) -> tuple[Callable[[str], Storage], tuple[str]]:
        return _reopen, (self.url.geturl(),)

    def files(self, names: Container[str]) -> Iterator[tuple[str, float]]:
        with _as_os_error(self.errors):
            for key, changed in self.listed(self.prefix):
                if key.rpartition("/")[2] in names:
                    yield key[len(self.prefix) :], changed

    @contextmanager
    def open(self, path: str) -> Iterator[IO[bytes]]:
        with _as_os_error(self.errors), self.opened(self.prefix + path) as stream:
            yield stream


@contextmanager
def _as_os_error(errors: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        raise OSError(str(error)) from error


def _s3(url: SplitResult) -> Bucket:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    errors = (BotoCoreError, ClientError)
    with _as_os_error(errors):
        client = boto3.Session(region_name=parse_qs(url.query).get("region", [None])[0]).client("s3")

    def listed(prefix: str) -> Iterator[tuple[str, float]]:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=url.netloc, Prefix=prefix):
            yield from ((o["Key"], o["LastModified"].timestamp()) for o in page.get("Contents", ()))

    return Bucket(
        url, url.path, errors, listed, lambda k: client.get_object(Bucket=url.netloc, Key=k)["Body"]
    )


def _google(url: SplitResult) -> Bucket:
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import storage

    errors = (GoogleAPIError, GoogleAuthError)
    with _as_os_error(errors):
        bucket = storage.Client().bucket(url.netloc)

    def listed(prefix: str) -> Iterator[tuple[str, float]]:
        return ((blob.name, blob.updated.timestamp()) for blob in bucket.list_blobs(prefix=prefix))

    return Bucket(url, url.path, errors, listed, lambda k: bucket.blob(k).open("rb", raw_download=True))


def _azure(url: SplitResult) -> Bucket:
    from azure.core.exceptions import AzureError
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import ContainerClient

    container, _, prefix = url.path.strip("/").partition("/")
    if not container:
        raise OSError("the URL names no container")
    with _as_os_error((AzureError,)):
        client = ContainerClient(f"https://{url.netloc}", container, DefaultAzureCredential())

    def listed(prefix: str) -> Iterator[tuple[str, float]]:
        blobs = client.list_blobs(name_starts_with=prefix)
        return ((blob.name, blob.last_modified.timestamp()) for blob in blobs)

    return Bucket(
        url, prefix, (AzureError,), listed, lambda k: nullcontext(cast(Any, client.download_blob(k)))
    )


#: Scheme -> what opens it, and the extra of c7n-unused that brings its SDK.
_SCHEMES: dict[str, tuple[Callable[[SplitResult], Storage], str]] = {
    "s3": (_s3, "all"),
    "gs": (_google, "gcp"),
    "azure": (_azure, "azure"),
}


def open_storages(paths: Iterable[str]) -> list[Storage]:
    """Open each root once, in the order given; raises InputError for one that is not there."""
    return [_open(path) for path in dict.fromkeys(paths)]


def _open(path: str) -> Storage:
    if "://" in path and not path.startswith("file://"):
        return _open_url(path)
    local = path.removeprefix("file://")
    if not Path(local).is_dir():
        raise InputError(f"{path} is not a folder; name the folder given to custodian run -s")
    return LocalStorage(local)


def _open_url(text: str) -> Storage:
    url = urlsplit(text.rstrip("/"))
    if url.scheme not in _SCHEMES:
        raise InputError(f"{text}: outputs are read from a folder, or from {', '.join(_SCHEMES)}://")
    make, extra = _SCHEMES[url.scheme]
    try:
        return make(url)
    except ImportError as error:
        raise InputError(
            f"{text}: {error.name} is not installed; pip install 'c7n-unused[{extra}]'"
        ) from error
    except OSError as error:
        raise InputError(f"{text} cannot be opened: {error}") from error


@cache
def _reopen(text: str) -> Storage:
    """The same in a worker process, where one client does for all that it reads."""
    return _open_url(text)


def pieces(storage: Storage, path: str, most: int | None = None) -> Iterator[tuple[bytes, float | None]]:
    """A file's unpacked content in pieces, each with when a `.gz` was packed (from its own header, or None).

    Raises OSError when it cannot be read, ValueError when it is damaged or larger than `most` (MOST_BYTES).
    """
    name = path.rpartition("/")[2]
    with storage.open(path) as stream:
        if not name.endswith(".gz"):
            yield from ((piece, None) for piece in _bounded(stream, name, most or MOST_BYTES))
            return
        with gzip.GzipFile(fileobj=stream) as unpacked:
            try:
                for piece in _bounded(unpacked, name, most or MOST_BYTES):
                    yield piece, unpacked.mtime or None
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise ValueError(f"{name} is damaged: {error}") from error


def read(storage: Storage, path: str, most: int = SMALL_BYTES) -> bytes:
    """A small file's content; raises as `pieces` does."""
    return b"".join(piece for piece, _ in pieces(storage, path, most))


def read_end(storage: Storage, path: str, length: int) -> bytes:
    """The last bytes of a file; raises as `pieces` does."""
    end = b""
    for piece, _ in pieces(storage, path):
        end = (end + piece)[-length:]
    return end


def _bounded(stream: IO[bytes] | gzip.GzipFile, name: str, most: int) -> Iterator[bytes]:
    left = most
    while piece := stream.read(_PIECE):
        left -= len(piece)
        if left < 0:
            raise ValueError(f"{name} is larger than {most} bytes, and is not read")
        yield piece
