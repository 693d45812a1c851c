"""Reads that lag writes: what users and roles were before each write, put back while a read is answered."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from copy import copy, deepcopy
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from custom_filters.sandbox.aws.account import Account, Extras

LAGS = {"aws_read_lag": 1, "aws_list_lag": 1, "aws_evidence_lag": 3600}


class State(NamedTuple):
    """A user or role as it was: moto's object, its attributes, the user's tags; object None: not there."""

    store: str
    key: str
    object: Any
    attributes: dict[str, Any]
    tags: dict[str, Any]

    def put_back(self, backend: Any) -> None:
        """Makes the backend show this state."""
        store = getattr(backend, self.store)
        if self.object is None:
            store.pop(self.key, None)
            return
        self.object.__dict__ = self.attributes
        store[self.key] = self.object
        if self.store == "users":
            backend.tagger.tags[self.object.arn] = self.tags


class Change(NamedTuple):
    """A write's time and what it changed, as it was before."""

    at: datetime
    before: State


def remember(account: Account, parameters: Mapping[str, str]) -> None:
    """Keeps what a write is about to change, if a fault makes reads lag."""
    if not account.faults.keys() & LAGS.keys():
        return
    now, backend = account.clock.now(), account.backend
    for name in ("UserName", "NewUserName"):
        if name in parameters:
            account.changes.append(Change(now, _state(backend, "users", parameters[name], copied=True)))
    if "RoleName" in parameters:
        named = [one for one, role in backend.roles.items() if role.name == parameters["RoleName"]]
        for key in named:
            account.changes.append(Change(now, _state(backend, "roles", key, copied=True)))


@contextlib.contextmanager
def as_of(account: Account, lag: timedelta) -> Iterator[None]:
    """The account as it was `lag` ago, for reads: nothing may be written meanwhile."""
    now = account.clock.now()
    hidden = [change.before for change in account.changes if timedelta() <= now - change.at < lag]
    present = {(one.store, one.key): _state(account.backend, one.store, one.key) for one in hidden}
    tags = dict(account.backend.tagger.tags) if hidden else {}
    try:
        for state in reversed(hidden):
            state.put_back(account.backend)
        yield
    finally:
        for state in present.values():
            state.put_back(account.backend)
        if hidden:
            account.backend.tagger.tags = tags


def lag_of(account: Account, action: str, parameters: Mapping[str, str]) -> timedelta:
    """By how much this read lags."""
    faults = account.faults
    seconds = {name: float(faults.get(name, 0)) * unit for name, unit in LAGS.items()}
    if action == "GenerateCredentialReport":
        return timedelta(seconds=max(seconds["aws_list_lag"], seconds["aws_evidence_lag"]))
    single = parameters.keys() & {"UserName", "RoleName"}
    return timedelta(seconds=seconds["aws_read_lag" if single else "aws_list_lag"])


def _state(backend: Any, store: str, key: str, *, copied: bool = False) -> State:
    found = getattr(backend, store).get(key)
    if found is None:
        return State(store, key, None, {}, {})
    tags = backend.tagger.tags.get(found.arn, {}) if store == "users" else {}
    attributes = {name: _copy(value) for name, value in vars(found).items()} if copied else vars(found)
    return State(store, key, found, attributes, dict(tags) if copied else tags)


def _copy(value: Any) -> Any:
    if isinstance(value, Extras):
        return deepcopy(value)
    if isinstance(value, list):
        return [copy(one) for one in value]
    return {key: copy(one) for key, one in value.items()} if isinstance(value, dict) else copy(value)
