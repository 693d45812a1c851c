from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.aws.people import Event, Person, days
from tests.sandbox.aws.conftest import NOW, Code


def by_user(name: str) -> dict[str, Any]:
    return {"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": name}]}


def test_events_are_kept_for_90_days_and_cut_to_the_time_asked_for(sandbox: Sandbox, client: Any) -> None:
    events = tuple(Event("ConsoleLogin", days(ago)) for ago in (1, 30, 89, 91))
    sandbox.aws.add(Person("a", events=events))
    trail = client("cloudtrail")
    assert len(trail.lookup_events(**by_user("a"))["Events"]) == 3
    window = {"StartTime": NOW - days(40), "EndTime": NOW - days(20)}
    assert [one["EventTime"] for one in trail.lookup_events(**window)["Events"]] == [NOW - days(30)]


def test_pages_of_fifty(sandbox: Sandbox, client: Any) -> None:
    sandbox.aws.add(Person("a", events=tuple(Event("X", timedelta(hours=hour)) for hour in range(1, 121))))
    pages = list(client("cloudtrail").get_paginator("lookup_events").paginate(**by_user("a")))
    assert [len(page["Events"]) for page in pages] == [50, 50, 20]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"StartTime": NOW, "EndTime": NOW - days(1)}, "InvalidTimeRangeException"),
        ({"MaxResults": 51}, "InvalidMaxResultsException"),
    ],
)
def test_what_is_refused(client: Any, code: Code, arguments: dict[str, Any], expected: str) -> None:
    assert code(client("cloudtrail").lookup_events, **arguments) == (expected, 400)


def test_two_calls_a_second_when_limited(sandbox: Sandbox, client: Any, code: Code) -> None:
    sandbox.faults["trail"] = "limited"
    trail = client("cloudtrail")
    trail.lookup_events()
    trail.lookup_events()
    assert code(trail.lookup_events) == ("ThrottlingException", 400)
