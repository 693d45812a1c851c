"""What `disable-unused` does on AWS: the fresh read, the record, the change and the mark."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from custom_filters.aws import advisor
from custom_filters.aws.cloudtrail import Trail
from custom_filters.aws.credentials import (
    ACCESS_KEY,
    CERTIFICATE,
    PASSWORD,
    SERVICE_CREDENTIAL,
    SSH_KEY,
    WITHOUT_LAST_USED,
)
from custom_filters.aws.fresh import found_or_none, get_fresh_user
from custom_filters.aws.identities import with_advice
from custom_filters.aws.markers import QUARANTINE, QUARANTINE_ITEM, with_restored
from custom_filters.aws.tagging import drop_tags, put_tags, record_tags
from custom_filters.aws.users import get_user, tags_of
from custom_filters.core.credential import Credential, Identity
from custom_filters.core.exemption import Exemption
from custom_filters.core.record import Item, Record, RecordError, record_in_tags
from custom_filters.core.retire import Fresh, Hands, Target
from custom_filters.core.times import format_time
from custom_filters.custodian.markers import RECORD_TAG, marked_tag

#: What fails one user and not the run.
ERRORS: tuple[type[Exception], ...] = (ClientError, BotoCoreError, RecordError)


@dataclass(frozen=True)
class AwsFresh(Fresh):
    """A fresh read with the user's tags."""

    tags: Mapping[str, str]


@dataclass(frozen=True)
class AwsHands(Hands):
    """IAM, lent to `core.retire`.

    `exemption` reads the exemption of a user with these tags; `trail` is None without `cloudtrail-veto`;
    `advisor_timeout` (seconds) is None when Access Advisor was not asked for.
    """

    iam: Any
    tag: str
    now: datetime
    exemption: Callable[[Identity, Mapping[str, str]], Exemption | None]
    quarantine: bool = False
    trail: Trail | None = None
    advisor_timeout: float | None = None
    assume_advisor_complete: bool = False

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What boto3 raises, and records that do not fit."""
        return ERRORS

    def fresh(self, target: Target) -> AwsFresh | None:
        """See get_fresh_user."""
        known = target.identity
        found = get_fresh_user(self.iam, known, self.now)
        if found is None:
            return None
        return self._assembled(known, found.credentials, tags_of(found.user), found.user["Arn"])

    def _assembled(
        self, known: Identity, credentials: list[Credential], tags: Mapping[str, str], arn: str
    ) -> AwsFresh:
        identity = replace(
            known,
            credentials=tuple(with_restored(credentials, tags)),
            exemption=self.exemption(known, tags),
            evidence=(),
            incomplete=None,
        )
        if self.advisor_timeout is not None:
            advice = advisor.get_advice(self.iam, {known.name: arn}, self.now, self.advisor_timeout)[
                known.name
            ]
            identity = with_advice(
                identity, advice, assume_complete=self.assume_advisor_complete, covered=WITHOUT_LAST_USED
            )
        return AwsFresh(
            identity=identity,
            mark=tags.get(self.tag),
            marked=record_in_tags(tags, marked_tag(self.tag)),
            record=record_in_tags(tags, RECORD_TAG),
            tags=tags,
        )

    def veto(self, fresh: Fresh, credential: Credential) -> str | None:
        """CloudTrail saw the user act by this credential, or by something that it cannot tell apart."""
        if self.trail is None:
            return None
        others = {c.id for c in fresh.identity.credentials if c.kind == ACCESS_KEY} - {credential.id}
        return self.trail.seen(fresh.identity.name, others, self.now)

    def write_record(self, fresh: Fresh, record: Record) -> None:
        """One TagUser, before the first change; what another run recorded since the fresh read stays in."""
        name = fresh.identity.name
        user = get_user(self.iam, name)
        if user is None or user["UserId"] != fresh.identity.id:
            raise RecordError("the user was deleted meanwhile")
        tags = tags_of(user)
        theirs = record_in_tags(tags, RECORD_TAG)
        record = replace(record, items=record.items | (theirs.items if theirs else frozenset()))
        put_tags(self.iam, name, record_tags(RECORD_TAG, record, tags))

    def unmark(self, fresh: Fresh, keep: Record | None) -> None:
        """Remove the mark; or, with `keep`, shorten the list of marked credentials."""
        name = fresh.identity.name
        if keep is None:
            drop_tags(self.iam, name, _tags(fresh), self.tag, marked_tag(self.tag))
            return
        put_tags(self.iam, name, record_tags(marked_tag(self.tag), keep, _tags(fresh)))

    def recorded_as(self, credential: Credential) -> Item:
        """With quarantine the password stays; what is put and recorded is the policy that denies all."""
        if self.quarantine and credential.kind == PASSWORD:
            return QUARANTINE_ITEM
        return super().recorded_as(credential)

    def switch_off(self, fresh: Fresh, credential: Credential) -> str:
        """Inactive where IAM knows that; a password is deleted, or with quarantine the user denied."""
        name, key = fresh.identity.name, credential.id
        if credential.kind == PASSWORD:
            return self._quarantine(name) if self.quarantine else self._delete_password(name)
        set_status(self.iam, name, credential.kind, key, "Inactive")
        return f"c7n-unused restore: set {credential.kind} {key} of {name} to Active"

    def _delete_password(self, name: str) -> str:
        found_or_none(lambda: self.iam.delete_login_profile(UserName=name))
        return f"a deleted password cannot be restored; {new_password(name)}"

    def _quarantine(self, name: str) -> str:
        document = quarantine_document(self.now)
        self.iam.put_user_policy(UserName=name, PolicyName=QUARANTINE, PolicyDocument=json.dumps(document))
        return f"c7n-unused restore: delete the inline policy {QUARANTINE} of {name}"


def _tags(fresh: Fresh) -> Mapping[str, str]:
    assert isinstance(fresh, AwsFresh)  # noqa: S101 (narrows the type: we made it)
    return fresh.tags


def new_password(name: str) -> str:
    """How an administrator gives a user a password again."""
    return (
        f"set a new one with: aws iam create-login-profile --user-name '{name}' "
        "--password-reset-required --password ..."
    )


def set_status(iam: Any, name: str, kind: str, key: str, status: str) -> None:
    """Set a key, a service-specific credential or a certificate to Active or Inactive; idempotent.

    Raises RecordError for a kind that has no status: a record that somebody edited may name anything.
    """
    calls: dict[str, Callable[[], Any]] = {
        ACCESS_KEY: lambda: iam.update_access_key(UserName=name, AccessKeyId=key, Status=status),
        SSH_KEY: lambda: iam.update_ssh_public_key(UserName=name, SSHPublicKeyId=key, Status=status),
        SERVICE_CREDENTIAL: lambda: iam.update_service_specific_credential(
            UserName=name, ServiceSpecificCredentialId=key, Status=status
        ),
        CERTIFICATE: lambda: iam.update_signing_certificate(UserName=name, CertificateId=key, Status=status),
    }
    if kind not in calls:
        raise RecordError(f"{kind}={key} is no credential that could be set to {status}; correct the record")
    calls[kind]()


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
