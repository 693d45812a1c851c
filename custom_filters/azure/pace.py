"""The pace of calls to Microsoft Graph: its quotas, and what a failed call deserves.

https://learn.microsoft.com/graph/throttling: wait as long as Retry-After says; some answers do not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from custom_filters.azure.errors import NO_PIM, UNLICENSED, GraphError
from custom_filters.custodian.pacing import Again, Quota, RateLimiter

#: For an app in a tenant. Not every tenant is held to it, so it is kept once Graph has refused a call.
_ACTIVITY = Quota(10, 60, kept=False)
#: Sign-in and audit logs, for an app in a tenant: kept from the first call.
_LOGS = Quota(5, 10)
#: How often a call is made that failed in a way that passes.
_TRIES: Mapping[int | None, int] = {503: 12, 500: 5, 502: 5, 504: 5, 408: 5, None: 8}
#: A licence is denied in error now and then.
_LICENCE_TRIES = 5
_TOO_FAST = frozenset({429, 509})
_BUSY = 503


@dataclass(frozen=True)
class Limits:
    """One limiter for each quota of an app in a tenant."""

    activity: RateLimiter = field(
        default_factory=lambda: RateLimiter("Microsoft Graph (sign-in activity)", quota=_ACTIVITY)
    )
    logs: RateLimiter = field(
        default_factory=lambda: RateLimiter("Microsoft Graph (sign-in and audit logs)", quota=_LOGS)
    )
    others: RateLimiter = field(default_factory=lambda: RateLimiter("Microsoft Graph"))

    def of(self, path: str, params: Mapping[str, str] | None = None) -> RateLimiter:
        """The limiter of a request for `path` (it begins after the version)."""
        if path.startswith("/auditLogs/"):
            return self.logs
        return self.activity if "signInActivity" in (params or {}).get("$select", "") else self.others


def again(error: GraphError) -> Again | None:
    """Whether and why a call that failed like this is made again."""
    if error.status in _TOO_FAST or (error.status == _BUSY and error.retry_after is not None):
        return Again(retry_after=error.retry_after)
    tries = _LICENCE_TRIES if error.code in {UNLICENSED, NO_PIM} else _TRIES.get(error.status)
    return None if tries is None else Again(tries, error.retry_after)


def given_up(error: GraphError, sentence: str) -> GraphError:
    """The error of a call that was refused for too long."""
    message = f"{error.message.rstrip('. ')}: {sentence}"
    return GraphError(error.what, error.status, error.code, message, error.request_id, error.retry_after)
