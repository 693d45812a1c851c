"""The resource kind aws.iam-user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError
from c7n.utils import local_session

from custom_filters.aws import advisor
from custom_filters.aws.client import aws_client
from custom_filters.aws.cloudtrail import Trail
from custom_filters.aws.credentials import ACCESS_KEY, KINDS, LAST_USED, PASSWORD, WITHOUT_LAST_USED
from custom_filters.aws.fresh import get_fresh_user
from custom_filters.aws.identities import with_advice
from custom_filters.aws.judging import Judging
from custom_filters.aws.notes import (
    MOST_TAGS,
    QUARANTINE_ITEM,
    put_tags,
    value_problem,
    with_other_records,
    with_restored,
)
from custom_filters.aws.source import NAME
from custom_filters.aws.switching import switch_off, switch_on
from custom_filters.aws.users import forget_listing, get_user, shared_listing, tags_of
from custom_filters.core.credential import Credential, Identity
from custom_filters.core.policy_data import unused_filter
from custom_filters.core.record import Item, RecordError
from custom_filters.core.vocabulary import (
    AWS,
    DISABLE,
    ENABLE,
    FILTER,
    MARK,
    MARK_FILTER,
    RECORD_TAG,
    UNMARK,
)
from custom_filters.custodian.kind import Fresh, Kind, Notes, NotesChange, Resource, Schema, Selected
from custom_filters.custodian.store import shared

_LIST = ("iam:ListUsers", "iam:GetAccountAuthorizationDetails", "iam:GetUser")
_FRESH = (
    "iam:GetLoginProfile",
    "iam:ListAccessKeys",
    "iam:GetAccessKeyLastUsed",
    "iam:ListSSHPublicKeys",
    "iam:ListServiceSpecificCredentials",
    "iam:ListSigningCertificates",
)
_REPORT = ("iam:GenerateCredentialReport", "iam:GetCredentialReport")
_TAGS = ("sts:GetCallerIdentity", "iam:GetUser", "iam:TagUser", "iam:UntagUser")
_STATUS = (
    "iam:UpdateAccessKey",
    "iam:UpdateSSHPublicKey",
    "iam:UpdateServiceSpecificCredential",
    "iam:UpdateSigningCertificate",
)
_ADVISOR = ("iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails")


class IamUser(Kind):
    """IAM users: passwords, keys and certificates; notes are tags, off is Inactive."""

    resource = "aws.iam-user"
    provider = AWS
    plural = "IAM users"
    name_key = "UserName"
    source = NAME
    credential_kinds = KINDS
    sources = (LAST_USED, advisor.SOURCE)
    default_sources = (LAST_USED,)
    errors = (ClientError, BotoCoreError, RecordError)
    note_parts = MOST_TAGS
    options: ClassVar[Mapping[str, Mapping[str, Schema]]] = {
        FILTER: {
            "owner-tags": {"type": "array", "items": {"type": "string"}},
            "assume-advisor-complete": {"type": "boolean"},
            "report-timeout": {"type": "number", "minimum": 0},
            "report-max-age": {"type": "number", "minimum": 0},
            "advisor-timeout": {"type": "number", "minimum": 0},
        },
        DISABLE: {
            "quarantine": {"type": "boolean"},
            "cloudtrail-veto": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        },
    }
    texts: ClassVar[Mapping[str, str]] = {
        FILTER: "Reads the account in bulk (ListUsers, GetAccountAuthorizationDetails, the credential "
        "report) and asks further only for users who are not plainly active. `report-timeout`, "
        "`report-max-age` and `advisor-timeout` are in seconds. Users that cannot be judged get "
        "the verdict `unknown`; a failing call fails the policy.",
        DISABLE: "Access keys, SSH keys, service-specific credentials and certificates become Inactive. The "
        "login profile is deleted, which cannot be undone; with `quarantine: true` an inline policy denies "
        "the user everything instead. Root, the caller, and users seen by CloudTrail in the Regions of "
        "`cloudtrail-veto` are left alone.",
        ENABLE: "A deleted password cannot be undone; the action log says how to set a new one.",
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        FILTER: (*_LIST, *_REPORT, *_FRESH),
        MARK_FILTER: _LIST,
        MARK: ("sts:GetCallerIdentity", "iam:GetUser", "iam:TagUser", *_FRESH),
        UNMARK: ("sts:GetCallerIdentity", "iam:GetUser", "iam:TagUser", *_FRESH),
        DISABLE: (*_TAGS, *_FRESH, *_STATUS),
        ENABLE: (*_TAGS, *_STATUS, "iam:DeleteUserPolicy"),
    }

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Make the clients, whose session belongs to this thread."""
        super().__init__(manager, filter_data, action)
        self.iam = aws_client(manager)
        regions = self.request.action.get("cloudtrail-veto", ())
        clients = {region: aws_client(manager, "cloudtrail", region) for region in regions}
        self._trail = Trail(clients, self.request.rules.days) if clients else None

    @classmethod
    def permissions_for(cls, word: str, data: Mapping[str, Any]) -> tuple[str, ...]:
        """The calls that these options lead to."""
        needed = cls.permissions[word]
        if word == FILTER and advisor.SOURCE in data.get("evidence", cls.default_sources):
            needed += _ADVISOR
        if word == DISABLE:
            quarantine = ("iam:PutUserPolicy", "iam:GetUserPolicy")
            needed += quarantine if data.get("quarantine") else ("iam:DeleteLoginProfile",)
            needed += ("cloudtrail:LookupEvents",) if data.get("cloudtrail-veto") else ()
        return needed

    @classmethod
    def problem(cls, word: str, data: Mapping[str, Any], policy: Mapping[str, Any]) -> str | None:
        """An option that would do nothing; a quarantine, which denies the whole user, for one credential."""
        asked = data.get("evidence", cls.default_sources)
        if word == FILTER and data.get("assume-advisor-complete") and advisor.SOURCE not in asked:
            return f"assume-advisor-complete needs {advisor.SOURCE} in `evidence:` of {FILTER!r}"
        by_credential = unused_filter(policy).get("match") == "credential"
        if word == DISABLE and data.get("quarantine") and by_credential:
            return "disable-unused: `quarantine: true` denies the whole user and needs `match: user`"
        return None

    @classmethod
    def note_problem(cls, text: str) -> str | None:
        """See value_problem."""
        return value_problem(text)

    def prepare(self, word: str) -> None:
        """Who acts is never touched."""
        self._caller  # noqa: B018 (asked in this thread)

    @cached_property
    def _caller(self) -> dict[str, Any]:
        session = local_session(self.manager.session_factory)
        sts = aws_client(self.manager, "sts")
        found: dict[str, Any] = shared(session, ("caller",), sts.get_caller_identity)
        return found

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """See Judging."""
        known = Judging(self.manager, self.request, now).identities(resources)
        for resource in resources:
            yield resource, known[resource["UserName"]]

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """By name and id."""
        return Identity(AWS, self.manager.config.account_id, resource["UserName"], resource["UserId"], ())

    def notes(self, resource: Mapping[str, Any]) -> Notes:
        """From the tags of the shared listing."""
        return tags_of(shared_listing(self.manager).by_name.get(resource["UserName"], resource))

    def protected(self, resource: Mapping[str, Any]) -> str | None:
        """Root, and who acts."""
        if resource["Arn"].endswith(":root"):
            return "root is never touched"
        if self._caller["UserId"] == resource["UserId"] or self._caller["Arn"] == resource["Arn"]:
            return "it is the identity that runs this policy"
        return None

    def current(self, selected: Selected) -> Fresh | None:
        """GetUser; another user of the same name does not count."""
        user = get_user(self.iam, selected.identity.name)
        if user is None or user["UserId"] != selected.identity.id:
            return None
        return Fresh(user, selected.identity, tags_of(user))

    def fresh(self, selected: Selected, now: datetime) -> Fresh | None:
        """See get_fresh_user; Access Advisor is asked again where the policy asks for it."""
        known, request = selected.identity, self.request
        found = get_fresh_user(self.iam, known, now)
        if found is None:
            return None
        tags = tags_of(found.user)
        identity = replace(
            known,
            credentials=with_restored(found.credentials, tags),
            exemption=request.exemption(known.account, known.name, known.id, tags, now),
            evidence=(),
            incomplete=None,
        )
        if advisor.SOURCE in request.evidence:
            identity = self._advised(identity, found.user["Arn"], now)
        return Fresh(dict(found.user), identity, tags)

    def _advised(self, identity: Identity, arn: str, now: datetime) -> Identity:
        asked = self.request.filter
        timeout = asked.get("advisor-timeout", advisor.DEFAULT_TIMEOUT)
        advice = advisor.get_advice(self.iam, {identity.name: arn}, now, timeout)[identity.name]
        assume = bool(asked.get("assume-advisor-complete"))
        return with_advice(identity, advice, assume_complete=assume, covered=WITHOUT_LAST_USED)

    def recent(self, fresh: Fresh, credential: Credential, now: datetime) -> str | None:
        """CloudTrail saw the user act by this credential, or by something that it cannot tell apart."""
        if self._trail is None:
            return None
        others = {c.id for c in fresh.identity.credentials if c.kind == ACCESS_KEY} - {credential.id}
        return self._trail.seen(fresh.identity.name, others, now)

    def write_notes(self, changes: Sequence[NotesChange]) -> list[Exception | None]:
        """One TagUser or UntagUser each."""
        return [self._write(change) for change in changes]

    def _write(self, change: NotesChange) -> Exception | None:
        name = change.of.identity.name
        try:
            if change.put:
                self._put(change)
            if change.drop:
                self.iam.untag_user(UserName=name, TagKeys=sorted(change.drop))
        except self.errors as error:
            return error
        return None

    def _put(self, change: NotesChange) -> None:
        put, present = dict(change.put), change.of.notes
        if RECORD_TAG in put:  # another run may have recorded something since the fresh read
            now = self.current(change.of)
            if now is None:
                raise RecordError("the user was deleted meanwhile")
            put, present = with_other_records(put, now.notes), now.notes
        put_tags(self.iam, change.of.identity.name, put, present)

    def recorded_as(self, credential: Credential) -> Item:
        """With quarantine the password stays; what is put and recorded is the policy that denies all."""
        quarantined = self.request.action.get("quarantine") and credential.kind == PASSWORD
        return QUARANTINE_ITEM if quarantined else super().recorded_as(credential)

    def switch_off(self, fresh: Fresh, credential: Credential, now: datetime) -> str:
        """See `switching`."""
        return switch_off(self.iam, fresh.identity.name, self.recorded_as(credential), now)

    def switch_on(self, fresh: Fresh, item: Item) -> str | None:
        """See `switching`."""
        return switch_on(self.iam, fresh.identity.name, item)

    def caller(self) -> str:
        """The ARN that acts."""
        return str(self._caller["Arn"])

    def endpoint(self) -> str:
        """IAM's URL."""
        return str(self.iam.meta.endpoint_url)

    def forget(self) -> None:
        """List the account again."""
        forget_listing(self.manager)
