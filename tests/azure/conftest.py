from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from c7n_azure.session import Session

from custom_filters.azure.client import Graph, graph_of
from custom_filters.sandbox import Sandbox
from tests.azure.runs import embedded, utc

NOW = utc(2026, 5, 1)


@dataclass(frozen=True)
class Tenant:
    """60 people, and the real client with the real log-in, over the wire."""

    sandbox: Sandbox
    graph: Graph

    def id(self, name: str) -> str:
        found: str = self.sandbox.azure.person(f"{name}@contoso.example").id
        return found


@pytest.fixture
def tenant(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    with embedded(users=60, now=NOW) as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        yield Tenant(sandbox, graph_of(Session()))
