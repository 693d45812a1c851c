"""Policies in this process, on the embedded Google without sockets: quick enough for tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from c7n.config import Config
from c7n.policy import PolicyCollection
from c7n.resources import load_resources
from c7n.utils import reset_session_cache
from google.oauth2.service_account import Credentials

from custom_filters import autoload
from custom_filters.custodian import pacing
from custom_filters.sandbox.clock import Clock
from custom_filters.sandbox.cloud import Settings
from custom_filters.sandbox.gcp import keyfile
from custom_filters.sandbox.gcp.cloud import GcpCloud
from custom_filters.sandbox.gcp.company import Company
from tests.gcp.runs import utc
from tests.sandbox.gcp.conftest import ONE_KEY, DirectHttp
from tests.virtual import VirtualTime

NOW = utc(2026, 6, 15, 12, 0)
RESOURCES = ("gcp.directory-user", "gcp.service-account", "gcp.service-account-key")


@dataclass
class Direct:
    """A customer and a way to run policies on it: all policies of a Direct are one run, with one session."""

    cloud: GcpCloud
    faults: dict[str, Any]
    calls: Counter[str]

    @property
    def company(self) -> Company:
        return self.cloud.company

    def manager(self, policy: dict[str, Any]) -> Any:
        """The resource manager of a policy."""
        collection = PolicyCollection.from_data({"policies": [policy]}, Config.empty())
        manager = next(iter(collection)).resource_manager
        manager.session_factory = self.session
        return manager

    def select(self, policy: dict[str, Any]) -> list[dict[str, Any]]:
        """What a policy selects; raises what the policy raises."""
        found: list[dict[str, Any]] = self.manager(policy).resources()
        return found

    def next_run(self) -> Direct:
        """The same customer, with nothing remembered of what was read."""
        reset_session_cache()
        return self

    def session(self) -> Any:
        from c7n_gcp.client import Session

        return Session(credentials=credentials(self.cloud), http=DirectHttp(self.cloud))


def credentials(cloud: GcpCloud) -> Credentials:
    scope = "https://www.googleapis.com/auth/cloud-platform"
    path = cloud.environment["GOOGLE_APPLICATION_CREDENTIALS"]
    return Credentials.from_service_account_file(path, scopes=[scope])


@cache
def vocabulary() -> None:
    autoload.load()
    load_resources(RESOURCES)


def started(monkeypatch: pytest.MonkeyPatch, users: int, accounts: int, now: datetime = NOW) -> Direct:
    vocabulary()
    monkeypatch.setattr(keyfile, "new_key", ONE_KEY)
    monkeypatch.setattr(pacing, "SYSTEM", VirtualTime().clock)
    faults: dict[str, Any] = {}
    calls: Counter[str] = Counter()
    cloud = GcpCloud(Settings(users=users, seed=1), Clock(now), calls, faults, accounts=accounts)
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("C7N_UNUSED_NOW", now.isoformat())
    reset_session_cache()
    return Direct(cloud, faults, calls)


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[Direct]:
    """The named cases."""
    found = started(monkeypatch, users=60, accounts=40)
    yield found
    found.cloud.close()
    reset_session_cache()


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Direct]:
    """Nobody but our own subject and delegate."""
    found = started(monkeypatch, users=0, accounts=0)
    yield found
    found.cloud.close()
    reset_session_cache()
