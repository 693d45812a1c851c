"""Turns AWS's data into credentials: rows of the credential report, SSH keys and the like."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from custom_filters.core.credential import Credential, Status
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, read_use
from custom_filters.core.times import parse_time, to_utc

PASSWORD = "password"
ACCESS_KEY = "access-key"
SSH_KEY = "ssh-key"
SERVICE_CREDENTIAL = "service-specific-credential"
CERTIFICATE = "signing-certificate"
KINDS = (PASSWORD, ACCESS_KEY, SSH_KEY, SERVICE_CREDENTIAL, CERTIFICATE)

#: Kinds whose last use AWS does not keep.
WITHOUT_LAST_USED = frozenset({SSH_KEY, SERVICE_CREDENTIAL, CERTIFICATE})

LAST_USED = "last-used"
#: Texts of the report that stand for "nothing": never used, or does not apply.
_NOTHING = frozenset({"N/A", "n/a", "no_information", "not_supported"})


def transform_row(row: Mapping[str, str], generated: datetime, now: datetime) -> list[Credential]:
    """The password, access keys and certificates of a user's row; an empty slot is left out."""
    found = [_password(row, generated, now)]
    found += [_access_key(row, n, generated, now) for n in (1, 2)]
    found += [_certificate(row, n) for n in (1, 2)]
    return [credential for credential in found if credential]


def _password(row: Mapping[str, str], generated: datetime, now: datetime) -> Credential | None:
    """CIS: a password without a last use is as old as its last change. No login profile, no password."""
    if _is_off(row["password_enabled"]):
        return None
    changed, problem = _date(row["password_last_changed"], "password_last_changed")
    evidence = _last_used(row["password_last_used"], changed, generated, now)
    return Credential(PASSWORD, PASSWORD, "on", changed, (evidence,), changed, age_problem=problem)


def _access_key(row: Mapping[str, str], n: int, generated: datetime, now: datetime) -> Credential | None:
    slot = f"access_key_{n}"
    active, rotated = row[f"{slot}_active"], row[f"{slot}_last_rotated"]
    if _is_off(active) and rotated in _NOTHING:
        return None
    date, problem = _date(rotated, f"{slot}_last_rotated")
    evidence = _last_used(row[f"{slot}_last_used_date"], date, generated, now)
    return Credential(ACCESS_KEY, slot, _status(active), date, (evidence,), date, age_problem=problem)


def _certificate(row: Mapping[str, str], n: int) -> Credential | None:
    active, rotated = row[f"cert_{n}_active"], row[f"cert_{n}_last_rotated"]
    if _is_off(active) and rotated in _NOTHING:
        return None
    date, problem = _date(rotated, f"cert_{n}_last_rotated")
    return Credential(CERTIFICATE, f"cert_{n}", _status(active), date, (), date, age_problem=problem)


def _last_used(text: str, born: datetime | None, generated: datetime, now: datetime) -> Evidence:
    if text in _NOTHING:
        return NeverUsed(born, LAST_USED, observed_at=generated, value=text)
    return read_use(text, LAST_USED, now=now, observed_at=generated)


def _is_off(text: str) -> bool:
    """Only a plain "no" is off; an unknown text counts as on and is judged by its evidence."""
    return text.lower() in {"false", "not_supported", "n/a"}


def _status(text: str) -> Status:
    return "off" if _is_off(text) else "on"


def _date(text: str, column: str) -> tuple[datetime | None, str | None]:
    if text in _NOTHING:
        return None, None
    try:
        return parse_time(text), None
    except ValueError as error:
        return None, f"{column}: {error}"


def transform_ssh_key(key: Mapping[str, Any]) -> Credential:
    """An SSHPublicKeyMetadata of ListSSHPublicKeys; AWS keeps no last use of it."""
    uploaded = to_utc(key["UploadDate"])
    return Credential(SSH_KEY, key["SSHPublicKeyId"], status_of(key), uploaded, (), uploaded)


def transform_service_credential(item: Mapping[str, Any], now: datetime) -> Credential:
    """A ServiceSpecificCredentialMetadata (CodeCommit, Cassandra, Bedrock); AWS keeps no last use of it.

    One that has expired is off, whatever its status says so far.
    """
    created, ends = to_utc(item["CreateDate"]), item.get("ExpirationDate")
    status: Status = "off" if ends and to_utc(ends) <= now else status_of(item)
    return Credential(SERVICE_CREDENTIAL, item["ServiceSpecificCredentialId"], status, created, (), created)


def status_of(item: Mapping[str, Any]) -> Status:
    """Inactive and Expired are off; an unknown status counts as on, as in `_is_off`."""
    return "off" if item["Status"] in {"Inactive", "Expired"} else "on"


def missing_row(reason: str) -> Credential:
    """A placeholder for a user that the report says nothing about: a credential with unknown use."""
    return Credential(PASSWORD, PASSWORD, "on", None, (Unknown(reason, LAST_USED),))
