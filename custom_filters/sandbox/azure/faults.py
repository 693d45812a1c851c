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


class Faults:
    """Reads the mapping; draws from a seeded generator so that a run can be repeated."""

    def __init__(self, faults: Mapping[str, object], seed: int) -> None:
        self._faults = faults
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def text(self, name: str) -> str:
        """The fault's value, "" when it is off."""
        value = self._faults.get(name)
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
