"""CloudTrail's event history, the source that knows the last hours: management events, Region by Region.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html: one attribute a call, 50
events a page, 90 days back, some minutes late; the clients keep the pace. Sign-ins are recorded in some
Regions only (user guide: "AWS Management Console sign-in events"), IAM's in one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from custom_filters.aws.client import answer_or_refusal, is_throttled
from custom_filters.aws.credentials import ACCESS_KEY, PASSWORD
from custom_filters.core.evidence import Used
from custom_filters.core.lifecycle_states import Recent
from custom_filters.core.notes import Item
from custom_filters.core.times import to_utc
from custom_filters.custodian.parallel import for_each

SOURCE = "cloudtrail"
HISTORY = timedelta(days=90)
#: Where console sign-ins are recorded, in the standard partition.
SIGN_IN_REGIONS = ("us-east-1", "us-east-2", "eu-north-1", "ap-southeast-2")
PASSWORD_EVENTS = ("UpdateLoginProfile", "CreateLoginProfile", "ChangePassword")
_SIGN_IN = "ConsoleLogin"
Event = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """Events, and for Regions (or event names) that gave none the reason: refused, or failed this time."""

    events: tuple[Event, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    def recent(self, unchanged: Iterable[Item] = ()) -> Recent:
        """How the question went."""
        told = [
            f"CloudTrail of {where}: {why}" for where, why in (*self.failed.items(), *self.refused.items())
        ]
        state = "failed" if self.failed else "unavailable" if self.refused else "checked"
        return Recent(state, "; ".join(told[:2]), frozenset(unchanged))  # type: ignore[arg-type]


def merged(answers: Iterable[Asked]) -> Asked:
    """Several answers as one."""
    found = list(answers)
    return Asked(
        tuple(event for one in found for event in one.events),
        {where: why for one in found for where, why in one.refused.items()},
        {where: why for one in found for where, why in one.failed.items()},
    )


@dataclass(frozen=True)
class Trail:
    """CloudTrail clients by Region; `home` is the one that records what IAM does.

    `regional` says what is wrong with the list of Regions, if anything. `down`: Regions that gave no answer,
    and why; they are not asked again in this run.
    """

    clients: Mapping[str, Any]
    home: str
    regional: Asked = Asked()
    down: dict[str, str] = field(default_factory=dict)
    _turns: dict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))

    def of_user(self, name: str, keys: Iterable[str], since: datetime, now: datetime) -> Asked:
        """Events of a user by name, and of each key by its id."""
        return self._ask([("Username", name), *(("AccessKeyId", key) for key in keys)], since, now)

    def of_role(self, arn: str, since: datetime, now: datetime) -> Asked:
        """Events that assumed a role."""
        found = self._ask([("ResourceName", arn)], since, now)
        return replace(found, events=tuple(filter(_assumes, found.events)))

    def _ask(self, questions: Sequence[tuple[str, str]], since: datetime, now: datetime) -> Asked:
        """All Regions at once, each with its own quota."""

        def ask(region: str) -> Asked:
            return merged(self.look_up(region, *question, since, now) for question in questions)

        return merged([self.regional, *for_each(ask, self.clients, "Regions of CloudTrail read")])

    def of_iam(self, names: Iterable[str], since: datetime, now: datetime) -> Asked:
        """Events of IAM by name, of anybody: one look-up each."""
        return merged(self.look_up(self.home, "EventName", name, since, now) for name in names)

    def look_up(self, region: str, attribute: str, value: str, since: datetime, now: datetime) -> Asked:
        """The events of one Region, which takes two calls a second: it is asked by one thread at a time."""
        with self._turns[region]:
            if region in self.down:
                return Asked(failed={region: self.down[region]})
            asked = (region, attribute, value, since, now)
            return attempt(region, lambda: tuple(self._events(*asked)), self.down)

    def _events(
        self, region: str, attribute: str, value: str, since: datetime, now: datetime
    ) -> Iterator[Event]:
        query: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": attribute, "AttributeValue": value}],
            "StartTime": max(since, now - HISTORY),
            "MaxResults": 50,
        }
        while True:
            page = self.clients[region].lookup_events(**query)
            yield from page["Events"]
            if not page.get("NextToken"):
                return
            query["NextToken"] = page["NextToken"]


def attempt(where: str, call: Callable[[], tuple[Event, ...]], down: dict[str, str]) -> Asked:
    """The events; what is refused there, and what failed this time, told apart by the error's code.

    `down` is told of where nobody answers.
    """
    try:
        answer = answer_or_refusal(call)
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, BotoCoreError) or is_throttled(error):
            down[where] = str(error)
        return Asked(failed={where: str(error)})
    return Asked(refused={where: str(answer)}) if isinstance(answer, ClientError) else Asked(answer)


def uses(events: Iterable[Event], keys: Iterable[str]) -> dict[Item | None, Used]:
    """The newest use by credential; None: by something that cannot be told apart, such as a session."""
    known, found = frozenset(keys), dict[Item | None, Used]()
    for event in events:
        if event["EventName"] == _SIGN_IN and _failed_sign_in(event):
            continue
        item = _item(event, known)
        at = to_utc(event["EventTime"])
        if item not in found or found[item].at < at:
            found[item] = Used(at, SOURCE, value=str(event["EventName"]), covers=False)
    return found


def _item(event: Event, keys: frozenset[str]) -> Item | None:
    if event.get("AccessKeyId") in keys:
        return Item(ACCESS_KEY, str(event["AccessKeyId"]))
    return Item(PASSWORD, PASSWORD) if event["EventName"] == _SIGN_IN else None


def _assumes(event: Event) -> bool:
    return str(event["EventName"]).startswith("AssumeRole") and "errorCode" not in detail(event)


def detail(event: Event) -> Mapping[str, Any]:
    """The event's own record."""
    found = json.loads(event.get("CloudTrailEvent") or "{}")
    return found if isinstance(found, dict) else {}


def _failed_sign_in(event: Event) -> bool:
    answer = detail(event).get("responseElements") or {}
    return bool(answer.get(_SIGN_IN) == "Failure")


def is_about(event: Event, name: str) -> bool:
    """Whether an event changed something of this user: named in its parameters, or by himself."""
    asked = detail(event).get("requestParameters") or {}
    return name in (asked.get("userName"), event.get("Username"))
