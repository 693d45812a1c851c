"""Clients that outlast throttling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from c7n.utils import local_session

from custom_filters.custodian.parallel import CONCURRENCY
from custom_filters.custodian.store import shared

_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 15},
    max_pool_connections=CONCURRENCY,
    user_agent_extra="c7n-unused",
)


def aws_client(manager: Any, service: str = "iam", region: str | None = None) -> Any:
    """A client of the policy's session; throttled calls are tried up to 15 times."""
    session = local_session(manager.session_factory)
    region = region or manager.config.region
    return shared(
        session,
        ("client", service, region),
        lambda: session.client(service, region_name=region, config=_CONFIG),
    )


def error_code(error: Any) -> str:
    """The code of a botocore ClientError, such as `NoSuchEntity`."""
    return str(error.response["Error"]["Code"])


def found_or_none(call: Callable[[], Any]) -> Any:
    """The call's answer, or None where IAM says that there is no such entity; other errors are raised."""
    try:
        return call()
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return None
        raise
