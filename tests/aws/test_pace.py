"""Clients over the wire: throttled calls wait, and a session that ends half-way is renewed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError
from botocore.session import get_session

from custom_filters.aws.client import error_code, paced_client
from custom_filters.custodian.pacing import RateLimiter
from custom_filters.sandbox.aws.answers import Refusal
from custom_filters.sandbox.aws.gateway import EXPIRED, Call, Gateway
from custom_filters.sandbox.aws.people import Person
from tests.aws.runs import embedded
from tests.virtual import VirtualTime

REGION = "us-east-1"


def client(sandbox: Any, time: VirtualTime, session: Any = None, **options: Any) -> Any:
    environment = sandbox.environment
    session = session or boto3.Session(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    limiter = RateLimiter("AWS IAM", rate=15, clock=time.clock, **options)
    return paced_client(session, "iam", REGION, limiter)


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    def reach(sandbox: Any) -> None:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)

    return reach


def test_hundreds_of_calls_of_which_nine_in_ten_are_throttled_all_succeed(reached: Any) -> None:
    """botocore's own retries are used up after some hundred throttled calls."""
    time = VirtualTime()
    with embedded() as sandbox:
        reached(sandbox)
        sandbox.aws.add(Person("some.one"))
        iam = client(sandbox, time)
        sandbox.faults["throttle"] = 0.9
        for _ in range(100):
            assert iam.get_user(UserName="some.one")["User"]["UserName"] == "some.one"
        sandbox.faults["throttle"] = 0
        assert sandbox.calls["aws:GetUser"] > 500
        assert time.now > 100


def test_hours_of_throttling_end_in_one_sentence(reached: Any) -> None:
    time = VirtualTime()
    with embedded() as sandbox:
        reached(sandbox)
        sandbox.faults["throttle"] = 1.0
        with pytest.raises(ClientError, match="AWS IAM has refused calls as too fast for ") as caught:
            client(sandbox, time, patience=7200).list_users()
    assert error_code(caught.value) == "Throttling"
    assert 7100 < time.now < 7300


@pytest.mark.parametrize(
    ("faults", "error", "calls"),
    [
        ({"error": "ListUsers"}, ClientError, 8),
        ({"drop": "ListUsers"}, Exception, 8),
        ({"deny": "ListUsers"}, ClientError, 1),
    ],
    ids=["error", "drop", "deny"],
)
def test_other_failures_are_tried_eight_times_at_most(
    reached: Any, faults: dict[str, Any], error: type[Exception], calls: int
) -> None:
    with embedded() as sandbox:
        reached(sandbox)
        sandbox.faults.update(faults)
        with pytest.raises(error):
            client(sandbox, VirtualTime()).list_users()
        assert sandbox.calls["aws:ListUsers"] == calls


@pytest.mark.parametrize("renewable", [True, False])
def test_a_session_that_ends_half_way_goes_on_where_its_log_in_can_renew_it(
    reached: Any, monkeypatch: pytest.MonkeyPatch, renewable: bool
) -> None:
    """The answer to a call with the old session's token is ExpiredToken, as after a revoked session."""
    given: list[str] = []
    with embedded() as sandbox:
        reached(sandbox)
        serve, refuse = Gateway.__call__, Gateway._refusal
        tokens: list[str | None] = []

        def gateway(cloud: Gateway, environ: Any, start_response: Any) -> Any:
            tokens.append(environ.get("HTTP_X_AMZ_SECURITY_TOKEN"))
            return serve(cloud, environ, start_response)

        def refusal(cloud: Gateway, call: Call, struck: set[str]) -> Refusal | None:
            return EXPIRED if tokens[-1] == "session-1" else refuse(cloud, call, struck)

        monkeypatch.setattr(Gateway, "__call__", gateway)
        monkeypatch.setattr(Gateway, "_refusal", refusal)

        def refresh() -> dict[str, str]:
            given.append(f"session-{len(given) + 1}")
            ends = datetime.now(timezone.utc) + timedelta(hours=1)
            keys = sandbox.environment
            return {
                "access_key": keys["AWS_ACCESS_KEY_ID"],
                "secret_key": keys["AWS_SECRET_ACCESS_KEY"],
                "token": given[-1],
                "expiry_time": ends.isoformat(),
            }

        session = get_session()
        first = refresh()
        session._credentials = (
            RefreshableCredentials.create_from_metadata(first, refresh, "sts-assume-role")
            if renewable
            else Credentials(first["access_key"], first["secret_key"], first["token"])
        )
        iam = client(sandbox, VirtualTime(), boto3.Session(botocore_session=session))
        if renewable:
            assert iam.list_users()["Users"] == []
            assert given == ["session-1", "session-2"]
        else:
            with pytest.raises(ClientError, match="ExpiredToken"):
                iam.list_users()
