"""What we add to a policy's metadata.json: the calls it made, and the account that it read.

Custodian counts calls to AWS only, and not those of clients that outlive a policy, as ours do. It names the
account for AWS only; c7n-org writes the project or subscription also where the customer or tenant was read.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from c7n.output import NullStats, api_stats_outputs

_made: Counter[str] = Counter()
_lock = threading.Lock()


def count(name: str) -> None:
    """One call more of this name, such as `iam.ListUsers`, which holds no id of anybody."""
    with _lock:
        _made[name] += 1


def _so_far() -> Counter[str]:
    with _lock:
        return _made.copy()


class Calls:
    """Our counts beside those of the class that it is mixed into, the higher of the two."""

    _before: Counter[str] | None = None

    def __enter__(self) -> Any:
        self._before = _so_far()
        return super().__enter__()  # type: ignore[misc]

    def get_metadata(self) -> dict[str, int]:
        """Calls by name, made while the policy runs; policies of a process run one after another."""
        ours = _so_far() - (self._before or Counter())
        return dict(ours | Counter(super().get_metadata()))  # type: ignore[misc]


def count_calls_of(provider: str) -> None:
    """Have Custodian write the counts of this provider's policies. Idempotent."""
    stock = api_stats_outputs.get(provider) or NullStats
    if not issubclass(stock, Calls):
        api_stats_outputs.register(provider, type("Calls", (Calls, stock), {}))


def record_account(manager: Any, account: str) -> None:
    """Have metadata.json name the account, so that reports know what was evaluated, findings or not."""
    manager.ctx.options = manager.ctx.options.copy(account_id=account)
