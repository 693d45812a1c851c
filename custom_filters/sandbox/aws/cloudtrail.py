"""CloudTrail's LookupEvents (moto has none): 90 days of one Region's management events, newest first."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError

from custom_filters.sandbox.aws.account import Account, Recorded
from custom_filters.sandbox.aws.iam import CLOUD

if TYPE_CHECKING:
    from custom_filters.sandbox.aws.cloud import AwsCloud

KEPT = timedelta(days=90)
LARGEST = 50
PER_SECOND = 2
ATTRIBUTES = ("Username", "EventName", "EventSource", "ReadOnly", "EventId", "AccessKeyId")


class Pace:
    """Two calls a second for an account and Region, when the fault `trail=limited` is on. Real seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[tuple[str, str], list[float]] = {}

    def admits(self, account: str, region: str) -> bool:
        """Whether this call is within the limit."""
        with self._lock:
            at = time.monotonic()
            recent = [call for call in self._calls.get((account, region), []) if call > at - 1]
            if len(recent) >= PER_SECOND:
                return False
            self._calls[account, region] = [*recent, at]
            return True


class CloudTrail(CloudTrailResponse):
    """moto's CloudTrail with LookupEvents."""

    @property
    def account(self) -> Account:
        """The account that the caller's key belongs to."""
        return self._cloud.account(self.current_account)

    @property
    def _cloud(self) -> AwsCloud:
        cloud: AwsCloud = self.normalized_request.environ[CLOUD]
        return cloud

    def lookup_events(self) -> str:
        """One lookup attribute at most; an end before the start is InvalidTimeRangeException."""
        account = self.account
        limited = account.faults.get("trail") == "limited"
        if limited and not self._cloud.pace.admits(account.id, self.region):
            raise JsonRESTError("ThrottlingException", "Rate exceeded")
        found = [_shown(account, one) for one in self._matching(account)]
        start, size = _offset(self._get_param("NextToken")), self._get_param("MaxResults", LARGEST)
        if not 1 <= size <= LARGEST:
            raise JsonRESTError("InvalidMaxResultsException", "MaxResults must be from 1 to 50.")
        answer: dict[str, Any] = {"Events": found[start : start + size]}
        if start + size < len(found):
            answer["NextToken"] = urlsafe_b64encode(str(start + size).encode()).decode()
        return json.dumps(answer)

    def _matching(self, account: Account) -> list[Recorded]:
        now = account.clock.now()
        start = _time(self._get_param("StartTime"), now - KEPT)
        end = _time(self._get_param("EndTime"), now)
        if start > end:
            raise JsonRESTError("InvalidTimeRangeException", "The start time is after the end time.")
        start = max(start, now - KEPT)
        wanted = self._get_param("LookupAttributes") or []
        if len(wanted) > 1 or any(one["AttributeKey"] not in ATTRIBUTES for one in wanted):
            raise JsonRESTError("InvalidLookupAttributesException", "Give one lookup attribute that exists.")
        found = [one for one in account.history if one.event.region == self.region and start <= one.at <= end]
        for attribute in wanted:
            key, value = attribute["AttributeKey"], attribute["AttributeValue"]
            found = [one for one in found if str(_shown(account, one).get(key)) == value]
        return sorted(found, key=lambda one: one.at, reverse=True)


def _time(value: float | None, default: datetime) -> datetime:
    return default if value is None else datetime.fromtimestamp(float(value), timezone.utc)


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(urlsafe_b64decode(token.encode()))
    except ValueError:
        raise JsonRESTError("InvalidNextTokenException", "The NextToken is not one of ours.") from None


def _shown(account: Account, one: Recorded) -> dict[str, Any]:
    event = one.event
    user = account.backend.users.get(one.user)
    record = {
        "eventTime": one.at.isoformat(),
        "eventName": event.name,
        "eventSource": event.source,
        "awsRegion": event.region,
        "recipientAccountId": account.id,
        "userIdentity": {"type": "IAMUser", "userName": one.user, "arn": user.arn if user else None},
    }
    key = {"AccessKeyId": event.access_key} if event.access_key else {}
    return {
        **key,
        "EventId": account.identifier("", one.user, event.name, one.at, length=36),
        "EventName": event.name,
        "ReadOnly": str(event.read_only).lower(),
        "EventTime": one.at.timestamp(),
        "EventSource": event.source,
        "Username": one.user,
        "Resources": [],
        "CloudTrailEvent": json.dumps(record),
    }
