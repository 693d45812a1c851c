from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Protocol

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from custom_filters.sandbox import Sandbox, Settings

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=timezone.utc)
ONCE = Config(retries={"total_max_attempts": 1})


class MakeClient(Protocol):
    def __call__(
        self, service: str, environment: Mapping[str, str] | None = None, region: str = ...
    ) -> Any: ...


class Code(Protocol):
    def __call__(self, call: Any, **arguments: Any) -> tuple[str, int]: ...


@pytest.fixture(scope="session")
def boto3_session() -> Any:
    """One for all tests: it keeps the services' models, which take long to read."""
    return boto3.Session(region_name="us-east-1")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An empty AWS account at noon on 2026-06-15."""
    with Sandbox(Settings(users=0, now=NOW)) as started:
        yield started


@pytest.fixture
def client(sandbox: Sandbox, boto3_session: Any) -> MakeClient:
    """Real boto3 clients that do not retry; as the caller's role unless told otherwise."""

    def make(service: str, environment: Mapping[str, str] | None = None, region: str = "us-east-1") -> Any:
        found = sandbox.environment if environment is None else environment
        return boto3_session.client(
            service,
            region,
            endpoint_url=found["AWS_ENDPOINT_URL"],
            aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=found.get("AWS_SESSION_TOKEN"),
            config=ONCE,
        )

    return make


@pytest.fixture
def iam(client: MakeClient) -> Any:
    return client("iam")


@pytest.fixture
def code() -> Code:
    """The error code and HTTP status that a call is answered with."""

    def failing(call: Any, **arguments: Any) -> tuple[str, int]:
        with pytest.raises(ClientError) as raised:
            call(**arguments)
        answer = raised.value.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]

    return failing
