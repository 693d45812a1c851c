"""Access Advisor: when a user last reached any service, by any credential. It may only veto.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html: about four
hours late, refused attempts count, services that no permissions policy names are missing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from custom_filters.aws.client import aws_client, error_code, shared_in_account
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, read_use
from custom_filters.core.times import to_utc
from custom_filters.custodian.parallel import for_each

log = logging.getLogger("custodian.unused.aws")

SOURCE = "access-advisor"
DEFAULT_TIMEOUT = 300
#: The longest that AWS keeps what it tracks.
_TRACKING = timedelta(days=400)
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 10.0


def shared_advice(
    manager: Any, users: Mapping[str, str], now: datetime, timeout: float
) -> dict[str, Evidence]:
    """What Advisor says of these users (name -> ARN), each asked once a run."""
    known: dict[str, Evidence] = shared_in_account(manager, ("advisor",), dict)
    missing = {name: arn for name, arn in users.items() if name not in known}
    if missing:
        log.info("asking Access Advisor about %d users", len(missing))
        known.update(get_advice(aws_client(manager), missing, now, timeout))
    return known


def get_advice(iam: Any, users: Mapping[str, str], now: datetime, timeout: float) -> dict[str, Evidence]:
    """Start a job for each user, then ask for all of them until they are done or `timeout` seconds passed.

    A job that failed, or did not end in time, is Unknown.
    """
    jobs = dict(for_each(lambda item: (item[0], _start(iam, item[1])), users.items()))
    done: dict[str, Evidence] = {}
    deadline, delay = time.monotonic() + timeout, _FIRST_DELAY
    while True:
        waiting = {name: job for name, job in jobs.items() if name not in done}
        answers = for_each(lambda item: (item[0], _ask(iam, item[1], now)), waiting.items())
        done.update({name: evidence for name, evidence in answers if evidence is not None})
        if len(done) == len(jobs):
            return done
        if time.monotonic() + delay > deadline:
            late = Unknown(f"Access Advisor did not answer within {timeout:g} seconds", SOURCE, covers=False)
            return {name: done.get(name, late) for name in jobs}
        time.sleep(delay)
        delay = min(delay * 1.6, _LONGEST_DELAY)


def _start(iam: Any, arn: str) -> str | None:
    """The job's id; None when the user is gone."""
    try:
        job: str = iam.generate_service_last_accessed_details(Arn=arn, Granularity="SERVICE_LEVEL")["JobId"]
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return None
        raise
    return job


def _ask(iam: Any, job: str | None, now: datetime) -> Evidence | None:
    """The evidence of a job, every page of it; None while it is running."""
    if job is None:
        return Unknown("it was gone when Access Advisor was asked", SOURCE, covers=False)
    answer = iam.get_service_last_accessed_details(JobId=job)
    status = answer["JobStatus"]
    if status == "IN_PROGRESS":
        return None
    if status != "COMPLETED":
        message = answer.get("Error", {}).get("Message", "no reason given")
        return Unknown(f"Access Advisor's job ended as {status}: {message}", SOURCE, covers=False)
    services = list(answer["ServicesLastAccessed"])
    while answer.get("IsTruncated"):
        answer = iam.get_service_last_accessed_details(JobId=job, Marker=answer["Marker"])
        services += answer["ServicesLastAccessed"]
    return transform_services(services, to_utc(answer["JobCompletionDate"]), now)


def transform_services(services: list[dict[str, Any]], completed: datetime, now: datetime) -> Evidence:
    """The newest use of any service; nothing found means nothing within the tracking period."""
    used = [service for service in services if service.get("LastAuthenticated")]
    if not used:
        since = completed - _TRACKING
        return NeverUsed(since, SOURCE, observed_at=completed, value="nothing tracked", covers=False)
    newest = max(used, key=lambda s: to_utc(s["LastAuthenticated"]))
    return read_use(newest["LastAuthenticated"], SOURCE, now=now, observed_at=completed, covers=False)
