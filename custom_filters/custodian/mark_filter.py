"""The filter `unused-mark`, as far as it is the same on every cloud."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from c7n.exceptions import PolicyValidationError
from c7n.filters import Filter
from c7n.utils import type_schema

from custom_filters.core.mark import DEFAULT_TAG, mark_state
from custom_filters.custodian import clock
from custom_filters.custodian.validation import MARK_FILTER, OUR_OPERATION, policy_problem, refuse

log = logging.getLogger("custodian.unused")

MARK_SCHEMA: dict[str, Any] = type_schema(
    MARK_FILTER,
    required=["state"],
    state={"enum": ["absent", "pending", "due", "malformed"]},
    op={"type": "string"},
    tag={"type": "string", "minLength": 1},
)


class UnusedMark(Filter):
    """Base of the filter: select by the state of the mark for `op`.

    A mark that does not read exactly as we write it is `malformed`: never due, never overwritten, and an
    error in the log that names the user.
    """

    schema = MARK_SCHEMA

    def validate(self) -> UnusedMark:
        """See policy_problem."""
        problem = policy_problem(self.manager.data)
        if problem:
            raise PolicyValidationError(problem)
        return self

    def process(
        self, resources: list[dict[str, Any]], event: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Keep the resources whose mark is in the state asked for."""
        refuse(self.manager.data)
        now = clock.now()
        return [r for r in resources if self._state(r, now) == self.data["state"]]

    def _state(self, resource: dict[str, Any], now: datetime) -> str:
        tag = self.data.get("tag", DEFAULT_TAG)
        text = self.mark(resource, tag)
        state = mark_state(text, self.data.get("op", OUR_OPERATION), now)
        if state == "malformed":
            log.error("%s: mark %s is malformed (%r); correct or remove it", self.name(resource), tag, text)
        return state

    @abstractmethod
    def mark(self, resource: dict[str, Any], tag: str) -> str | None:
        """The text of the mark, or None."""

    @abstractmethod
    def name(self, resource: dict[str, Any]) -> str:
        """How people know the resource."""
