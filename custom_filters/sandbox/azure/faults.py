"""Faults that the embedded Microsoft cloud can show; the mapping is read at every request.

| key | value | does |
|---|---|---|
| graph_429, graph_503, graph_500 | share, 0..1 | answers that instead; in a batch, to inner requests too |
| graph_429_retry_after | seconds (also 1.5), `none`, `date` | Retry-After of 429 and 503; default 1 |
| graph_drop | share | the connection breaks: lists half-way through the body, others before they act |
| graph_drop_after | share | a write acts, then the connection breaks without an answer |
| license | `missing`, `intermittent` | 403 to signInActivity; intermittent: two times in three |
| permission | names joined by `+` | the app lacks these permissions: 403 Authorization_RequestDenied |
| pim | `missing` | role eligibility needs a licence that the tenant lacks: 400 AadPremiumLicenseRequired |
| page_fail | N | the N-th page of /users fails with 500, always |
| page_fail_path | a path | page_fail counts the pages of this list instead, for example /groups |
| nextlink_host | a host | nextLink of /users leads there |
| login | `bad` | the client secret is refused: AADSTS7000215 |
| token_lifetime | seconds | how long new tokens live; default 3599 |
| rate_limit | N | signInActivity requests a minute; the next is answered 429 |
| activity | `missing` | no user has signInActivity |
| patch_fail | UPNs or ids joined by `+` | PATCH of these users fails with 500, always |
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping

SHARES = frozenset({"graph_429", "graph_500", "graph_503", "graph_drop", "graph_drop_after"})
NUMBERS = frozenset({"page_fail", "token_lifetime", "rate_limit"})
WORDS = {
    "license": ("missing", "intermittent"),
    "pim": ("missing",),
    "login": ("bad",),
    "activity": ("missing",),
}
TEXTS = frozenset({"graph_429_retry_after", "permission", "page_fail_path", "nextlink_host", "patch_fail"})
FAULTS = SHARES | NUMBERS | WORDS.keys() | TEXTS


def check(faults: Mapping[str, object]) -> None:
    """ValueError for a value that the fault does not take; names that are not ours are left alone."""
    for name, value in faults.items():
        if name in SHARES and not (_is_number(value) and 0 <= float(str(value)) <= 1):
            raise ValueError(f"fault {name}={value}: give the share of requests, from 0 to 1")
        if name in NUMBERS and not (_is_number(value) and float(str(value)) > 0):
            raise ValueError(f"fault {name}={value}: give a number above 0")
        if name in WORDS and value not in WORDS[name]:
            raise ValueError(f"fault {name}={value}: give one of {', '.join(WORDS[name])}")
        if name == "graph_429_retry_after" and not (_is_number(value) or value in {"none", "date"}):
            raise ValueError(f"fault {name}={value}: give seconds, none or date")


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


class Faults:
    """Reads the mapping; draws from a seeded generator so that a run can be repeated."""

    def __init__(self, faults: Mapping[str, object], seed: int) -> None:
        self._faults = faults
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def text(self, name: str) -> str:
        """The fault's value, "" when it is off."""
        value = self._faults.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # the command line makes every number a float; Retry-After: 1 is not 1.0
        return "" if value is None else str(value)

    def number(self, name: str, default: float = 0.0) -> float:
        """The fault's value as a number."""
        text = self.text(name)
        return float(text) if text else default

    def names(self, name: str) -> frozenset[str]:
        """The fault's value as names."""
        return frozenset(part for part in self.text(name).split("+") if part)

    def strikes(self, name: str) -> bool:
        """Whether a fault that is a share of the requests hits this one."""
        share = self.number(name)
        if not share:
            return False
        with self._lock:
            return self._random.random() < share

    def shuffle(self, items: list[dict[str, object]]) -> None:
        """For what the service promises no order of."""
        with self._lock:
            self._random.shuffle(items)
