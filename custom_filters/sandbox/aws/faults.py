"""Faults that the embedded AWS can be told to show, at start or while it runs.

| fault | shows |
|---|---|
| `throttle=P` | a share P (0 to 1) of all calls is answered Throttling, HTTP 400 (S3: SlowDown) |
| `report=slow`, `=SECONDS` | generation takes 15, or so many, seconds |
| `report=never` | generation never ends: INPROGRESS and ReportInProgress |
| `report=expired`, `=inprogress`, `=missing` | Generate says COMPLETE, Get answers that error all the same |
| `limit-report` | GenerateCredentialReport answers LimitExceeded |
| `advisor=failed`, `=slow`, `=never` | last-accessed jobs fail, take 15 seconds, never end |
| `pages=short` | lists hold half of what was asked for, as AWS reserves itself to do |
| `deny=ACTIONS` | AccessDenied, HTTP 403 |
| `error=ACTIONS` | ServiceFailure, HTTP 500 |
| `throttled=ACTIONS` | Throttling, every time |
| `drop=ACTIONS` | the connection ends without an answer, before anything is applied |
| `trail=limited` | LookupEvents takes 2 calls a second for each account and Region |
| `iam=enforced` | moto checks signatures and permissions of every call, for our actions too |

ACTIONS are names joined by `+`, or `*`. `ListUsers@next` means its second and later pages only, and
`*@111122223333` every call of one account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

CHOICES = {
    "report": ("slow", "never", "expired", "inprogress", "missing"),
    "advisor": ("failed", "slow", "never"),
    "trail": ("limited",),
    "pages": ("short",),
    "iam": ("enforced",),
}
ACTIONS = ("deny", "error", "throttled", "drop")
NAMES = ("throttle", "limit-report", *ACTIONS, *CHOICES)


def check(faults: Mapping[str, str | float]) -> None:
    """ValueError, naming the fault and the remedy, for a value that a known fault does not take."""
    for name, value in faults.items():
        if name == "throttle" and not (isinstance(value, (int, float)) and 0 <= value <= 1):
            raise ValueError(f"fault throttle={value}: give the share of calls, from 0 to 1")
        if name == "report" and isinstance(value, (int, float)):
            continue
        if name in CHOICES and value not in CHOICES[name]:
            raise ValueError(f"fault {name}={value}: give one of {', '.join(CHOICES[name])}")
        if name in ACTIONS and not isinstance(value, str):
            raise ValueError(f"fault {name}={value}: give actions, such as {name}=ListUsers+TagUser")


def hits(value: str | float | None, action: str, later_page: bool, account: Callable[[], str]) -> bool:
    """Whether a fault's ACTIONS mean this call; `account` is asked only when one of them names an account."""
    for one in str(value or "").split("+"):
        name, _, only = one.partition("@")
        named = name.rpartition(":")[2] in (action, "*")
        if named and (not only or (later_page if only == "next" else only == account())):
            return True
    return False
