"""Faults that the embedded AWS can be told to show, at start or while it runs.

WHERE is action names joined by `+`, or `*`. `ListUsers@next` means its second and later pages only, `@once`
its first call, and any other word after `@` an account, Region, user or role: `ListSSHPublicKeys@sam`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping

#: fault -> what it takes (WHERE or a share, SHARE from 0 to 1, NUMBER, ITEMS, or a word), and what it shows.
FAULTS: Mapping[str, tuple[str, str]] = {
    "throttle": ("SHARE", "Throttling (S3: SlowDown)"),
    "throttled": ("WHERE", "Throttling, every time"),
    "deny": ("WHERE", "AccessDenied, HTTP 403, as by a service control policy"),
    "error": ("WHERE", "ServiceFailure, HTTP 500"),
    "unavailable": ("WHERE", "ServiceUnavailable, HTTP 503"),
    "slow": ("WHERE", "the answer takes 2 seconds"),
    "drop": ("WHERE", "the connection ends without an answer, before anything is applied"),
    "drop_after": ("WHERE", "the call is applied, then the connection ends without an answer"),
    "truncated": ("WHERE", "the connection ends in the middle of the answer's body"),
    "garbled": ("WHERE", "200 with a proxy's web page, and nothing is applied"),
    "aws_rate": (
        "NUMBER",
        "IAM takes so many calls a second, 20 at once; the others are answered Throttling",
    ),
    "aws_read_lag": ("NUMBER", "reads of one user or role lag writes by so many seconds"),
    "aws_list_lag": ("NUMBER", "lists, authorization details and the report lag writes by so many seconds"),
    "aws_evidence_lag": ("NUMBER", "last uses, and all of the credential report, are so many hours late"),
    "aws_trail_lag": ("NUMBER", "CloudTrail's events are found after so many minutes"),
    "aws_omit": ("ITEMS", "`row@sam+cut@bob+used@eve`: no row, a row cut short, no PasswordLastUsed"),
    "aws_expire": ("NUMBER", "each session serves so many calls, then ExpiredToken (STS goes on)"),
    "aws_opt_in": ("ITEMS", "Regions that the account enabled beside the default ones"),
    "trail": ("limited", "LookupEvents takes 2 calls a second for each account and Region"),
    "report": (
        "slow|never|expired|inprogress|missing|NUMBER",
        "15 or so many seconds; never ready; that error",
    ),
    "limit-report": ("on", "GenerateCredentialReport answers LimitExceeded"),
    "advisor": ("failed|slow|never", "last-accessed jobs fail, take 15 seconds, never end"),
    "pages": ("short", "lists hold half of what was asked for, as AWS reserves itself to do"),
    "iam": ("enforced", "moto checks signatures and permissions of every call, for our actions too"),
}
_DEFAULT = """
ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1
eu-central-1 eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2
"""
DEFAULT_REGIONS = frozenset(_DEFAULT.split())
WORDS = {
    "WHERE": "actions, such as ListUsers+TagUser, or a share of calls, from 0 to 1",
    "SHARE": "the share of calls, from 0 to 1",
    "NUMBER": "a number",
    "ITEMS": "words with + between them",
}


def check(faults: Mapping[str, str | float]) -> None:
    """ValueError, naming the fault and the remedy, for a value that a known fault does not take."""
    for name, value in faults.items():
        kinds = FAULTS[name][0].split("|") if name in FAULTS else []
        if kinds and not any(_takes(kind, value) for kind in kinds):
            raise ValueError(
                f"fault {name}={value}: give {', '.join(WORDS.get(kind, kind) for kind in kinds)}"
            )


def _takes(kind: str, value: str | float) -> bool:
    if isinstance(value, str):
        return kind in {"WHERE", "ITEMS"} or value == kind
    return kind == "NUMBER" or (kind in {"WHERE", "SHARE"} and 0 <= value <= 1)


def targets(value: str | float | None) -> list[tuple[str, str]]:
    """What a fault's WHERE or ITEMS names: (word, what follows its `@`, or "")."""
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
