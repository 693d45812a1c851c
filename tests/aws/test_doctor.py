from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from custom_filters.aws.doctor import checks
from custom_filters.aws.permissions import OPTIONAL, PARTS, needed, policy
from custom_filters.core.doctor_check import Check
from custom_filters.sandbox.aws.people import Key, Person
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.inside import calling
from tests.aws.runs import embedded


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with embedded() as started:
        started.aws.add(Person("ann", keys=(Key(),)))
        yield started


def looked(sandbox: Sandbox, allowed: dict[str, Any] | None = None, **environment: str) -> dict[str, Check]:
    if allowed:
        sandbox.aws.enforce_iam(True, json.dumps(allowed))
    with calling(sandbox, **environment):
        return {check.name: check for check in checks()}


def of_users(allowed: dict[str, Any]) -> dict[str, Any]:
    """moto has no ARN for a user that does not exist, and compares with `*` alone."""
    return {**allowed, "Statement": [{**s, "Resource": "*"} for s in allowed["Statement"]]}


def missing(found: dict[str, Check]) -> list[str]:
    return [name for name, check in found.items() if not check.ok]


def test_everything_is_there_and_nothing_is_changed(sandbox: Sandbox) -> None:
    before = sandbox.aws.snapshot()
    found = looked(sandbox, of_users(policy(enforce=True)))
    assert missing(found) == []
    assert found.keys() >= needed(enforce=True) | {"log-in", "region", "credential report"}
    assert sandbox.aws.caller_arn in found["log-in"].detail
    assert found["credential report"].detail.endswith("of 2 users")
    assert sandbox.aws.snapshot() == before


def test_what_roles_need_is_tried_too(sandbox: Sandbox) -> None:
    """Nothing is refused here; where all of it is, that is fine."""
    before = sandbox.aws.roles()
    assert looked(sandbox).keys() >= PARTS["roles"]
    assert sandbox.aws.roles() == before
    refused = looked(sandbox, policy(enforce=False))["to enforce on roles"]
    assert (refused.ok, "for reports only: cloudformation:Desc" in refused.detail) == (True, True)


def test_a_role_for_reports(sandbox: Sandbox) -> None:
    found = looked(sandbox, policy(enforce=False))
    assert missing(found) == []
    assert (
        "for reports only: cloudtrail:LookupEvents, ec2:DescribeRegions, iam:Delete"
        in found["to enforce"].detail
    )


@pytest.mark.parametrize(
    "granted", [{"iam:TagUser", "iam:GetAccessKeyLastUsed"}, {"iam:DeleteLoginProfile", "iam:List*"}]
)
def test_each_permission_that_is_missing_is_named(sandbox: Sandbox, granted: set[str]) -> None:
    allowed = {"Effect": "Allow", "Action": sorted(granted), "Resource": "*"}
    found = looked(sandbox, {"Version": "2012-10-17", "Statement": [allowed]})
    denied = {
        p for p in needed(enforce=True) - granted if not (p.startswith("iam:List") and "iam:List*" in granted)
    }
    assert set(missing(found)) >= denied - OPTIONAL.keys()
    for permission in denied:
        assert f"not authorized to perform: {permission}" in found[permission].detail
        assert "c7n-unused permissions -p aws" in found[permission].remedy
        assert found[permission].ok == ("(optional: without it" in found[permission].detail)


def test_no_credentials(sandbox: Sandbox) -> None:
    nothing = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    with calling(sandbox, HOME="/nonexistent"):
        environment = {k: v for k, v in os.environ.items() if k not in nothing}
        with patch.dict(os.environ, environment, clear=True):
            (found,) = checks()
    assert (found.name, found.ok) == ("log-in", False)
    assert "Unable to locate credentials" in found.detail


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"AWS_SESSION_TOKEN": "made-up"}, "InvalidClientTokenId"),
        ({"AWS_PROFILE": "nobody"}, "nobody"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "127.0.0.1:9"),
    ],
)
def test_a_log_in_that_fails(sandbox: Sandbox, environment: dict[str, str], says: str) -> None:
    found = looked(sandbox, policy(enforce=False), AWS_MAX_ATTEMPTS="1", **environment)
    assert missing(found) == list(found) == ["log-in"]
    assert says in found["log-in"].detail


def test_no_region(sandbox: Sandbox) -> None:
    assert missing(looked(sandbox, AWS_DEFAULT_REGION="", AWS_REGION="")) == ["region"]


def test_no_report(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_filters.aws.doctor._REPORT_TIMEOUT", 0)
    sandbox.faults["report"] = "never"
    found = looked(sandbox)
    assert missing(found) == ["credential report"]
    assert "no credential report within 0 seconds" in found["credential report"].detail
