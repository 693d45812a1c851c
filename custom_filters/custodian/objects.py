"""Objects of our own below a policy's remote output: `journal/<execution id>/`, which no retry overwrites.

Custodian uploads an output when the policy ends, too late for a journal, and a retry within the hour would
overwrite it. Each cloud's SDK is imported only for a bucket there.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

#: Custodian puts the hour below the policy's name; a repeated event may come in another hour.
_HOUR = re.compile(r"/\d{4}/\d{2}/\d{2}/\d{2}$")


class ObjectWriter(Protocol):
    """Writes objects below one prefix; what a cloud refuses is an OSError."""

    def put(self, name: str, content: bytes) -> None:
        """Write one object."""

    def holds_anything(self) -> bool:
        """Whether there is an object below the prefix."""


class S3Objects:
    """Below an s3:// output, with its encryption and session."""

    def __init__(self, output: Any, prefix: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        self._errors = (BotoCoreError, ClientError)
        region = output.config.get("region")
        self._client = output.ctx.session_factory(region=region, assume=False).client("s3")
        self._bucket, self._prefix, self._options = output.bucket, prefix, output.get_sse_args()

    def put(self, name: str, content: bytes) -> None:
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=f"{self._prefix}/{name}", Body=content,
                ACL="bucket-owner-full-control", **self._options,
            )  # fmt: skip
        except self._errors as error:
            raise OSError(str(error)) from error

    def holds_anything(self) -> bool:
        try:
            found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{self._prefix}/", MaxKeys=1)
        except self._errors as error:
            raise OSError(str(error)) from error
        return bool(found.get("KeyCount"))


class GoogleObjects:
    """Below a gs:// output."""

    def __init__(self, output: Any, prefix: str) -> None:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import storage

        self._errors = (GoogleAPIError, GoogleAuthError)
        try:
            self._bucket = storage.Client().bucket(output.bucket)
        except self._errors as error:
            raise OSError(str(error)) from error
        self._prefix = prefix

    def put(self, name: str, content: bytes) -> None:
        try:
            self._bucket.blob(f"{self._prefix}/{name}").upload_from_string(content)
        except self._errors as error:
            raise OSError(str(error)) from error

    def holds_anything(self) -> bool:
        try:
            return any(True for _ in self._bucket.list_blobs(prefix=f"{self._prefix}/", max_results=1))
        except self._errors as error:
            raise OSError(str(error)) from error


class AzureObjects:
    """Below an azure:// output; c7n_azure's own upload logs a refusal and goes on."""

    def __init__(self, output: Any, prefix: str) -> None:
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential
        from azure.storage.blob import ContainerClient

        self._errors = (AzureError,)
        container, _, below = output.config.path.strip("/").partition("/")
        self._prefix = prefix.removeprefix(f"{container}/") or below
        try:
            self._client = ContainerClient(
                f"https://{output.config.netloc}", container, DefaultAzureCredential()
            )
        except self._errors as error:
            raise OSError(str(error)) from error

    def put(self, name: str, content: bytes) -> None:
        try:
            self._client.upload_blob(f"{self._prefix}/{name}", content)
        except self._errors as error:
            raise OSError(str(error)) from error

    def holds_anything(self) -> bool:
        try:
            return any(True for _ in self._client.list_blobs(name_starts_with=f"{self._prefix}/"))
        except self._errors as error:
            raise OSError(str(error)) from error


_WRITERS: dict[str, type[ObjectWriter]] = {"s3": S3Objects, "gs": GoogleObjects, "azure": AzureObjects}


def writer_of(output: Any, run: str) -> ObjectWriter | None:
    """What writes below a policy's remote output for a run (or event) of this id; None for a local folder."""
    config = getattr(output, "config", None)
    make: Any = _WRITERS.get(str(config.get("scheme", ""))) if config else None
    if make is None or config is None:
        return None
    prefix = _HOUR.sub("", f"/{config.path.strip('/')}").strip("/")
    writer: ObjectWriter = make(output, f"{prefix}/journal/{run}".strip("/"))
    return writer
