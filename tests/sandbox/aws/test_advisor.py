from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.aws.people import Key, Person, days


def started(sandbox: Sandbox, iam: Any, **options: str) -> str:
    arn = sandbox.aws.user("u").arn
    job: str = iam.generate_service_last_accessed_details(Arn=arn, **options)["JobId"]
    return job


def services(sandbox: Sandbox, iam: Any, **options: str) -> dict[str, dict[str, Any]]:
    """All pages of a finished job."""
    job, found, marker = started(sandbox, iam, **options), {}, {}
    sandbox.clock.advance(timedelta(minutes=1))
    while True:
        page = iam.get_service_last_accessed_details(JobId=job, **marker)
        assert page["JobStatus"] == "COMPLETED"
        found.update({one["ServiceNamespace"]: one for one in page["ServicesLastAccessed"]})
        if not page["IsTruncated"]:
            return found
        marker = {"Marker": page["Marker"]}


@pytest.mark.parametrize(
    ("ago", "told"),
    [(timedelta(hours=3), False), (timedelta(hours=4), True), (days(399.9), True), (days(401), False)],
)
def test_use_shows_after_four_hours_and_for_400_days(
    sandbox: Sandbox, iam: Any, ago: timedelta, told: bool
) -> None:
    sandbox.aws.add(Person("u", attached=("ReadOnlyAccess",), keys=(Key(used=ago, service="sqs"),)))
    arn = sandbox.aws.user("u").arn
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    found = {one["ServiceNamespace"]: one for one in sandbox.aws.account().jobs[job].services}
    assert ("LastAuthenticated" in found["sqs"]) is told


@pytest.mark.parametrize(("fault", "status"), [("failed", "FAILED"), ("never", "IN_PROGRESS")])
def test_jobs_that_do_not_complete(sandbox: Sandbox, iam: Any, fault: str, status: str) -> None:
    sandbox.faults["advisor"] = fault
    sandbox.aws.add(Person("u", attached=("ReadOnlyAccess",)))
    job = started(sandbox, iam)
    sandbox.clock.advance(timedelta(hours=1))
    answer = iam.get_service_last_accessed_details(JobId=job)
    assert (answer["JobStatus"], answer["ServicesLastAccessed"]) == (status, [])
    assert ("Error" in answer) is (fault == "failed")


def test_slow_jobs_take_fifteen_seconds(sandbox: Sandbox, iam: Any) -> None:
    sandbox.faults["advisor"] = "slow"
    sandbox.aws.add(Person("u", attached=("ReadOnlyAccess",)))
    job = started(sandbox, iam)
    seen = []
    for _ in range(2):
        sandbox.clock.advance(timedelta(seconds=10))
        seen.append(iam.get_service_last_accessed_details(JobId=job)["JobStatus"])
    assert seen == ["IN_PROGRESS", "COMPLETED"]
