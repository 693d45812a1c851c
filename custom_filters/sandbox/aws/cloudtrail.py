"""CloudTrail's LookupEvents (moto has none): 90 days of one Region's management events, newest first."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError

from custom_filters.sandbox.aws.account import ACCOUNTS, Account, Accounts, Recorded

KEPT = timedelta(days=90)
LARGEST = 50
PER_SECOND = 2
PLAIN = ("Username", "EventName", "EventSource", "ReadOnly", "EventId", "AccessKeyId")
RESOURCES = ("ResourceName", "ResourceType")


class CloudTrail(CloudTrailResponse):
    """moto's CloudTrail with LookupEvents."""

    def lookup_events(self) -> str:
        """One lookup attribute at most; an end before the start is InvalidTimeRangeException."""
        accounts: Accounts = self.normalized_request.environ[ACCOUNTS]
        account = accounts.account(self.current_account)
        limited = account.faults.get("trail") == "limited"
        if limited and not accounts.buckets.admits(PER_SECOND, PER_SECOND, "trail", account.id, self.region):
            raise JsonRESTError("ThrottlingException", "Rate exceeded")
        found = [_shown(account, one) for one in self._matching(account)]
        start, size = int(self._get_param("NextToken") or 0), self._get_param("MaxResults", LARGEST)
        if not 1 <= size <= LARGEST:
            raise JsonRESTError("InvalidMaxResultsException", "MaxResults must be from 1 to 50.")
        answer: dict[str, Any] = {"Events": found[start : start + size]}
        if start + size < len(found):
            answer["NextToken"] = str(start + size)
        return json.dumps(answer)

    def _matching(self, account: Account) -> list[Recorded]:
        now = account.clock.now()
        start = _time(self._get_param("StartTime"), now - KEPT)
        end = _time(self._get_param("EndTime"), now)
        if start > end:
            raise JsonRESTError("InvalidTimeRangeException", "The start time is after the end time.")
        start = max(start, now - KEPT)
        end = min(end, now - timedelta(minutes=float(account.faults.get("aws_trail_lag", 0))))
        wanted = self._get_param("LookupAttributes") or []
        if len(wanted) > 1 or any(one["AttributeKey"] not in PLAIN + RESOURCES for one in wanted):
            raise JsonRESTError("InvalidLookupAttributesException", "Give one lookup attribute that exists.")
        found = [one for one in account.history if one.event.region == self.region and start <= one.at <= end]
        for attribute in wanted:
            key, value = attribute["AttributeKey"], attribute["AttributeValue"]
            found = [one for one in found if value in _values(account, one, key)]
        return sorted(found, key=lambda one: one.at, reverse=True)


def _values(account: Account, one: Recorded, key: str) -> list[str]:
    shown = _shown(account, one)
    return [resource[key] for resource in shown["Resources"]] if key in RESOURCES else [shown.get(key, "")]


def _time(value: float | None, default: datetime) -> datetime:
    return default if value is None else datetime.fromtimestamp(float(value), timezone.utc)


def _shown(account: Account, one: Recorded) -> dict[str, Any]:
    event, at = one.event, one.at.replace(microsecond=0)
    kind = "AssumedRole" if one.principal.startswith("AROA") else "IAMUser"
    identity = {"type": kind, "principalId": one.principal, "accountId": account.id}
    record = {
        "eventTime": at.isoformat().replace("+00:00", "Z"),
        "eventName": event.name,
        "eventSource": event.source,
        "awsRegion": event.region,
        "userIdentity": {**identity, **({"userName": one.user} if one.user else {})},
        "requestParameters": dict(event.request) or None,
    }
    return {
        **({"AccessKeyId": event.access_key} if event.access_key else {}),
        **({"Username": one.user} if one.user else {}),
        "EventId": account.identifier("", one.principal, event.name, one.at, length=36),
        "EventName": event.name,
        "ReadOnly": str(event.read_only).lower(),
        "EventTime": at.timestamp(),
        "EventSource": event.source,
        "Resources": [{"ResourceName": name, "ResourceType": kind} for name, kind in event.resources.items()],
        "CloudTrailEvent": json.dumps(record),
    }
