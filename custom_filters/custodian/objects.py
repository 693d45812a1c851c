"""Objects of our own below a policy's remote output: `journal/<execution id>/`, which no retry overwrites.

Custodian uploads an output when the policy ends, too late for a journal, and a retry within the hour would
overwrite it. Each cloud's SDK is imported only for a bucket there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

#: Custodian puts the hour below the policy's name; a repeated event may come in another hour.
_HOUR = re.compile(r"/\d{4}/\d{2}/\d{2}/\d{2}$")


@dataclass(frozen=True)
class Objects:
    """Writes objects below one prefix; what a cloud refuses (`errors`) is an OSError.

    `write` takes a name and the content, `listed` gives what there is below a name.
    """

    prefix: str
    errors: tuple[type[Exception], ...]
    write: Callable[[str, bytes], object]
    listed: Callable[[str], Iterable[object]]

    def put(self, name: str, content: bytes) -> None:
        """Write one object."""
        self._try(lambda: self.write(f"{self.prefix}/{name}", content))

    def holds_anything(self) -> bool:
        """Whether there is an object below the prefix."""
        return bool(self._try(lambda: any(True for _ in self.listed(f"{self.prefix}/"))))

    def _try(self, call: Callable[[], object]) -> object:
        try:
            return call()
        except self.errors as error:
            raise OSError(str(error)) from error


def _s3(output: Any, prefix: str) -> Objects:
    """With the output's encryption and session."""
    from botocore.exceptions import BotoCoreError, ClientError

    region, bucket = output.config.get("region"), output.bucket
    client = output.ctx.session_factory(region=region, assume=False).client("s3")
    options = {"ACL": "bucket-owner-full-control", **output.get_sse_args()}
    return Objects(
        prefix,
        (BotoCoreError, ClientError),
        lambda name, content: client.put_object(Bucket=bucket, Key=name, Body=content, **options),
        lambda below: client.list_objects_v2(Bucket=bucket, Prefix=below, MaxKeys=1).get("Contents", ()),
    )


def _google(output: Any, prefix: str) -> Objects:
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import storage

    bucket = cache(lambda: storage.Client().bucket(output.config.netloc))
    return Objects(
        prefix,
        (GoogleAPIError, GoogleAuthError),
        lambda name, content: bucket().blob(name).upload_from_string(content),
        lambda below: bucket().list_blobs(prefix=below, max_results=1),
    )


def _azure(output: Any, prefix: str) -> Objects:
    """c7n_azure's own upload logs a refusal and goes on."""
    from azure.core.exceptions import AzureError
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import ContainerClient

    client = ContainerClient(f"https://{output.config.netloc}", output.container, DefaultAzureCredential())
    return Objects(
        prefix,
        (AzureError,),
        client.upload_blob,
        lambda below: client.list_blobs(name_starts_with=below),
    )


_MAKERS: dict[str, Callable[[Any, str], Objects]] = {"s3": _s3, "gs": _google, "azure": _azure}


def writer_of(output: Any, run: str) -> Objects | None:
    """What writes below a policy's remote output for a run (or event) of this id; None for a local folder."""
    config = getattr(output, "config", None)
    make = _MAKERS.get(str(config.get("scheme", ""))) if config else None
    if make is None or config is None:
        return None
    # c7n_azure's config names the output of all policies, without the policy's own folder.
    below = getattr(output, "file_prefix", config.path).strip("/")
    return make(output, f"{_HOUR.sub('', f'/{below}').strip('/')}/journal/{run}".strip("/"))
