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
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any, Protocol
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


class _Bucket:
    """What the three clouds' buckets share: the prefix, and their errors as OSError."""

    def __init__(self, url: SplitResult, prefix: str, errors: tuple[type[Exception], ...]) -> None:
        self.root = url._replace(query="").geturl()
        self.lost: list[tuple[str, str]] = []
        self._url = url.geturl()
        self._prefix = f"{prefix.strip('/')}/".lstrip("/")
        self._errors = errors

    def __reduce__(self) -> tuple[Callable[[str], Storage], tuple[str]]:
        return _reopen, (self._url,)

    def files(self, names: Container[str]) -> Iterator[tuple[str, float]]:
        with self._as_os_error():
            for key, changed in self._list():
                if key.rpartition("/")[2] in names:
                    yield key[len(self._prefix) :], changed

    @contextmanager
    def open(self, path: str) -> Iterator[IO[bytes]]:
        with self._as_os_error(), self._stream(self._prefix + path) as stream:
            yield stream

    @contextmanager
    def _as_os_error(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise OSError(str(error)) from error

    def _list(self) -> Iterator[tuple[str, float]]:
        raise NotImplementedError

    def _stream(self, key: str) -> AbstractContextManager[IO[bytes]]:
        raise NotImplementedError


class S3Storage(_Bucket):
    """An S3 bucket, through boto3."""

    def __init__(self, url: SplitResult) -> None:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        super().__init__(url, url.path, (BotoCoreError, ClientError))
        self._bucket = url.netloc
        region = parse_qs(url.query).get("region", [None])[0]
        with self._as_os_error():
            self._client = boto3.Session(region_name=region).client("s3")

    def _list(self) -> Iterator[tuple[str, float]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        for item in (item for page in pages for item in page.get("Contents", ())):
            yield item["Key"], item["LastModified"].timestamp()

    def _stream(self, key: str) -> AbstractContextManager[IO[bytes]]:
        answer = self._client.get_object(Bucket=self._bucket, Key=key)
        body: AbstractContextManager[IO[bytes]] = answer["Body"]
        return body


class GoogleStorage(_Bucket):
    """A bucket of Google Cloud Storage."""

    def __init__(self, url: SplitResult) -> None:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import storage

        super().__init__(url, url.path, (GoogleAPIError, GoogleAuthError))
        with self._as_os_error():
            self._bucket = storage.Client().bucket(url.netloc)

    def _list(self) -> Iterator[tuple[str, float]]:
        for blob in self._bucket.list_blobs(prefix=self._prefix):
            yield blob.name, blob.updated.timestamp()

    def _stream(self, key: str) -> AbstractContextManager[IO[bytes]]:
        stream: AbstractContextManager[IO[bytes]] = self._bucket.blob(key).open("rb", raw_download=True)
        return stream


class AzureStorage(_Bucket):
    """A container of Azure Blob Storage."""

    def __init__(self, url: SplitResult) -> None:
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential
        from azure.storage.blob import ContainerClient

        container, _, prefix = url.path.strip("/").partition("/")
        super().__init__(url, prefix, (AzureError,))
        if not container:
            raise OSError("the URL names no container")
        with self._as_os_error():
            self._client = ContainerClient(f"https://{url.netloc}", container, DefaultAzureCredential())

    def _list(self) -> Iterator[tuple[str, float]]:
        for blob in self._client.list_blobs(name_starts_with=self._prefix):
            yield blob.name, blob.last_modified.timestamp()

    @contextmanager
    def _stream(self, key: str) -> Iterator[Any]:
        yield self._client.download_blob(key)


#: Scheme -> what opens it, and the extra of c7n-unused that brings its SDK.
_SCHEMES: dict[str, tuple[Callable[[SplitResult], Storage], str]] = {
    "s3": (S3Storage, "all"),
    "gs": (GoogleStorage, "gcp"),
    "azure": (AzureStorage, "azure"),
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
