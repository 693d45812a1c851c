"""Faults that the embedded AWS can be told to show, at start or while it runs.

WHERE is action names joined by `+`, or `*`. `ListUsers@next` means its second and later pages only, `@once`
its first call, and any other word after `@` an account, Region, user or role: `ListSSHPublicKeys@sam`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping

from custom_filters.sandbox.faults import Fault

FAULTS = (
    Fault("throttle", "SHARE", "Throttling (S3: SlowDown)"),
    Fault("throttled", "WHERE", "Throttling, every time"),
    Fault("deny", "WHERE", "AccessDenied, HTTP 403, as by a service control policy"),
    Fault("error", "WHERE", "ServiceFailure, HTTP 500"),
    Fault("unavailable", "WHERE", "ServiceUnavailable, HTTP 503"),
    Fault("slow", "WHERE", "the answer takes 2 seconds"),
    Fault("drop", "WHERE", "the connection ends without an answer, before anything is applied"),
    Fault("drop_after", "WHERE", "the call is applied, then the connection ends without an answer"),
    Fault("truncated", "WHERE", "the connection ends in the middle of the answer's body"),
    Fault("garbled", "WHERE", "200 with a proxy's web page, and nothing is applied"),
    Fault("aws_rate", "NUMBER", "IAM takes so many calls a second, 20 at once; then Throttling"),
    Fault("aws_read_lag", "NUMBER", "reads of one user or role lag writes by so many seconds"),
    Fault("aws_list_lag", "NUMBER", "lists, details and the report lag writes by so many seconds"),
    Fault("aws_evidence_lag", "NUMBER", "last uses, and all of the report, are so many hours late"),
    Fault("aws_trail_lag", "NUMBER", "CloudTrail's events are found after so many minutes"),
    Fault("aws_omit", "NAMES", "`row@sam+cut@bob+used@eve`: no row, a row cut short, no PasswordLastUsed"),
    Fault("aws_expire", "NUMBER", "each session serves so many calls, then ExpiredToken (STS goes on)"),
    Fault("aws_opt_in", "NAMES", "Regions that the account enabled beside the default ones"),
    Fault("trail", "limited", "LookupEvents takes 2 calls a second for each account and Region"),
    Fault(
        "report",
        "slow|never|expired|inprogress|missing|NUMBER",
        "15 or so many seconds; never ready; that error",
    ),
    Fault("limit-report", "on", "GenerateCredentialReport answers LimitExceeded"),
    Fault("advisor", "failed|slow|never", "last-accessed jobs fail, take 15 seconds, never end"),
    Fault("pages", "short", "lists hold half of what was asked for, as AWS reserves itself to do"),
    Fault("iam", "enforced", "moto checks signatures and permissions of every call, for our actions too"),
)
_DEFAULT = """
ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1
eu-central-1 eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2
"""
DEFAULT_REGIONS = frozenset(_DEFAULT.split())


def targets(value: str | float | None) -> list[tuple[str, str]]:
    """What a fault's WHERE or NAMES holds: (word, what follows its `@`, or "")."""
    parts = (one.partition("@") for one in str(value or "").split("+") if one)
    return [(word.rpartition(":")[2], only) for word, _, only in parts]


def hits(value: str | float | None, action: str, subjects: Collection[str], drawn: float) -> bool:
    """Whether a fault means this call.

    subjects: `next`, `once`, and whom and where the call is about; drawn: a chance from 0 to 1, for shares.
    """
    if isinstance(value, (int, float)):
        return drawn < value
    return any(word in (action, "*") and (not only or only in subjects) for word, only in targets(value))


def enabled(faults: Mapping[str, str | float]) -> frozenset[str]:
    """The Regions whose endpoints know the account's credentials."""
    return DEFAULT_REGIONS | {region for region, _ in targets(faults.get("aws_opt_in"))}


class Buckets:
    """Token buckets by name, in real seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[tuple[str, ...], tuple[float, float]] = {}

    def admits(self, rate: float, burst: float, *name: str) -> bool:
        """Whether a call is within `rate` a second, with `burst` at once."""
        with self._lock:
            at = time.monotonic()
            left, since = self._left.get(name, (burst, at))
            left = min(burst, left + (at - since) * rate)
            self._left[name] = (max(left - 1, 0) if left >= 1 else left, at)
            return left >= 1
