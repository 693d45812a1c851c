"""Actions on aws.iam-user: mark, unmark, disable, enable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from c7n.utils import local_session, type_schema

from custom_filters.aws import advisor
from custom_filters.aws.client import aws_client
from custom_filters.aws.cloudtrail import Trail
from custom_filters.aws.filters import IamUserUnusedCredentials
from custom_filters.aws.hands import ERRORS, AwsHands
from custom_filters.aws.restoring import restore
from custom_filters.aws.tagging import drop_tags
from custom_filters.aws.users import Listing, forget_listing, shared_listing, tags_of
from custom_filters.core.actionlog import Action
from custom_filters.core.credential import Identity
from custom_filters.core.exemption import Exemption
from custom_filters.core.judge import judge_identity
from custom_filters.core.retire import Target, release, retire
from custom_filters.custodian import clock
from custom_filters.custodian.actions import UnusedAction
from custom_filters.custodian.markers import marked_tag
from custom_filters.custodian.store import forget, shared
from custom_filters.custodian.validation import has_unused_filter, unused_filter

_TAG = {"type": "string", "minLength": 1, "maxLength": 128}

_FRESH_READ_AND_TAGS = (
    "sts:GetCallerIdentity",
    "iam:GetUser",
    "iam:GetLoginProfile",
    "iam:ListAccessKeys",
    "iam:GetAccessKeyLastUsed",
    "iam:ListSSHPublicKeys",
    "iam:ListServiceSpecificCredentials",
    "iam:ListSigningCertificates",
    "iam:TagUser",
    "iam:UntagUser",
)


class IamUserAction(UnusedAction):
    """What our actions on IAM users share: client, caller, the users as the policy's filter saw them."""

    now: datetime
    iam: Any
    listing: Listing
    known: Mapping[str, Identity]
    filter: IamUserUnusedCredentials | None

    def endpoint(self) -> str:
        """IAM's URL."""
        return str(aws_client(self.manager).meta.endpoint_url)

    def caller(self) -> str:
        """The ARN that acts."""
        return str(get_caller(self.manager)["Arn"])

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """Take client, listing and the filter's view of the users: their session belongs to this thread."""
        self.now = clock.now()
        self.iam = aws_client(self.manager)
        self.listing = shared_listing(self.manager)
        self.known = {r["UserName"]: _bare_identity(self.manager, r) for r in resources}
        self.filter = None
        if has_unused_filter(self.manager.data):
            self.filter = IamUserUnusedCredentials(dict(unused_filter(self.manager.data)), self.manager)
            found = self.filter.identities(resources, self.now)
            self.known = {resource["UserName"]: identity for resource, identity in found}

    def tags(self, resource: Mapping[str, Any]) -> dict[str, str]:
        """The user's tags as this run listed them."""
        return tags_of(self.listing.by_name.get(resource["UserName"], resource))

    def hands(self) -> AwsHands:
        """What the order of checks works with, on the terms of the policy's filter."""
        data = self.filter.data if self.filter else {}
        asked = advisor.SOURCE in data.get("evidence", ())
        return AwsHands(
            iam=self.iam,
            tag=self.tag,
            now=self.now,
            exemption=self._exemption,
            quarantine=self.data.get("quarantine", False),
            trail=self._trail(data),
            advisor_timeout=data.get("advisor-timeout", advisor.DEFAULT_TIMEOUT) if asked else None,
            assume_advisor_complete=data.get("assume-advisor-complete", False),
        )

    def _exemption(self, identity: Identity, tags: Mapping[str, str]) -> Exemption | None:
        if self.filter is None:
            return None
        return self.filter.exemption(identity.account, identity.name, identity.id, tags, self.now)

    def _trail(self, data: Mapping[str, Any]) -> Trail | None:
        regions = self.data.get("cloudtrail-veto", ())
        if not regions:
            return None
        return Trail({r: aws_client(self.manager, "cloudtrail", r) for r in regions}, data.get("days", 90))

    def finish(self) -> None:
        """The next policy of this run must see what was changed."""
        forget_listing(self.manager)


def get_caller(manager: Any) -> dict[str, Any]:
    """sts:GetCallerIdentity, asked once a run."""
    session = local_session(manager.session_factory)
    identity: dict[str, Any] = shared(
        session, ("caller",), lambda: aws_client(manager, "sts").get_caller_identity()
    )
    return identity


def _bare_identity(manager: Any, resource: Mapping[str, Any]) -> Identity:
    return Identity("aws", manager.config.account_id, resource["UserName"], resource["UserId"], ())


class DisableUnused(IamUserAction):
    """Switch off credentials of IAM users that nobody uses, each after a fresh look at it.

    Access keys, SSH keys, service-specific credentials and certificates become Inactive. The login profile is
    deleted, which cannot be undone; with `quarantine: true` an inline policy denies the user everything
    instead. What was on is recorded in the user's tags first. Users are left alone who are root, the caller,
    exempt, privileged (unless `include-admins`), not marked as due (unless `require-mark: false`), or seen by
    CloudTrail in the Regions of `cloudtrail-veto`.

    :example:

    .. code-block:: yaml

        policies:
          - name: aws-iam-user-unused-disable
            resource: aws.iam-user
            source: unused-bulk
            max-resources: 100
            filters:
              - type: unused-mark
                state: due
                op: disable-unused
                tag: c7n-unused
              - type: unused-credentials
                days: 90
                exemptions: exemptions.yml
            actions:
              - type: disable-unused
                tag: c7n-unused
    """

    schema = type_schema(
        "disable-unused",
        **{
            "tag": _TAG,
            "quarantine": {"type": "boolean"},
            "include-admins": {"type": "boolean"},
            "require-mark": {"type": "boolean"},
            "cloudtrail-veto": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        },
    )
    permissions = (
        *_FRESH_READ_AND_TAGS,
        "iam:UpdateAccessKey",
        "iam:UpdateSSHPublicKey",
        "iam:UpdateServiceSpecificCredential",
        "iam:UpdateSigningCertificate",
    )

    def get_permissions(self) -> tuple[str, ...]:
        """The calls that these options lead to."""
        password = (
            ("iam:PutUserPolicy", "iam:GetUserPolicy")
            if self.data.get("quarantine")
            else ("iam:DeleteLoginProfile",)
        )
        trail = ("cloudtrail:LookupEvents",) if self.data.get("cloudtrail-veto") else ()
        return self.permissions + password + trail

    def option_problem(self) -> str | None:
        """A quarantine denies the whole user, so all of its credentials must be unused."""
        data = unused_filter(self.manager.data) if has_unused_filter(self.manager.data) else {}
        if self.data.get("quarantine") and data.get("match") == "credential":
            return "disable-unused: `quarantine: true` denies the whole user and needs `match: user`"
        if not data:
            return "disable-unused needs an 'unused-credentials' filter in its policy"
        return None

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """Read the exemptions again, whatever was read before in this run."""
        forget(
            local_session(self.manager.session_factory),
            ("exemptions", unused_filter(self.manager.data).get("exemptions")),
        )
        super().prepare(resources)
        self._hands = self.hands()
        self._caller = get_caller(self.manager)

    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """One user, by DESIGN's order of checks."""
        mark = self.tags(resource).get(self.tag)
        target = Target(self.known[resource["UserName"]], mark, self._protected(resource))
        return retire(target, self.terms(), self._hands, self.now)

    def _protected(self, resource: Mapping[str, Any]) -> str | None:
        if resource["Arn"].endswith(":root"):
            return "root is never touched"
        if self._caller["UserId"] == resource["UserId"] or self._caller["Arn"] == resource["Arn"]:
            return "it is the identity that runs this policy"
        return None


class UnmarkUnused(IamUserAction):
    """Take the mark off users who came back; under `match: credential`, off the credentials that did.

    :example:

    .. code-block:: yaml

        policies:
          - name: aws-iam-user-unused-unmark
            resource: aws.iam-user
            source: unused-bulk
            filters:
              - type: unused-credentials
                days: 76
                verdicts: [active, new, exempt, no-credentials]
                exemptions: exemptions.yml
            actions:
              - type: unmark-unused
                tag: c7n-unused
    """

    schema = type_schema("unmark-unused", tag=_TAG)
    permissions = _FRESH_READ_AND_TAGS

    def prepare(self, resources: list[dict[str, Any]]) -> None:
        """See IamUserAction; the credentials may have to be read one by one."""
        super().prepare(resources)
        self._hands = self.hands()

    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """One user; nothing is done where there is no mark."""
        identity, tags = self.known[resource["UserName"]], self.tags(resource)
        if self.tag not in tags and marked_tag(self.tag) not in tags:
            return
        try:
            yield from self._release(identity, tags)
        except ERRORS as error:
            yield _action("unmark", "failed", identity, str(error))

    def _release(self, identity: Identity, tags: Mapping[str, str]) -> Iterator[Action]:
        by_credential = has_unused_filter(self.manager.data) and self.terms().match == "credential"
        fresh = self._hands.fresh(Target(identity, tags.get(self.tag))) if by_credential else None
        if fresh is not None and fresh.marked is not None:
            judged = judge_identity(fresh.identity, self.terms().rules, self.now)
            yield from release(fresh, judged, "credential", self._hands)
            return
        drop_tags(self.iam, identity.name, tags, self.tag, marked_tag(self.tag))
        yield replace(_action("unmark", "done", identity, "no longer unused"), before=tags.get(self.tag))


class EnableUnused(IamUserAction):
    """Switch on again exactly what the user's restore record says that we switched off.

    A deleted password cannot be undone; the action log says how to set a new one. With `record` (a list of
    kind=id, as a run's action log has it) nothing is done where the record in the cloud says otherwise.

    :example:

    .. code-block:: yaml

        policies:
          - name: aws-iam-user-restore
            resource: aws.iam-user
            source: unused-bulk
            filters:
              - UserName: jane.doe
            actions:
              - type: enable-unused
    """

    schema = type_schema(
        "enable-unused",
        tag=_TAG,
        record={"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    )
    permissions = (
        "sts:GetCallerIdentity",
        "iam:GetUser",
        "iam:TagUser",
        "iam:UntagUser",
        "iam:UpdateAccessKey",
        "iam:UpdateSSHPublicKey",
        "iam:UpdateServiceSpecificCredential",
        "iam:UpdateSigningCertificate",
        "iam:DeleteUserPolicy",
    )

    def act(self, resource: dict[str, Any]) -> Iterator[Action]:
        """One user, from a fresh read of its tags."""
        identity = self.known[resource["UserName"]]
        expected = self.data.get("record")
        return restore(self.iam, identity, self.tag, expected, self.now)


def _action(operation: str, result: Any, identity: Identity, reason: str) -> Action:
    return Action(operation, result, identity.provider, identity.account, identity.name, identity.id, reason)
