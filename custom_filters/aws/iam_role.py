"""The resource kind aws.iam-role."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from custom_filters.aws import advisor
from custom_filters.aws.aws_kind import AwsKind
from custom_filters.aws.client import found_or_none
from custom_filters.aws.cloudtrail import uses
from custom_filters.aws.credentials import LAST_USED
from custom_filters.aws.quarantine import QUARANTINE, denies_everything, is_ours, quarantine_document
from custom_filters.aws.recent import shared_trail
from custom_filters.aws.role_use import Running, Stacks, may_run, shared_running, shared_stacks
from custom_filters.aws.roles import (
    ROLE,
    RoleListing,
    anyone_may_assume,
    chain_of,
    forget_roles,
    get_inline_policies,
    get_role,
    named_by_trust,
    reserved,
    shared_roles,
    transform_role,
)
from custom_filters.aws.source import NAME
from custom_filters.aws.users import tags_of
from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence, Unknown
from custom_filters.core.judge import judge_identity
from custom_filters.core.lifecycle_states import Recent
from custom_filters.core.notes import Item
from custom_filters.core.verdict import UNUSED
from custom_filters.core.vocabulary import (
    ANNOTATION,
    AWS,
    DISABLE,
    ENABLE,
    FILTER,
    MARK,
    MARK_FILTER,
    RECORD_FILTER,
    RETIRE,
    UNMARK,
)
from custom_filters.custodian import clock
from custom_filters.custodian.kind import (
    Fresh,
    Notes,
    Resource,
    Schema,
    Selected,
    with_use,
)

log = logging.getLogger("custodian.unused.aws")

_ITEM = Item(ROLE, ROLE)
_LIST = ("iam:GetAccountAuthorizationDetails",)
_FRESH = ("sts:GetCallerIdentity", "iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy")
_TAG = (*_FRESH, "iam:TagRole")
_REGIONS = ("ec2:DescribeRegions",)
_RUNNING = (*_REGIONS, "ec2:DescribeIamInstanceProfileAssociations", "lambda:ListFunctions")
_STACKS = (*_REGIONS, "cloudformation:DescribeStackResources")
_ADVISOR = ("iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails")


class IamRole(AwsKind):
    """IAM roles: one credential each, the right to assume it; off is an inline policy that denies all."""

    resource = "aws.iam-role"
    plural = "IAM roles"
    name_key = "RoleName"
    source = NAME
    credential_kinds = (ROLE,)
    sources = (LAST_USED, advisor.SOURCE)
    default_sources = (LAST_USED,)
    options: ClassVar[Mapping[str, Mapping[str, Schema]]] = {
        FILTER: {
            "owner-tags": {"type": "array", "items": {"type": "string"}},
            "advisor-timeout": {"type": "number", "minimum": 0},
        },
        DISABLE: {"regions": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
    }
    texts: ClassVar[Mapping[str, str]] = {
        FILTER: "Reads all roles in pages (GetAccountAuthorizationDetails). AWS tracks the last use for 400 "
        "days: an older role without a date is stale, a younger one was never used. With `complete: true` "
        "roles that an instance (by its profile) or a Lambda function has are `unknown`, in all enabled "
        "Regions; what may not be read is told. `access-advisor` is asked about roles that look unused.",
        DISABLE: "An inline policy denies the role everything. CloudTrail is asked who assumed it lately, in "
        "all enabled Regions or in `regions`. Roles of AWS's own paths, of a CloudFormation stack, in the "
        "chain that runs this policy, or named by the trust of an exempt role are left alone.",
        ENABLE: "The inline policy is deleted, whatever it is called by now.",
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        FILTER: _LIST,
        MARK_FILTER: _LIST,
        RECORD_FILTER: _LIST,
        MARK: (*_TAG, *_STACKS),
        UNMARK: _TAG,
        RETIRE: _TAG,
        DISABLE: (*_TAG, *_STACKS, "iam:PutRolePolicy"),
        ENABLE: (*_TAG, "iam:DeleteRolePolicy"),
    }

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Nothing is known yet."""
        super().__init__(manager, filter_data, action)
        self._stacks: Stacks | None = None
        self._untouchable: dict[str, str] = {}
        self._protected: Mapping[str, str] = {}

    @classmethod
    def permissions_for(cls, word: str, data: Mapping[str, Any]) -> tuple[str, ...]:
        """The calls that these options lead to."""
        needed = cls.permissions[word]
        if word == FILTER:
            needed += _ADVISOR if advisor.SOURCE in data.get("evidence", ()) else ()
            needed += _RUNNING if data.get("complete") else ()
        if word == DISABLE and data.get("recent") != "off":
            needed += ("cloudtrail:LookupEvents", *_REGIONS)
        return needed

    def prepare(self, word: str) -> None:
        """Whom nobody may touch, from the listing; clients of other services are made in this thread."""
        self._caller  # noqa: B018 (asked in this thread)
        regions = self.request.action.get("regions")
        if word in {MARK, UNMARK, DISABLE}:
            self._untouchable, self._protected = self._kept(), self._listing.powers.protected
            self._running  # noqa: B018 (as above)
        if word in {MARK, DISABLE}:
            self._stacks = shared_stacks(self.manager, regions)
        if word == DISABLE and self.request.action.get("recent") != "off":
            self._trail = shared_trail(self.manager, tuple(regions) if regions else None)

    def _kept(self) -> dict[str, str]:
        """Why roles are never touched, by name: who acts, and the ways to roles that are exempt."""
        roles, now = self._listing.by_name, clock.now()
        exempt = [r for r in roles.values() if self._exempt(r, now)]
        found = {
            name: f"the trust of {other}, which is exempt, names it"
            for name, other in named_by_trust(exempt, roles)
        }
        return found | dict.fromkeys(
            chain_of(self.caller(), roles), "it is in the chain that runs this policy"
        )

    def _exempt(self, role: Resource, now: datetime) -> bool:
        found = self._known(role, now).exemption
        return found is not None and not found.expired(now)

    @cached_property
    def _listing(self) -> RoleListing:
        return shared_roles(self.manager)

    @cached_property
    def _running(self) -> Running:
        """What runs with roles, where the policy asks for it; else nothing is known."""
        asked = self.request.filter.get("complete")
        return shared_running(self.manager) if asked else Running({}, ("`complete: true` reads it",))

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """All from the shared listing; Access Advisor is asked about those that look unused."""
        listing = self._listing
        known = {
            r["RoleName"]: self._judged(
                listing.by_name.get(r["RoleName"], r), now, off=r["RoleName"] in listing.quarantined
            )
            for r in resources
        }
        if advisor.SOURCE in self.request.evidence:
            arns = {r["Arn"]: r["Arn"] for r in resources if self._looks_unused(known[r["RoleName"]], now)}
            timeout = self.request.filter.get("advisor-timeout", advisor.DEFAULT_TIMEOUT)
            advice = advisor.shared_advice(self.manager, arns, now, timeout)
            for resource in (r for r in resources if r["Arn"] in arns):
                name = resource["RoleName"]
                known[name] = _advised(known[name], advice[resource["Arn"]])
        for resource in resources:
            yield resource, known[resource["RoleName"]]

    def _looks_unused(self, identity: Identity, now: datetime) -> bool:
        judged = judge_identity(replace(identity, exemption=None), self.request.rules, now)
        return judged.verdict not in ("active", "new", "no-credentials")

    def _judged(self, role: Resource, now: datetime, *, off: bool) -> Identity:
        """With the credential, and what is known to run with the role."""
        known = self._known(role, now)
        credential = transform_role(role, now, off=off)
        by = self._running.of(role)
        seen = (Unknown(f"nobody knows whether it is needed: {by}", "running"),) if by else ()
        credential = replace(credential, evidence=(*credential.evidence, *seen))
        privileged = self._listing.powers.privileged.get(role["Arn"])
        return replace(known, credentials=(credential,), born=credential.created, privileged=privileged)

    def _known(self, role: Resource, now: datetime) -> Identity:
        tags, found = tags_of(role), self.identity(role)
        owner, source = self.request.owner(tags)
        exemption = self.request.exemption(found.account, found.name, found.id, tags, now)
        return replace(found, owner=owner, owner_source=source, exemption=exemption)

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """By name and id; every role is a service."""
        name, key = resource["RoleName"], resource["RoleId"]
        return Identity(AWS, self.account(), name, key, (), user_type="service")

    def notes(self, resource: Mapping[str, Any]) -> Notes:
        """From the tags of the shared listing; a restore lists nothing."""
        restoring = self.request.action.get("type") == ENABLE
        listed = {} if restoring else self._listing.by_name
        return tags_of(listed.get(resource["RoleName"], resource))

    def complete(self, selected: Sequence[Resource]) -> None:
        """Say what is grave about a role, and what was not read of it."""
        unread = self._running.unread
        for resource in selected:
            found, told = resource[ANNOTATION], []
            found["anyone_may_assume"] = anyone_may_assume(resource)
            if found["anyone_may_assume"]:
                told.append("anyone may assume it")
            if unread and may_run(resource) and found["user_verdict"] in UNUSED:
                told.append(f"whether anything runs with it was not read: {unread[0]}")
            for one in found["credentials"]:
                one["reason"] = "; ".join([one["reason"], *told])

    def untouchable(self, of: Selected) -> str | None:
        """AWS's own, who acts, the ways to exempt roles, and what a CloudFormation stack made."""
        why = reserved(of.resource) or self._untouchable.get(of.identity.name)
        if why or self._stacks is None:
            return why
        stack, unread = self._stacks.of(of.identity.name)
        if unread and stack is None:
            log.warning("%s: whether a stack made it is not known: %s", of.identity.name, unread)
        return f"the CloudFormation stack {stack} made it: delete it there" if stack else None

    def protected(self, of: Selected) -> str | None:
        """Who may write policies or credentials beyond itself."""
        return self._protected.get(of.resource["Arn"])

    def find(self, name: str, key: str | None) -> Resource | None:
        """GetRole; roles cannot be renamed, so another id is another role."""
        role = get_role(self.iam, name)
        return role if role and key in {None, role["RoleId"]} else None

    def current(self, of: Selected) -> Fresh | None:
        """GetRole and the inline policies, not judged."""
        found = self._get(of)
        if found is None:
            return None
        role, off = found
        credential = transform_role(role, clock.now(), off=off)
        return Fresh(role, replace(of.identity, credentials=(credential,)), tags_of(role))

    def fresh(self, of: Selected, now: datetime) -> Fresh | None:
        """GetRole and the inline policies; Access Advisor is asked again where the policy asks for it."""
        found = self._get(of)
        if found is None:
            return None
        role, off = found
        identity, arn = self._judged(role, now, off=off), role["Arn"]
        if advisor.SOURCE in self.request.evidence:
            timeout = self.request.filter.get("advisor-timeout", advisor.DEFAULT_TIMEOUT)
            identity = _advised(identity, advisor.get_advice(self.iam, {arn: arn}, now, timeout)[arn])
        return Fresh(role, identity, tags_of(role))

    def _get(self, of: Selected) -> tuple[Resource, bool] | None:
        """The role with its profiles, and whether it is off; status first, so that no record is missed."""
        inline = get_inline_policies(self.iam, of.identity.name)
        role = get_role(self.iam, of.identity.name)
        if role is None or role["RoleId"] != of.identity.id:
            return None
        return {**of.resource, **role}, any(map(is_ours, inline.values()))

    def recent(self, fresh: Fresh, since: datetime, now: datetime) -> tuple[Identity, Recent]:
        """Who assumed the role since the mark, by CloudTrail."""
        asked = self._trail.of_role(fresh.resource["Arn"], since, now)
        seen = uses(asked.events, ())
        return with_use(fresh.identity, {_ITEM: seen[None]} if None in seen else {}), asked.recent()

    def changed_by(self, fresh: Fresh, since: Mapping[Item, datetime], now: datetime) -> Mapping[Item, str]:
        """Inline policies of others that deny the role everything."""
        for name, document in get_inline_policies(self.iam, fresh.identity.name).items():
            if denies_everything(document) and not is_ours(document):
                why = f"the inline policy {name}, which is not ours, denies the role everything"
                return dict.fromkeys(since, why)
        return {}

    def set_tags(self, name: str, tags: list[dict[str, str]]) -> None:
        """TagRole."""
        self.iam.tag_role(RoleName=name, Tags=tags)

    def switch_off(self, fresh: Fresh, item: Item, now: datetime) -> str:
        """Put the inline policy that denies everything, to open sessions too."""
        name, document = fresh.identity.name, json.dumps(quarantine_document(now))
        self.iam.put_role_policy(RoleName=name, PolicyName=QUARANTINE, PolicyDocument=document)
        return f"c7n-unused restore: delete the inline policy {QUARANTINE} of the role {name}"

    def switch_on(self, fresh: Fresh, item: Item) -> None:
        """Delete what is ours by its document."""
        name = fresh.identity.name
        for policy, document in get_inline_policies(self.iam, name).items():
            if is_ours(document):
                self._delete(name, policy)

    def _delete(self, name: str, policy: str) -> None:
        found_or_none(lambda: self.iam.delete_role_policy(RoleName=name, PolicyName=policy))

    def forget(self) -> None:
        """List the roles again."""
        forget_roles(self.manager)


def _advised(identity: Identity, advice: Evidence) -> Identity:
    """What Access Advisor says vetoes; where it cannot tell, nobody knows."""
    spoken = replace(advice, covers=isinstance(advice, Unknown))
    credentials = (replace(c, evidence=(*c.evidence, spoken)) for c in identity.credentials)
    return replace(identity, credentials=tuple(credentials))
