from __future__ import annotations

from collections.abc import Iterator

import pytest

from custom_filters.sandbox.sandbox import Sandbox, Settings


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The embedded AWS, with this process's environment led to it."""
    with Sandbox(Settings(users=30, clouds=("aws",))) as started:
        for name, value in started.child_environment().items():
            monkeypatch.setenv(name, value)
        yield started
