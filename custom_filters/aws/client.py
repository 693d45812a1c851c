"""Clients that outlast throttling, and calls for many users at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from botocore.config import Config
from c7n.utils import local_session

from custom_filters.policy.store import shared

T = TypeVar("T")
R = TypeVar("R")

#: Calls under way at once; IAM throttles an account that asks for much more.
CONCURRENCY = 10
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


def for_each(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Call `function` for every item, CONCURRENCY at once; results in order, the first error is raised."""
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        futures = [pool.submit(function, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def error_code(error: Any) -> str:
    """The code of a botocore ClientError, such as `NoSuchEntity`."""
    return str(error.response["Error"]["Code"])
