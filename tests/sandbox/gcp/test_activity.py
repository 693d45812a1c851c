"""Policy Analyzer and Monitoring: when service accounts and keys were last used."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from custom_filters.sandbox.gcp.people import Key, ServiceAccount
from tests.sandbox.gcp.conftest import World, everything, refused

KINDS = {"ServiceAccount": "serviceAccountLastAuthentication", "Key": "serviceAccountKeyLastAuthentication"}
METRIC = "iam.googleapis.com/service_account/authn_events_count"


def activities(world: World, kind: str, **arguments: Any) -> list[Any]:
    parent = f"projects/meridian-prod/locations/global/activityTypes/{kind}"
    api = world.api("policyanalyzer", "v1").projects().locations().activityTypes().activities()
    return everything(api, "query", "activities", parent=parent, **arguments)


def row(world: World, thing: ServiceAccount | Key) -> Any:
    rows = activities(world, KINDS[type(thing).__name__])
    end = f"/keys/{thing.id}" if isinstance(thing, Key) else f"/{thing.email}"
    return next((r for r in rows if r["fullResourceName"].endswith(end)), None)


def test_pages_and_filters(world: World) -> None:
    kind = KINDS["ServiceAccount"]
    every = activities(world, kind)
    assert activities(world, kind, pageSize=4) == every
    name = every[5]["fullResourceName"]
    text = f'activities.full_resource_name = "{name}"'
    assert [r["fullResourceName"] for r in activities(world, kind, filter=text)] == [name]
    assert refused(lambda: activities(world, kind, filter="everything"))[0] == 400
    assert refused(lambda: activities(world, "somethingElse"))[0] == 400


def test_faults_of_the_analyzer(world: World) -> None:
    world.faults["analyzer"] = "short"
    found = row(world, world.cloud.company.account("stale"))
    assert "lastAuthenticatedTime" not in found["activity"]
    world.faults["analyzer"] = "norows"
    assert activities(world, KINDS["Key"]) == []


def series(world: World, metric: str, *, days: float = 42, clause: str = "", **more: Any) -> list[Any]:
    now = world.clock.now()
    api = world.api("monitoring", "v3").projects().timeSeries()
    return everything(
        api,
        "list",
        "timeSeries",
        name="projects/meridian-prod",
        filter=f'metric.type = "{metric}"{clause}',
        interval_startTime=(now - timedelta(days=days)).isoformat(),
        interval_endTime=now.isoformat().replace("+00:00", "Z"),
        **more,
    )


def test_metrics_reach_back_six_weeks(world: World) -> None:
    found = {one["resource"]["labels"]["unique_id"] for one in series(world, METRIC, days=400)}
    assert world.cloud.company.account("stale").unique_id not in found
    assert world.cloud.company.account("active").unique_id in found
    assert world.cloud.company.account("never").unique_id not in found


def test_pages_count_points(world: World) -> None:
    whole = series(world, METRIC)
    pieces = series(world, METRIC, pageSize=50)
    assert len(pieces) > len(whole)
    assert sum(len(s["points"]) for s in pieces) == sum(len(s["points"]) for s in whole)


def test_monitoring_sees_at_once_what_the_analyzer_sees_later(world: World) -> None:
    account = world.cloud.company.account("stale")
    clause = f' AND resource.labels.unique_id = "{account.unique_id}"'
    world.faults |= {"analyzer_lag": 24, "metric_lag": 10}
    world.cloud.hand("use", account.email)
    assert series(world, METRIC, days=1, clause=clause) == []
    world.clock.advance(minutes=11)
    assert len(series(world, METRIC, days=1, clause=clause)[0]["points"]) == 1
    before = row(world, account)["activity"]["lastAuthenticatedTime"]
    assert before == row(world, account)["activity"]["lastAuthenticatedTime"]
    world.clock.advance(days=2)
    assert row(world, account)["activity"]["lastAuthenticatedTime"] > before


def test_a_recreated_account_has_another_unique_id_in_its_row(world: World) -> None:
    account = world.cloud.company.account("stale")
    world.cloud.hand("recreate", account.email)
    again = row(world, account)["activity"]
    assert again["serviceAccount"]["serviceAccountId"] != account.unique_id
    assert "lastAuthenticatedTime" not in again


@pytest.mark.parametrize(
    ("metric", "more", "code"),
    [
        ("iam.googleapis.com/none", {}, 404),
        (METRIC, {"clause": " AND shoe > 43"}, 400),
        (METRIC, {"aggregation_perSeriesAligner": "ALIGN_RATE"}, 501),
    ],
)
def test_what_monitoring_refuses(world: World, metric: str, more: dict[str, Any], code: int) -> None:
    assert refused(lambda: series(world, metric, **more))[0] == code
