from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import boto3
import pytest

from custom_filters.custodian.store import forget, shared


class Data:
    """Something that a weak reference can watch."""


def counted(calls: list[str], value: object = None) -> Callable[[], object]:
    def load() -> object:
        calls.append("called")
        return value or Data()

    return load


def test_loaded_once_for_a_session_and_key() -> None:
    session, calls = boto3.Session(), list[str]()
    first = shared(session, ("users", "1"), counted(calls))
    assert shared(session, ("users", "1"), counted(calls)) is first
    assert calls == ["called"]


def test_two_sessions_never_share() -> None:
    one, other = boto3.Session(), boto3.Session()
    assert shared(one, "key", Data) is not shared(other, "key", Data)


def test_two_accounts_never_share() -> None:
    session = boto3.Session()
    assert shared(session, ("users", "1"), Data) is not shared(session, ("users", "2"), Data)


def test_data_goes_with_its_session() -> None:
    session = boto3.Session()
    watched = weakref.ref(shared(session, "key", Data))
    assert watched() is not None
    del session
    gc.collect()
    assert watched() is None


def test_an_error_is_raised_and_not_kept() -> None:
    session = boto3.Session()

    def fail() -> Data:
        raise ValueError("no network")

    with pytest.raises(ValueError, match="no network"):
        shared(session, "key", fail)
    assert isinstance(shared(session, "key", Data), Data)


def test_forgotten_is_loaded_again_and_nothing_else() -> None:
    session = boto3.Session()
    first, kept = shared(session, "users", Data), shared(session, "report", Data)
    forget(session, "users")
    assert shared(session, "users", Data) is not first
    assert shared(session, "report", Data) is kept


def test_forgetting_what_is_not_there_is_fine() -> None:
    forget(boto3.Session(), "key")
