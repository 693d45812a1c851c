from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from custom_filters.custodian import pacing
from custom_filters.custodian.pacing import Again
from custom_filters.gcp.client import Api, Client
from custom_filters.gcp.errors import GoogleError, error_of, lost, no_token
from custom_filters.gcp.pace import again, shared_limiter
from tests.gcp.conftest import Direct
from tests.virtual import VirtualTime

CALLS = 3_000
USERS = Api("admin", "directory_v1", "users", "admin.directory.user.readonly")


def answered(code: int, reason: str = "", retry_after: float | None = None, **error: Any) -> GoogleError:
    """An error as Google's older APIs (`reason`) or google.rpc write it."""
    body: dict[str, Any] = {"code": code, "message": "why", **error} | (
        {"errors": [{"reason": reason}]} if reason else {}
    )
    found = error_of("users.list", code, json.dumps({"error": body}).encode())
    found.retry_after = retry_after
    return found


INFO = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED"}


@pytest.mark.parametrize(
    ("error", "deserves"),
    [
        (answered(403, "quotaExceeded"), Again()),
        (answered(403, "rateLimitExceeded"), Again()),
        (answered(403, "userRateLimitExceeded", 3.0), Again(retry_after=3.0)),
        (answered(429, "rateLimitExceeded"), Again()),
        (answered(429, status="RESOURCE_EXHAUSTED", details=[INFO]), Again()),
        (answered(429, retry_after=1.5), Again(retry_after=1.5)),
        (answered(403, status="RESOURCE_EXHAUSTED"), Again()),
        (answered(503, status="UNAVAILABLE", retry_after=2.0), Again(6, 2.0)),
        (answered(500, "backendError"), Again(6)),
        (lost("users.list", "reset"), Again(6)),
        (answered(403, "forbidden"), None),
        (answered(403, status="PERMISSION_DENIED"), None),
        (answered(404, "notFound"), None),
        (no_token("users.list", (), "invalid_grant"), None),
    ],
    ids=str,
)
def test_every_word_for_too_fast_waits_and_no_other_does(error: GoogleError, deserves: Again | None) -> None:
    assert again(error) == deserves


def test_collections_of_one_quota_share_a_limiter(direct: Direct) -> None:
    session = direct.session()
    users, schemas, usage, activities = (
        shared_limiter(session, "admin", version, component)
        for version, component in (
            ("directory_v1", "users"),
            ("directory_v1", "schemas"),
            ("reports_v1", "userUsageReport"),
            ("reports_v1", "activities"),
        )
    )
    assert users is schemas
    assert len({users, usage, activities}) == 3


def test_a_token_that_is_refused_is_replaced(direct: Direct) -> None:
    client = Client(direct.session(), USERS)
    asked = {"customer": direct.cloud.company.customer.id, "maxResults": 1}
    before = client.call("list", **asked)
    client._client._credentials.token = "ended"
    assert client.call("list", **asked)["users"] == before["users"]
    assert client._client._credentials.token != "ended"


class BoundClock:
    """The embedded cloud's clock, moved by the virtual time that waiting takes."""

    def __init__(self, direct: Direct) -> None:
        self.time, self._begin = VirtualTime(), direct.cloud.clock.now()

    def now(self) -> datetime:
        return self._begin + timedelta(seconds=self.time.now)


@pytest.mark.slow
@pytest.mark.parametrize("reason", ["quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "429"])
@pytest.mark.parametrize("wait", ["none", "1.5"])
def test_the_directory_quota_is_kept_whatever_its_refusals_look_like(
    direct: Direct, monkeypatch: pytest.MonkeyPatch, reason: str, wait: str
) -> None:
    """Another client has used half of the quota; 2,000 reads of users by users.get."""
    bound = BoundClock(direct)
    monkeypatch.setattr(pacing, "SYSTEM", bound.time.clock)
    monkeypatch.setattr(direct.cloud, "clock", bound)
    direct.faults.update(directory_rate=1200, rate_reason=reason, gcp_retry_after=wait)
    client = Client(direct.session(), USERS)
    key, todo, calls = direct.company.person("stale").id, iter(range(CALLS)), threading.Lock()

    def work() -> None:
        while True:
            with calls:
                if next(todo, None) is None:
                    return
            client.call("get", userKey=key, fields="id")

    seconds = bound.time.run(work, 10)
    assert seconds <= 1.3 * CALLS / 20
