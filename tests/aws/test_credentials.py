"""From rows of the credential report and answers of IAM to credentials."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from custom_filters.aws.credentials import (
    KINDS,
    missing_row,
    transform_row,
    transform_service_credential,
    transform_ssh_key,
)
from custom_filters.core.credential import Credential
from custom_filters.core.evidence import NeverUsed, Unknown, Used
from custom_filters.sandbox.aws.report import COLUMNS

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
DAYS = timedelta(days=2)
GENERATED = NOW - timedelta(hours=3)
DAY, BORN = "2026-06-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00"
AT, MADE = datetime(2026, 6, 1, tzinfo=timezone.utc), datetime(2026, 1, 1, tzinfo=timezone.utc)


def row(**values: str) -> dict[str, str]:
    """A row with nothing in it, as AWS writes it, but for these columns."""
    empty = dict.fromkeys(COLUMNS, "N/A")
    empty |= {name: "false" for name in COLUMNS if name.endswith(("_active", "_enabled"))}
    return {**empty, **values}


def one(**values: str) -> Credential:
    (found,) = transform_row(row(**values), GENERATED, NOW)
    return found


def password(last_used: str, changed: str = BORN, enabled: str = "true") -> dict[str, str]:
    return {"password_enabled": enabled, "password_last_used": last_used, "password_last_changed": changed}


def key(active: str, rotated: str, last_used: str, n: int = 1) -> dict[str, str]:
    slot = f"access_key_{n}"
    dates = {f"{slot}_last_rotated": rotated, f"{slot}_last_used_date": last_used}
    return {f"{slot}_active": active, **dates}


LAST_USE: dict[str, tuple[dict[str, str], type, Any]] = {
    "password used": (password(DAY), Used, AT),
    "password never used": (password("N/A"), NeverUsed, MADE),
    "password without data": (password("no_information"), NeverUsed, MADE),
    "password used ahead of time": (password("2026-06-16T00:00:00+00:00"), Unknown, None),
    "password used some day": (password("some day"), Unknown, None),
    "password used, without a zone": (password("2026-06-01T00:00:00"), Unknown, None),
    "password without data or age": (password("no_information", "N/A"), NeverUsed, None),
    "password enabled in other words": (password(DAY, enabled="TRUE"), Used, AT),
    "password enabled, who knows": (password(DAY, enabled="perhaps"), Used, AT),
    "key used": (key("true", BORN, DAY), Used, AT),
    "key never used": (key("true", BORN, "N/A"), NeverUsed, MADE),
    "key never used, in moto's words": (key("true", BORN, "not_supported"), NeverUsed, MADE),
    "key without age": (key("true", "N/A", "N/A"), NeverUsed, None),
    "key with an empty last use": (key("true", BORN, ""), Unknown, None),
    "key with nothing but empty cells": (key("", "", ""), Unknown, None),
    "password with nothing but empty cells": (password("", "", ""), Unknown, None),
    "key used ahead of time": (key("true", BORN, "2027-01-01T00:00:00+00:00"), Unknown, None),
    "second key used": (key("true", BORN, DAY, 2), Used, AT),
}


@pytest.mark.parametrize(("values", "kind", "at"), LAST_USE.values(), ids=LAST_USE)
def test_last_use(values: dict[str, str], kind: type, at: datetime | None) -> None:
    (evidence,) = one(**values).evidence
    assert type(evidence) is kind
    assert getattr(evidence, "at", None) or getattr(evidence, "since", None) == at
    assert (evidence.source, evidence.observed_at, evidence.covers) == ("last-used", GENERATED, True)


NOTHING = {
    "an empty row": {},
    "a removed login profile": password("N/A", "N/A", "false"),
    "a removed login profile that left dates": password(DAY, BORN, "false"),
    "root's password": password("N/A", "not_supported", "not_supported"),
    "an empty slot": key("false", "N/A", "N/A"),
    "an empty slot in moto's words": key("false", "not_supported", "N/A"),
}


@pytest.mark.parametrize("values", NOTHING.values(), ids=NOTHING)
def test_nothing_there(values: dict[str, str]) -> None:
    assert transform_row(row(**values), GENERATED, NOW) == []


def test_everything_there() -> None:
    values = {
        **password(DAY),
        **key("false", BORN, DAY),
        **key("true", BORN, "N/A", 2),
        "cert_1_active": "true",
        "cert_1_last_rotated": BORN,
        "cert_2_active": "false",
        "cert_2_last_rotated": BORN,
    }
    found = [(c.kind, c.id, c.status) for c in transform_row(row(**values), GENERATED, NOW)]
    assert found == [
        ("password", "password", "on"),
        ("access-key", "access_key_1", "off"),
        ("access-key", "access_key_2", "on"),
        ("signing-certificate", "cert_1", "on"),
        ("signing-certificate", "cert_2", "off"),
    ]


def test_the_age_is_the_credentials_own() -> None:
    values = {"user_creation_time": "2020-01-01T00:00:00+00:00", **key("true", DAY, "N/A")}
    assert (one(**values).created, one(**values).rotated) == (AT, AT)


def test_an_age_that_cannot_be_read_is_told() -> None:
    assert one(**password(DAY, "yesterday")).age_problem == (
        "password_last_changed: 'yesterday' is not an RFC 3339 timestamp with a time zone"
    )


def test_certificates_have_no_evidence_of_their_own() -> None:
    assert one(cert_1_active="true", cert_1_last_rotated=BORN).evidence == ()


def test_unknown_columns_are_fine() -> None:
    assert one(**key("true", BORN, DAY), shoe_size="44").id == "access_key_1"


STATUSES = {"Active": "on", "Inactive": "off", "Expired": "off", "Resting": "on"}


@pytest.mark.parametrize(("status", "means"), [*STATUSES.items()])
def test_ssh_keys_and_service_credentials(status: str, means: str) -> None:
    ssh = transform_ssh_key({"SSHPublicKeyId": "APKA1", "Status": status, "UploadDate": AT})
    item = {"ServiceSpecificCredentialId": "ACCA1", "Status": status, "CreateDate": AT}
    service = transform_service_credential(item, NOW)
    assert (ssh.kind, ssh.id, ssh.status, ssh.created, ssh.evidence) == ("ssh-key", "APKA1", means, AT, ())
    assert (service.kind, service.id, service.status) == ("service-specific-credential", "ACCA1", means)
    assert {ssh.kind, service.kind} < set(KINDS)
    assert transform_service_credential({**item, "ExpirationDate": NOW}, NOW).status == "off"
    assert transform_service_credential({**item, "ExpirationDate": NOW + DAYS}, NOW).status == means


def test_a_user_without_a_row_holds_something_unknown() -> None:
    held = missing_row("no row")
    assert held.status == "on"
    assert isinstance(held.evidence[0], Unknown)
