from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from custom_filters.aws.advisor import get_advice, transform_services
from custom_filters.core.evidence import NeverUsed, Unknown, Used
from custom_filters.sandbox.aws.people import Person, days
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.runs import client, embedded

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
LATELY, LONG_AGO = NOW - timedelta(days=3), NOW - timedelta(days=300)

SERVICES: dict[str, tuple[list[dict[str, Any]], type]] = {
    "none": ([], NeverUsed),
    "some, never used": ([{"ServiceNamespace": "s3"}, {"ServiceNamespace": "ec2"}], NeverUsed),
    "the newest counts": ([{"LastAuthenticated": LONG_AGO}, {}, {"LastAuthenticated": LATELY}], Used),
    "ahead of time": ([{"LastAuthenticated": NOW + timedelta(days=1)}], Unknown),
}


@pytest.mark.parametrize(("services", "kind"), SERVICES.values(), ids=SERVICES)
def test_what_the_services_say(services: list[dict[str, Any]], kind: type) -> None:
    evidence = transform_services(services, NOW, NOW)
    assert type(evidence) is kind
    assert not evidence.covers
    assert evidence.observed_at == NOW
    assert not isinstance(evidence, Used) or evidence.at == LATELY


def test_nothing_found_reaches_back_400_days_and_no_further() -> None:
    evidence = transform_services([], NOW, NOW)
    assert isinstance(evidence, NeverUsed)
    assert evidence.since == NOW - timedelta(days=400)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with embedded() as started:
        reader = {"attached": ("ReadOnlyAccess",)}
        started.aws.add(
            Person("busy", advisor={"s3": days(3), "xray": days(2)}, **reader),
            Person("silent", **reader),
            Person("bare"),
        )
        yield started


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    shared.calls.clear()
    yield shared
    shared.faults.clear()


def ask(sandbox: Sandbox, *names: str, timeout: float = 20) -> dict[str, Any]:
    arns = {name: f"arn:aws:iam::{sandbox.aws.account_id}:user/{name}" for name in names}
    return get_advice(client(sandbox, "iam"), arns, datetime.now(timezone.utc), timeout)


def test_jobs_are_started_together_and_read_to_the_last_page(sandbox: Sandbox) -> None:
    found = ask(sandbox, "busy", "silent", "bare")
    assert {name: type(e) for name, e in found.items()} == {
        "busy": Used,
        "silent": NeverUsed,
        "bare": NeverUsed,
    }
    assert (datetime.now(timezone.utc) - found["busy"].at).days == 2
    assert sandbox.calls["aws:GenerateServiceLastAccessedDetails"] == 3


def test_nobody_to_ask_about(sandbox: Sandbox) -> None:
    assert ask(sandbox) == {}
    assert sandbox.calls.total() == 0


FAULTS = {
    "failed": (20.0, "ended as FAILED: Request processing failed"),
    "never": (0.2, "did not answer within 0.2 seconds"),
    "slow": (0.2, "did not answer within 0.2 seconds"),
}


@pytest.mark.parametrize(("fault", "timeout", "says"), [(name, *row) for name, row in FAULTS.items()])
def test_a_job_that_fails_or_is_late_is_unknown(
    sandbox: Sandbox, fault: str, timeout: float, says: str
) -> None:
    sandbox.faults["advisor"] = fault
    evidence = ask(sandbox, "busy", timeout=timeout)["busy"]
    assert isinstance(evidence, Unknown)
    assert says in evidence.reason


def test_a_user_that_is_gone_is_unknown(sandbox: Sandbox) -> None:
    assert isinstance(ask(sandbox, "nobody")["nobody"], Unknown)


@pytest.mark.parametrize(
    "action",
    [
        "GenerateServiceLastAccessedDetails",
        "GetServiceLastAccessedDetails",
        "GetServiceLastAccessedDetails@next",
    ],
)
def test_a_refusal_is_raised(sandbox: Sandbox, action: str) -> None:
    sandbox.faults["deny"] = action
    with pytest.raises(ClientError, match="AccessDenied"):
        ask(sandbox, "busy")
