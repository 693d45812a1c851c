"""Switching one credential of an IAM user off or on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from custom_filters.aws.client import found_or_none
from custom_filters.aws.credentials import ACCESS_KEY, CERTIFICATE, PASSWORD, SERVICE_CREDENTIAL, SSH_KEY
from custom_filters.aws.notes import QUARANTINE, QUARANTINE_ITEM
from custom_filters.core.record import Item, RecordError
from custom_filters.core.times import format_time


def switch_off(iam: Any, name: str, item: Item, now: datetime) -> str:
    """Inactive where IAM knows that; a password is deleted, or with quarantine the user denied."""
    if item == QUARANTINE_ITEM:
        document = json.dumps(quarantine_document(now))
        iam.put_user_policy(UserName=name, PolicyName=QUARANTINE, PolicyDocument=document)
        return f"c7n-unused restore: delete the inline policy {QUARANTINE} of {name}"
    if item.kind == PASSWORD:
        found_or_none(lambda: iam.delete_login_profile(UserName=name))
        return f"a deleted password cannot be restored; {new_password(name)}"
    set_status(iam, name, item, "Inactive")
    return f"c7n-unused restore: set {item.kind} {item.id} of {name} to Active"


def switch_on(iam: Any, name: str, item: Item) -> str | None:
    """Undo `switch_off`; why there is nothing to undo, or None."""
    if item.kind == PASSWORD:
        return f"a deleted password cannot be restored; {new_password(name)}"
    return None if found_or_none(lambda: _undo(iam, name, item)) else "it was deleted meanwhile"


def _undo(iam: Any, name: str, item: Item) -> bool:
    if item == QUARANTINE_ITEM:
        iam.delete_user_policy(UserName=name, PolicyName=item.id)
    else:
        set_status(iam, name, item, "Active")
    return True


def new_password(name: str) -> str:
    """How an administrator gives a user a password again."""
    return (
        f"set a new one with: aws iam create-login-profile --user-name '{name}' "
        "--password-reset-required --password ..."
    )


def set_status(iam: Any, name: str, item: Item, status: str) -> None:
    """Set a key, a service-specific credential or a certificate to Active or Inactive; idempotent.

    Raises RecordError for a kind that has no status: a record that somebody edited may name anything.
    """
    key = item.id
    calls: dict[str, Callable[[], Any]] = {
        ACCESS_KEY: lambda: iam.update_access_key(UserName=name, AccessKeyId=key, Status=status),
        SSH_KEY: lambda: iam.update_ssh_public_key(UserName=name, SSHPublicKeyId=key, Status=status),
        SERVICE_CREDENTIAL: lambda: iam.update_service_specific_credential(
            UserName=name, ServiceSpecificCredentialId=key, Status=status
        ),
        CERTIFICATE: lambda: iam.update_signing_certificate(UserName=name, CertificateId=key, Status=status),
    }
    if item.kind not in calls:
        raise RecordError(
            f"{item.kind}={key} is no credential that could be set to {status}; correct the record"
        )
    calls[item.kind]()


def quarantine_document(now: datetime) -> dict[str, Any]:
    """Deny everything, and everything to sessions that were opened before now, which outlive the policy."""
    older = {"DateLessThan": {"aws:TokenIssueTime": format_time(now.replace(microsecond=0))}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Quarantine", "Effect": "Deny", "Action": "*", "Resource": "*"},
            {"Sid": "OlderSessions", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": older},
        ],
    }
