from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from custom_filters.sandbox.gcp.reports import PACIFIC
from tests.sandbox.gcp.conftest import World, everything, refused

ACCOUNTS = "accounts:last_login_time,accounts:last_sso_time"
EVIDENCE = f"{ACCOUNTS},gmail:timestamp_last_imap,gmail:timestamp_last_pop,gmail:timestamp_last_webmail"


def day(world: World, ago: int) -> str:
    return (world.clock.now().astimezone(PACIFIC).date() - timedelta(days=ago)).isoformat()


def times(report: dict[str, Any]) -> dict[str, datetime]:
    return {
        p["name"]: datetime.fromisoformat(p["datetimeValue"][:19] + "+00:00") for p in report["parameters"]
    }


@pytest.mark.parametrize(
    ("ago", "missing", "message"),
    [
        (-1, 0, "Start date can not be later than"),
        (1, 0, "is not yet available. Please check back later"),
        (5, 4, "is not yet available. Please check back later"),
    ],
)
def test_days_that_are_not_ready(world: World, ago: int, missing: int, message: str) -> None:
    world.faults["reports_missing"] = missing
    request = world.reports().userUsageReport().get(userKey="all", date=day(world, ago), parameters=ACCOUNTS)
    assert refused(request.execute) == (400, "invalid")
    with pytest.raises(Exception, match=message):
        request.execute()


def test_a_warning_names_what_is_missing(world: World) -> None:
    world.faults["reports_warnings"] = "on"
    usage = world.reports().userUsageReport()
    answer = usage.get(
        userKey="imap-only@meridian.example", date=day(world, 3), parameters=EVIDENCE
    ).execute()
    assert {"key": "application", "value": "gmail"} in answer["warnings"][0]["data"]
    assert set(times(answer["usageReports"][0])) == {"accounts:last_login_time", "accounts:last_sso_time"}


def test_a_partial_day_lacks_users_and_says_so(world: World) -> None:
    world.faults["reports_partial"] = 1
    usage = world.reports().userUsageReport()
    newest, before = (
        usage.get(userKey="all", date=day(world, ago), parameters=ACCOUNTS).execute() for ago in (2, 3)
    )
    assert len(newest["usageReports"]) < len(before["usageReports"])
    assert ("warnings" in newest, "warnings" in before) == (True, False)


def test_gmail_looks_back_a_month_only(world: World) -> None:
    world.faults["gmail_window"] = 30
    old = world.cloud.company.person("imap-only")
    world.cloud.add(replace(old, last_imap=world.clock.now() - timedelta(days=60)))
    ask = world.reports().userUsageReport().get
    now, then = (
        ask(userKey=old.email, date=day(world, ago), parameters="gmail:timestamp_last_imap").execute()
        for ago in (2, 45)
    )
    assert now["usageReports"][0]["parameters"] == []
    assert "gmail:timestamp_last_imap" in times(then["usageReports"][0])


def events(world: World, application: str = "login", **arguments: str) -> list[Any]:
    asked = {"userKey": "all", "applicationName": application, **arguments}
    return everything(world.reports().activities(), "list", "items", maxResults=7, **asked)


def test_activities_are_live_while_last_login_lags(world: World) -> None:
    stale, since = world.cloud.company.person("stale"), world.clock.now().isoformat()
    world.faults |= {"login_lag": 24, "activities_lag": 5}
    world.clock.advance(minutes=1)
    world.cloud.hand("use", stale.email, how="last_sso")
    world.cloud.hand("use", stale.email)
    assert events(world, userKey=stale.email, startTime=since) == []
    world.clock.advance(minutes=6)
    found = events(world, userKey=stale.email, startTime=since)
    assert {item["events"][0]["parameters"][0]["value"] for item in found} == {"saml", "google_password"}
    assert {item["actor"]["profileId"] for item in found} == {stale.id}
    shown = world.directory().users().get(userKey=stale.email)
    assert shown.execute()["lastLoginTime"] < since
    world.clock.advance(hours=24)
    assert shown.execute()["lastLoginTime"] > since


def test_activities_of_everybody_newest_first_and_of_tokens(world: World) -> None:
    found = events(world)
    moments = [item["id"]["time"] for item in found]
    assert moments == sorted(moments, reverse=True)
    assert len(moments) > 7
    assert events(world, eventName="login_failure") == []
    assert events(world, "token") == []
    world.cloud.hand("use", "stale@meridian.example", how="last_token")
    assert [item["events"][0]["name"] for item in events(world, "token")] == ["authorize"]
    assert refused(lambda: events(world, "drive"))[0] == 501
