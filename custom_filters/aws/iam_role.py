"""The resource kind aws.iam-role."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from c7n.exceptions import PolicyExecutionError

from custom_filters.aws import advisor, roles
from custom_filters.aws.aws_kind import AwsKind
from custom_filters.aws.client import answer_or_refusal, found_or_none
from custom_filters.aws.cloudtrail import uses
from custom_filters.aws.quarantine import QUARANTINE, foreign_deny, is_ours, quarantine_document
from custom_filters.aws.role_use import Running, Stacks, may_run, shared_running, shared_stacks
from custom_filters.aws.users import tags_of
from custom_filters.core import vocabulary as words
from custom_filters.core.credential import Identity
from custom_filters.core.evidence import Evidence, Unknown
from custom_filters.core.judge import judge_identity
from custom_filters.core.lifecycle_states import Recent
from custom_filters.core.notes import Item
from custom_filters.core.verdict import UNUSED
from custom_filters.custodian import clock
from custom_filters.custodian.selected import Fresh, Notes, Resource, Selected, with_use

log = logging.getLogger("custodian.unused.aws")

#: How many roles are tried before all are taken to be refused.
_SOME = 3
_ITEM = Item(roles.ROLE, roles.ROLE)
_LIST = ("iam:GetAccountAuthorizationDetails",)
_TAG = ("sts:GetCallerIdentity", "iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:TagRole")
_RUNNING = ("ec2:DescribeRegions", "ec2:DescribeIamInstanceProfileAssociations", "lambda:ListFunctions")
_STACKS = ("ec2:DescribeRegions", "cloudformation:DescribeStackResources")


class IamRole(AwsKind):
    """IAM roles: one credential each, the right to assume it; off is an inline policy that denies all."""

    part = "roles"
    resource = "aws.iam-role"
    plural = "IAM roles"
    name_key = "RoleName"
    credential_kinds = (roles.ROLE,)
    texts: ClassVar[Mapping[str, str]] = {
        words.FILTER: "Reads all roles in pages (GetAccountAuthorizationDetails). AWS tracks the last use "
        "for 400 days: an older role without a date is stale, a younger one was never used. With "
        "`complete: true` roles that an instance (by its profile) or a Lambda function has are `unknown`, "
        "in all enabled Regions; what may not be read is told. `access-advisor` is asked about roles that "
        "look unused.",
        words.DISABLE: "An inline policy denies the role everything. CloudTrail is asked who assumed it "
        "lately, in all enabled Regions or in `regions`. Roles of AWS's own paths, of a CloudFormation "
        "stack, in the chain that runs this policy, or named by the trust of an exempt role are left "
        "alone.",
        words.ENABLE: "The inline policy is deleted, whatever it is called by now.",
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **dict.fromkeys(words.OUR_FILTERS, _LIST),
        **dict.fromkeys((words.UNMARK, words.RETIRE), _TAG),
        words.MARK: (*_TAG, *_STACKS),
        words.DISABLE: (*_TAG, *_STACKS, "iam:PutRolePolicy"),
        words.ENABLE: (*_TAG, "iam:DeleteRolePolicy"),
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
        running = _RUNNING if word == words.FILTER and data.get("complete") else ()
        return super().permissions_for(word, data) + running

    def prepare(self, word: str) -> None:
        """Whom nobody may touch, from the listing; clients of other services are made in this thread."""
        self.caller_identity  # noqa: B018 (asked in this thread)
        if word in {words.MARK, words.UNMARK, words.DISABLE}:
            self._check_granted()
            self._untouchable, self._protected = self._kept(), self._listing.powers.protected
            self._running  # noqa: B018 (as above)
        if word in {words.MARK, words.DISABLE}:
            self._stacks = shared_stacks(self.manager, self.request.action.get("regions"))
        if self.asks_trail(word):
            self.trail  # noqa: B018 (as above)

    def _check_granted(self) -> None:
        """Raise one sentence where no role may be read singly, and not as many as there are roles."""
        refused = None
        for role in self._listing.roles[:_SOME]:
            read = partial(self.iam.list_role_policies, RoleName=role["RoleName"], MaxItems=1)
            refused = answer_or_refusal(partial(found_or_none, read))
            if not isinstance(refused, ClientError):
                return
        if refused:
            told = "`c7n-unused permissions -p aws --enforce --with roles` prints what to grant"
            raise PolicyExecutionError(f"all roles are left alone: {refused}; {told}")

    def _kept(self) -> dict[str, str]:
        """Why roles are never touched, by name: who acts, and the ways to roles that are exempt."""
        known, now = self._listing.by_name, clock.now()
        exempt = [role for role in known.values() if self._exempt(role, now)]
        named = roles.named_by_trust(exempt, known)
        found = {name: f"the trust of {other}, which is exempt, names it" for name, other in named}
        chain = roles.chain_of(self.caller(), known)
        return found | dict.fromkeys(chain, "it is in the chain that runs this policy")

    def _exempt(self, role: Resource, now: datetime) -> bool:
        found = self._known(role, now).exemption
        return found is not None and not found.expired(now)

    @cached_property
    def _listing(self) -> roles.RoleListing:
        return roles.shared_roles(self.manager)

    @cached_property
    def _running(self) -> Running:
        """What runs with roles, where the policy asks for it; else nothing is known."""
        asked = self.request.filter.get("complete")
        return shared_running(self.manager) if asked else Running({}, ("`complete: true` reads it",))

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """All from the shared listing; Access Advisor is asked about those that look unused."""
        listing, known = self._listing, dict[str, Identity]()
        for resource in resources:
            name = resource["RoleName"]
            role = listing.by_name.get(name, resource)
            known[name] = self._judged(role, now, off=name in listing.quarantined)
        if advisor.SOURCE in self.request.evidence:
            unused = (r for r in resources if self._looks_unused(known[r["RoleName"]], now))
            advice = self.advice({r["RoleName"]: r["Arn"] for r in unused})
            known |= {name: _advised(known[name], evidence) for name, evidence in advice.items()}
        for resource in resources:
            yield resource, known[resource["RoleName"]]

    def _looks_unused(self, identity: Identity, now: datetime) -> bool:
        judged = judge_identity(replace(identity, exemption=None), self.request.rules, now)
        return judged.verdict not in ("active", "new", "no-credentials")

    def _judged(self, role: Resource, now: datetime, *, off: bool) -> Identity:
        """With the credential, and what is known to run with the role."""
        known = self._known(role, now)
        credential = roles.transform_role(role, now, off=off)
        by = self._running.of(role)
        seen = (Unknown(f"nobody knows whether it is needed: {by}", "running"),) if by else ()
        credential = replace(credential, evidence=(*credential.evidence, *seen))
        return replace(
            known,
            credentials=(credential,),
            born=credential.created,
            privileged=self._listing.powers.privileged.get(role["Arn"]),
            anyone_may_assume=roles.anyone_may_assume(role),
        )

    def _known(self, role: Resource, now: datetime) -> Identity:
        tags, found = tags_of(role), self.identity(role)
        owner, source = self.request.owner(tags)
        exemption = self.request.exemption(found.account, found.name, found.id, tags, now)
        return replace(found, owner=owner, owner_source=source, exemption=exemption)

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """By name and id; every role is a service."""
        name, key = resource["RoleName"], resource["RoleId"]
        return Identity(words.AWS, self.account(), name, key, (), user_type="service")

    def notes(self, resource: Mapping[str, Any]) -> Notes:
        """From the tags of the shared listing; a restore lists nothing."""
        restoring = self.request.action.get("type") == words.ENABLE
        listed = {} if restoring else self._listing.by_name
        return tags_of(listed.get(resource["RoleName"], resource))

    def complete(self, selected: Sequence[Resource]) -> None:
        """Say where it was not read whether anything runs with a role that looks unused."""
        unread = self._running.unread
        for resource in selected if unread else ():
            found = resource[words.ANNOTATION]
            if may_run(resource) and found["user_verdict"] in UNUSED:
                for one in found["credentials"]:
                    one["reason"] += f"; whether anything runs with it was not read: {unread[0]}"

    def untouchable(self, of: Selected) -> str | None:
        """AWS's own, who acts, the ways to exempt roles, and what a CloudFormation stack made."""
        why = roles.reserved(of.resource) or self._untouchable.get(of.identity.name)
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
        role = roles.get_role(self.iam, name)
        return role if role and key in {None, role["RoleId"]} else None

    def current(self, of: Selected) -> Fresh | None:
        """GetRole and the inline policies, not judged."""
        found = self._get(of)
        if found is None:
            return None
        role, off = found
        credential = roles.transform_role(role, clock.now(), off=off)
        return Fresh(role, replace(of.identity, credentials=(credential,)), tags_of(role))

    def fresh(self, of: Selected, now: datetime) -> Fresh | None:
        """GetRole and the inline policies; Access Advisor is asked again where the policy asks for it."""
        found = self._get(of)
        if found is None:
            return None
        role, off = found
        identity, arn = self._judged(role, now, off=off), role["Arn"]
        if advisor.SOURCE in self.request.evidence:
            identity = _advised(identity, self.advice({arn: arn}, again=True)[arn])
        return Fresh(role, identity, tags_of(role))

    def _get(self, of: Selected) -> tuple[Resource, bool] | None:
        """The role with its profiles, and whether it is off; status first, so that no record is missed."""
        inline = roles.get_inline_policies(self.iam, of.identity.name)
        role = roles.get_role(self.iam, of.identity.name)
        if role is None or role["RoleId"] != of.identity.id:
            return None
        return {**of.resource, **role}, any(map(is_ours, inline.values()))

    def recent(self, fresh: Fresh, since: datetime, now: datetime) -> tuple[Identity, Recent]:
        """Who assumed the role since the mark, by CloudTrail."""
        asked = self.trail.of_role(fresh.resource["Arn"], since, now)
        seen = uses(asked.events, ())
        return with_use(fresh.identity, {_ITEM: seen[None]} if None in seen else {}), asked.recent()

    def changed_by(self, fresh: Fresh, since: Mapping[Item, datetime], now: datetime) -> Mapping[Item, str]:
        """Inline policies of others that deny the role everything."""
        why = foreign_deny(roles.get_inline_policies(self.iam, fresh.identity.name), "role")
        return dict.fromkeys(since, why) if why else {}

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
        for policy, document in roles.get_inline_policies(self.iam, name).items():
            if is_ours(document):
                delete = partial(self.iam.delete_role_policy, RoleName=name, PolicyName=policy)
                found_or_none(delete)

    def forget(self) -> None:
        """List the roles again."""
        roles.forget_roles(self.manager)


def _advised(identity: Identity, advice: Evidence) -> Identity:
    """What Access Advisor says vetoes; where it cannot tell, nobody knows."""
    spoken = replace(advice, covers=isinstance(advice, Unknown))
    credentials = (replace(c, evidence=(*c.evidence, spoken)) for c in identity.credentials)
    return replace(identity, credentials=tuple(credentials))
