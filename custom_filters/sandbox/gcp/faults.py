"""The faults of the Google part."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping

from custom_filters.sandbox.gcp.errors import ApiError
from custom_filters.sandbox.wire import ConnectionDroppedError

OUTAGES = {
    429: "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'.",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
}

SHARES = ("gcp_429", "gcp_500", "gcp_503", "gcp_drop")
NUMBERS = ("reports_missing", "schema_delay")
CHOICES = {
    "page_token": ("expired",),
    "reports_warnings": ("on", "accounts", "gmail"),
    "analyzer": ("norows", "short"),
    "conflict": ("on",),
    "subject": ("notadmin",),
}
NAMES = (*SHARES, *NUMBERS, *CHOICES, "deny", "disabled")


def check(faults: Mapping[str, str | float]) -> None:
    """ValueError, naming the fault and the remedy, for a value that a known fault does not take."""
    for name, value in faults.items():
        if name in SHARES and not (isinstance(value, (int, float)) and 0 <= value <= 1):
            raise ValueError(f"fault {name}={value}: give the share of requests, from 0 to 1")
        if name in NUMBERS and not (isinstance(value, (int, float)) and value >= 0):
            raise ValueError(f"fault {name}={value}: give a number, 0 or more")
        if name in CHOICES and value not in CHOICES[name]:
            raise ValueError(f"fault {name}={value}: give one of {', '.join(CHOICES[name])}")
        if name == "disabled" and not str(value).endswith(".googleapis.com"):
            raise ValueError(f"fault {name}={value}: give hosts, such as disabled=admin.googleapis.com")


class Faults:
    """Reads the mapping at each request, so that a test may change it while the cloud runs.

    | key | value | what happens |
    |---|---|---|
    | gcp_429, gcp_500, gcp_503 | share, 0..1 | that share of requests is answered so and not applied |
    | gcp_drop | share, 0..1 | that share of connections breaks before the answer, and nothing was applied |
    | disabled | hosts, `+` between | the API is not enabled: 403 SERVICE_DISABLED / accessNotConfigured |
    | deny | method ids, permissions or privileges, `+` | 403 to that method, or the permission is missing |
    | page_token | expired | every request with a page token is answered 400 |
    | reports_warnings | on, gmail, accounts | usage reports warn of that application (gmail) and lack it |
    | reports_missing | days | usage reports are ready that many days later than usual |
    | analyzer | norows, short | Policy Analyzer has no rows, or observed 30 days only |
    | conflict | on | users.list shows an older or no lastLoginTime for some whom users.get shows active |
    | schema_delay | seconds | a new custom schema is not known to users.* before that |
    | subject | notadmin | the subject has no administrator privileges |

    Shares are drawn from one generator with the sandbox's seed. The token endpoint has no faults of its own.
    """

    def __init__(self, values: Mapping[str, str | float], seed: int) -> None:
        self._values = values
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def text(self, name: str) -> str:
        """The value, or an empty text."""
        return str(self._values.get(name, ""))

    def on(self, name: str) -> bool:
        """Whether the fault is set at all."""
        return name in self._values

    def number(self, name: str) -> float:
        """The value as a number, 0 when absent."""
        return float(self.text(name) or 0)

    def listed(self, name: str) -> frozenset[str]:
        """The parts of a value with `+` between them."""
        return frozenset(filter(None, self.text(name).split("+")))

    def strike(self) -> None:
        """Raises what the shares say happens to this request."""
        if self._drawn("gcp_drop"):
            raise ConnectionDroppedError
        for code, message in OUTAGES.items():
            if self._drawn(f"gcp_{code}"):
                raise ApiError(code, message)

    def _drawn(self, name: str) -> bool:
        share = self.number(name)
        if not share:
            return False
        with self._lock:
            return self._random.random() < share
