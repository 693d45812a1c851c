from __future__ import annotations

import pytest

from custom_filters.custodian import deadline


class Context:
    """A Lambda context with this much time left."""

    def __init__(self, milliseconds: int) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.mark.parametrize(
    ("context", "near"), [(None, False), (Context(61_000), False), (Context(59_000), True)]
)
def test_another_user_is_begun_only_while_there_is_time(context: object, near: bool) -> None:
    deadline.watch(context)
    try:
        assert deadline.is_near() is near
    finally:
        deadline.watch(None)
