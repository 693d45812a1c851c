"""Clients that go at the pace that AWS allows, outlast throttling, and go on when a session ends half-way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar

from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as LostConnectionError
from c7n.utils import local_session

from custom_filters.custodian.calls import count
from custom_filters.custodian.pacing import Again, Quota, RateLimiter, Turn
from custom_filters.custodian.parallel import CONCURRENCY
from custom_filters.custodian.store import forget, shared

T = TypeVar("T")

# botocore gives up when its quota of retries is used up, so what is called again is decided here alone.
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=CONCURRENCY,
    user_agent_extra="c7n-unused",
)
#: What a throttled call is told, by service; LimitExceeded is not among them: it is a full account.
_THROTTLED = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
        "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
        "BandwidthLimitExceeded", "EC2ThrottledException", "SlowDown",
    }
)  # fmt: skip
_ENDED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_PASSING = frozenset({500, 502, 503, 504})
_TOO_MANY = 429
#: The cloud says no, and will say no again; that Region cannot be asked, or that user is out of bounds.
REFUSED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "OptInRequired",
     "SubscriptionRequiredException", "UnrecognizedClientException", "InvalidClientTokenId"}
)  # fmt: skip
_TRIES = 8
_CONTEXT = "c7n_unused"
#: IAM publishes no limits for reading; this is a rate that others found to hold.
_IAM_RATE = 15.0
#: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html: account and Region.
_LOOKUPS = Quota(2, 1)


def aws_client(manager: Any, service: str = "iam", region: str | None = None) -> Any:
    """A client of the policy's session; a throttled call waits and is made again."""
    session = local_session(manager.session_factory)
    region = region or manager.config.region
    return shared(session, ("client", service, region), lambda: paced_client(session, service, region))


def shared_in_account(manager: Any, key: tuple[Any, ...], load: Callable[[], T]) -> T:
    """What `load` returned for this account and key, called once a run."""
    return shared(local_session(manager.session_factory), (*key, manager.config.account_id), load)


def forget_in_account(manager: Any, *key: Any) -> None:
    """Have it loaded again: what it described was changed."""
    forget(local_session(manager.session_factory), (*key, manager.config.account_id))


def paced_client(session: Any, service: str, region: str, limiter: RateLimiter | None = None) -> Any:
    """A client of a boto3 Session with a limiter of its own."""
    client = session.client(service, region_name=region, config=_CONFIG)
    attach(client, limiter or limiter_of(service, region), session.get_credentials())
    return client


def limiter_of(service: str, region: str) -> RateLimiter:
    """The pace of one service in one account and Region."""
    if service == "iam":
        return RateLimiter("AWS IAM", rate=_IAM_RATE)
    if service == "cloudtrail":
        return RateLimiter(f"AWS CloudTrail of {region}", quota=_LOOKUPS)
    return RateLimiter(f"AWS {service} of {region}")


def error_code(error: Any) -> str:
    """The code of a botocore ClientError, such as `NoSuchEntity`."""
    return str(error.response["Error"]["Code"])


def is_throttled(error: ClientError) -> bool:
    """Whether AWS was too busy to answer."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in _PASSING or status == _TOO_MANY or error_code(error) in _THROTTLED


def found_or_none(call: Callable[[], Any]) -> Any:
    """The call's answer, or None if IAM does not know the entity; raises other errors."""
    try:
        return call()
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return None
        raise


def answer_or_refusal(call: Callable[[], T]) -> T | ClientError:
    """The call's answer, or the error where it may not be made; other errors are raised."""
    try:
        return call()
    except ClientError as error:
        if error_code(error) in REFUSED:
            return error
        raise


def attach(client: Any, limiter: RateLimiter, credentials: Any) -> None:
    """Have every call of a client wait for its turn, and be made again as long as that is worth it.

    The wait comes before signing: a signature is good for some minutes only.
    """
    pace = _Pace(limiter, credentials)
    client.meta.events.register_first("request-created", pace.before)
    client.meta.events.register_first("needs-retry", pace.after)
    client.meta.events.register("after-call", _counted)


def _counted(model: Any, **_: Any) -> None:
    """Handle botocore's event."""
    count(f"{model.service_model.endpoint_prefix}.{model.name}")


class _Pace:
    """botocore's events of one client, told to its limiter."""

    def __init__(self, limiter: RateLimiter, credentials: Any) -> None:
        self._limiter, self._credentials = limiter, credentials

    def before(self, request: Any, **_: Any) -> None:
        """A call, or one more attempt, is about to be signed and sent."""
        self._limiter.wait(request.context.setdefault(_CONTEXT, Turn()))

    def after(
        self, response: Any, caught_exception: Exception | None, request_dict: Mapping[str, Any], **_: Any
    ) -> int | None:
        """0 when the call is to be made again, else None."""
        turn: Turn = request_dict["context"].setdefault(_CONTEXT, Turn())
        error = response[1].get("Error", {}) if response else {}
        if error.get("Code") in _ENDED:
            return self._renewed(turn)
        again = _again(response, caught_exception, error)
        if again is None:
            self._limiter.succeeded()
            return None
        return self._repeated(turn, again, error)

    def _repeated(self, turn: Turn, again: Again, error: dict[str, Any]) -> int | None:
        if not self._limiter.goes_on(turn, again):
            return None
        if again.tries is None and (sentence := self._limiter.refused(turn)):
            error["Message"] = f"{error.get('Message', '')}: {sentence}"
            return None
        return 0

    def _renewed(self, turn: Turn) -> int | None:
        """A session that ended early is renewed once for a call, where the log-in can do that."""
        if turn.renewed or not isinstance(self._credentials, RefreshableCredentials):
            return None
        turn.renewed = True
        self._credentials._expiry_time = datetime.min.replace(tzinfo=timezone.utc)  # signing refreshes them
        return 0


def _again(response: Any, lost: Exception | None, error: Mapping[str, Any]) -> Again | None:
    if response is None:
        return Again(_TRIES) if isinstance(lost, (LostConnectionError, HTTPClientError)) else None
    status = response[0].status_code
    if status == _TOO_MANY or error.get("Code") in _THROTTLED:
        return Again()
    return Again(_TRIES) if status in _PASSING else None
