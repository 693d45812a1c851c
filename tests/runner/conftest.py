from __future__ import annotations

from collections.abc import Iterator

import pytest

from custom_filters.sandbox.sandbox import Sandbox, Settings


@pytest.fixture(scope="module")
def started() -> Iterator[Sandbox]:
    with Sandbox(Settings(users=30, clouds=("aws",))) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(started: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The embedded AWS, with this process's environment led to it, and without faults."""
    for name, value in started.child_environment().items():
        monkeypatch.setenv(name, value)
    yield started
    started.faults.clear()
