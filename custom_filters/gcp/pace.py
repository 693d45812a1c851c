"""The pace of calls to Google: its quotas for a user, and what a failed call deserves."""

from __future__ import annotations

from typing import Any

from custom_filters.custodian.pacing import Again, Quota, RateLimiter
from custom_filters.custodian.store import shared
from custom_filters.gcp.errors import NO_TOKEN, GoogleError

#: https://developers.google.com/workspace/admin/directory/v1/limits: for a user and project.
_DIRECTORY = Quota(2400, 60)
#: https://developers.google.com/workspace/admin/reports/v1/limits: activities of one user (userKey).
_ACTIVITIES = Quota(250, 60)
_SERVER_ERRORS, _TRIES = 500, 6


def shared_limiter(session: Any, service: str, version: str, component: str) -> RateLimiter:
    """The limiter of the quota that calls of a collection count for; one for all policies of a run."""
    name, quota = f"Google's {service} API", None
    if (service, version) == ("admin", "directory_v1"):
        name, quota = "Google's Directory API", _DIRECTORY
    elif (service, version, component) == ("admin", "reports_v1", "activities"):
        name, quota = "Google's Reports API (activities)", _ACTIVITIES
    return shared(session, ("gcp-pace", name), lambda: RateLimiter(name, quota=quota))


def again(error: GoogleError) -> Again | None:
    """Whether and why a call that failed like this is made again."""
    if error.too_fast:
        return Again(retry_after=error.retry_after)
    if error.status is None:
        return None if error.reason == NO_TOKEN else Again(_TRIES)
    return Again(_TRIES, error.retry_after) if error.status >= _SERVER_ERRORS else None


def given_up(error: GoogleError, sentence: str) -> GoogleError:
    """The error of a call that was refused for too long."""
    message = f"{error.message.strip().rstrip('.')}: {sentence}"
    return GoogleError(error.method, error.status, error.reason, message, error.remedy)
