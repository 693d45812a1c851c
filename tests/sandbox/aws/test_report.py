from __future__ import annotations

import csv
from datetime import timedelta
from typing import Any

import pytest

from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.aws.people import Certificate, Key, Password, Person, Root, days
from custom_filters.sandbox.aws.report import COLUMNS
from tests.sandbox.aws.conftest import NOW, Code


def at(ago: timedelta) -> str:
    return (NOW - ago).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def report(sandbox: Sandbox, iam: Any) -> dict[str, dict[str, str]]:
    iam.generate_credential_report()
    sandbox.clock.advance(timedelta(minutes=1))
    content = iam.get_credential_report()["Content"].decode()
    return {row["user"]: row for row in csv.DictReader(content.splitlines())}


def test_the_report_passes_through_its_states(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.faults["report"] = 60
    assert code(iam.get_credential_report) == ("ReportNotPresent", 410)
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "INPROGRESS"
    assert code(iam.get_credential_report) == ("ReportInProgress", 404)
    sandbox.clock.advance(timedelta(minutes=2))
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    assert (
        NOW + timedelta(minutes=1)
        <= iam.get_credential_report()["GeneratedTime"]
        < NOW + timedelta(minutes=2)
    )


def test_a_report_is_kept_for_four_hours(sandbox: Sandbox, iam: Any, code: Code) -> None:
    assert list(report(sandbox, iam)) == ["<root_account>"]
    sandbox.aws.add(Person("later"))
    sandbox.clock.advance(timedelta(hours=3, minutes=58))
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    assert b"later" not in iam.get_credential_report()["Content"]
    sandbox.clock.advance(timedelta(minutes=2))
    assert code(iam.get_credential_report) == ("ReportExpired", 410)
    assert "later" in report(sandbox, iam)


@pytest.mark.parametrize(
    ("fault", "state", "error"),
    [
        ("never", "INPROGRESS", ("ReportInProgress", 404)),
        ("expired", "COMPLETE", ("ReportExpired", 410)),
        ("inprogress", "COMPLETE", ("ReportInProgress", 404)),
        ("missing", "COMPLETE", ("ReportNotPresent", 410)),
    ],
)
def test_faults_of_the_report(
    sandbox: Sandbox, iam: Any, code: Code, fault: str, state: str, error: tuple[str, int]
) -> None:
    sandbox.faults["report"] = fault
    iam.generate_credential_report()
    sandbox.clock.advance(timedelta(minutes=1))
    assert iam.generate_credential_report()["State"] == state
    assert code(iam.get_credential_report) == error


def test_generation_can_be_refused(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.faults["limit-report"] = "on"
    assert code(iam.generate_credential_report) == ("LimitExceeded", 409)


NOTHING = {
    **dict.fromkeys(COLUMNS, "N/A"),
    "user_creation_time": at(days(400)),
    **dict.fromkeys(
        ["password_enabled", "mfa_active", "access_key_1_active", "access_key_2_active"], "false"
    ),
    **dict.fromkeys(["cert_1_active", "cert_2_active"], "false"),
}


def key_columns(number: int, *values: str) -> dict[str, str]:
    fields = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
    return {f"access_key_{number}_{field}": value for field, value in zip(fields, values, strict=True)}


CASES: dict[str, tuple[Person, dict[str, str]]] = {
    "nothing": (Person("u"), {}),
    "password never used": (
        Person("u", password=Password()),
        {
            "password_enabled": "true",
            "password_last_used": "no_information",
            "password_last_changed": at(days(400)),
        },
    ),
    "password used and changed": (
        Person("u", password=Password(used=days(9), changed=days(20)), mfa=True),
        {
            "password_enabled": "true",
            "password_last_used": at(days(9)),
            "password_last_changed": at(days(20)),
            "mfa_active": "true",
        },
    ),
    "login profile removed, date left": (Person("u", password_used=days(9)), {}),
    "used key": (
        Person("u", keys=(Key(created=days(50), used=days(2), service="ec2", region="eu-west-1"),)),
        key_columns(1, "true", at(days(50)), at(days(2)), "eu-west-1", "ec2"),
    ),
    "a service without Regions": (
        Person("u", keys=(Key(used=days(2)),)),
        key_columns(1, "true", at(days(400)), at(days(2)), "N/A", "s3"),
    ),
    "inactive key, unused second key, rotated": (
        Person("u", keys=(Key(created=days(50), active=False), Key(created=days(40), rotated=days(10)))),
        {
            **key_columns(1, "false", at(days(50)), "N/A", "N/A", "N/A"),
            **key_columns(2, "true", at(days(10)), "N/A", "N/A", "N/A"),
        },
    ),
    "certificates": (
        Person(
            "u", certificates=(Certificate(uploaded=days(8)), Certificate(uploaded=days(7), active=False))
        ),
        {
            "cert_1_active": "true",
            "cert_1_last_rotated": at(days(8)),
            "cert_2_active": "false",
            "cert_2_last_rotated": at(days(7)),
        },
    ),
    "created in the future": (Person("u", created=days(-2)), {"user_creation_time": at(days(-2))}),
    "name with a comma": (Person("u,+=.@_-", path="/a/b/"), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_rows(sandbox: Sandbox, iam: Any, case: str) -> None:
    person, expected = CASES[case]
    sandbox.aws.add(person)
    arn = f"arn:aws:iam::{sandbox.aws.account_id}:user{person.path}{person.name}"
    rows = report(sandbox, iam)
    assert rows[person.name] == {**NOTHING, "user": person.name, "arn": arn, **expected}
    assert tuple(rows[person.name]) == COLUMNS


def test_root_comes_first_and_is_as_set(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.account().root = Root(
        created=days(900), password=Password(), mfa=False, keys=(Key(used=days(1)),)
    )
    sandbox.aws.add(Person("a"))
    rows = report(sandbox, iam)
    assert list(rows) == ["<root_account>", "a"]
    root = rows["<root_account>"]
    assert root["arn"] == f"arn:aws:iam::{sandbox.aws.account_id}:root"
    assert root["password_last_used"] == "no_information"
    assert root["password_next_rotation"] == "not_supported"
    assert (root["mfa_active"], root["access_key_1_active"]) == ("false", "true")
