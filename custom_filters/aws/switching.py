"""Switching one credential of an IAM user off or on."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from custom_filters.aws.client import found_or_none
from custom_filters.aws.credentials import ACCESS_KEY, CERTIFICATE, PASSWORD, SERVICE_CREDENTIAL, SSH_KEY
from custom_filters.aws.quarantine import QUARANTINE, quarantine_document
from custom_filters.core.notes import Item
from custom_filters.core.notes_writing import NotesError


def switch_off(iam: Any, name: str, item: Item, now: datetime, *, quarantine: bool) -> str:
    """Set a credential to Inactive; delete a password, or with quarantine deny the user everything."""
    if item.kind == PASSWORD and quarantine:
        document = json.dumps(quarantine_document(now))
        iam.put_user_policy(UserName=name, PolicyName=QUARANTINE, PolicyDocument=document)
        return f"c7n-unused restore: delete the inline policy {QUARANTINE} of {name}"
    if item.kind == PASSWORD:
        found_or_none(lambda: iam.delete_login_profile(UserName=name))
        return f"a deleted password cannot be restored; {new_password(name)}"
    set_status(iam, name, item, "Inactive")
    return f"c7n-unused restore: set {item.kind} {item.id} of {name} to Active"


def switch_on(iam: Any, name: str, item: Item) -> None:
    """Undo `switch_off`; for a password only the quarantine can be undone."""
    if item.kind == PASSWORD:
        found_or_none(lambda: iam.delete_user_policy(UserName=name, PolicyName=QUARANTINE))
    else:
        set_status(iam, name, item, "Active")


def new_password(name: str) -> str:
    """The command that gives a user a password again."""
    return (
        f"set a new one with: aws iam create-login-profile --user-name '{name}' "
        "--password-reset-required --password ..."
    )


#: Kind -> IAM's call that sets its status, and the name of its id there.
_CALLS = {
    ACCESS_KEY: ("update_access_key", "AccessKeyId"),
    SSH_KEY: ("update_ssh_public_key", "SSHPublicKeyId"),
    SERVICE_CREDENTIAL: ("update_service_specific_credential", "ServiceSpecificCredentialId"),
    CERTIFICATE: ("update_signing_certificate", "CertificateId"),
}


def set_status(iam: Any, name: str, item: Item, status: str) -> None:
    """Set a key, a service-specific credential or a certificate to Active or Inactive; idempotent.

    Raises NotesError for a kind that has no status: a record that somebody edited may name anything.
    """
    if item.kind not in _CALLS:
        raise NotesError(
            f"{item.kind}={item.id} is not a credential that can be set to {status}; mend the record"
        )
    method, parameter = _CALLS[item.kind]
    getattr(iam, method)(UserName=name, Status=status, **{parameter: item.id})
