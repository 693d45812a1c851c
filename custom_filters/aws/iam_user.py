"""The resource kind aws.iam-user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from custom_filters.aws import advisor
from custom_filters.aws.aws_kind import AwsKind
from custom_filters.aws.cloudtrail import Asked
from custom_filters.aws.credentials import KINDS, PASSWORD, WITHOUT_LAST_USED
from custom_filters.aws.fresh import get_fresh_user
from custom_filters.aws.identities import with_advice
from custom_filters.aws.judging import Judging
from custom_filters.aws.notes import BY_SLOT
from custom_filters.aws.privilege import Privileges
from custom_filters.aws.recent import changed_by, recent_use, shared_resets
from custom_filters.aws.switching import new_password, switch_off, switch_on
from custom_filters.aws.users import forget_listing, get_user, get_users, shared_listing, tags_of
from custom_filters.core import vocabulary as words
from custom_filters.core.credential import Identity
from custom_filters.core.lifecycle_states import Recent
from custom_filters.core.notes import Item
from custom_filters.core.policy_data import unused_filter
from custom_filters.custodian import clock
from custom_filters.custodian.selected import Fresh, Notes, Resource, Schema, Selected

_FRESH = (
    "iam:GetUser", "iam:GetLoginProfile", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed",
    "iam:ListSSHPublicKeys", "iam:ListServiceSpecificCredentials", "iam:ListSigningCertificates",
)  # fmt: skip
_JUDGE = (
    "iam:ListUsers", "iam:GetAccountAuthorizationDetails", "iam:GenerateCredentialReport",
    "iam:GetCredentialReport", *_FRESH,
)  # fmt: skip
_TAG = ("sts:GetCallerIdentity", "iam:TagUser", *_FRESH)
_STATUS = (
    "iam:UpdateAccessKey", "iam:UpdateSSHPublicKey", "iam:UpdateServiceSpecificCredential",
    "iam:UpdateSigningCertificate",
)  # fmt: skip
#: What shows that others acted since we switched off, or began to.
OTHERS = ("iam:ListAttachedUserPolicies", "iam:ListUserPolicies", "iam:GetUserPolicy")
_PASSWORD_ITEM = Item(PASSWORD, PASSWORD)


class IamUser(AwsKind):
    """IAM users: passwords, keys and certificates; notes are tags, off is Inactive."""

    resource = "aws.iam-user"
    plural = "IAM users"
    name_key = "UserName"
    credential_kinds = KINDS
    slots = BY_SLOT
    options: ClassVar[Mapping[str, Mapping[str, Schema]]] = {
        words.FILTER: {
            **AwsKind.options[words.FILTER],
            "assume-advisor-complete": {"type": "boolean"},
            "report-timeout": {"type": "number", "minimum": 0},
            "report-max-age": {"type": "number", "minimum": 0},
        },
        words.DISABLE: {**AwsKind.options[words.DISABLE], "quarantine": {"type": "boolean"}},
    }
    texts: ClassVar[Mapping[str, str]] = {
        words.FILTER: "Reads the account in bulk (ListUsers, GetAccountAuthorizationDetails, the "
        "credential report) and asks further only for users who are not plainly active. `report-timeout`, "
        "`report-max-age` and `advisor-timeout` are in seconds. Users that cannot be judged get the "
        "verdict `unknown`; a failing call fails the policy.",
        words.DISABLE: "Access keys, SSH keys, service-specific credentials and certificates become "
        "Inactive. The login profile is deleted last, which cannot be undone, and only if CloudTrail shows "
        "that it was not made or reset lately; with `quarantine: true` an inline policy denies the user "
        "everything instead. CloudTrail is asked for the last use, in all enabled Regions or in `regions`. "
        "Root and the caller are left alone.",
        words.ENABLE: "A deleted password cannot be undone; the journal says how to set a new one.",
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **dict.fromkeys(words.OUR_FILTERS, _JUDGE),
        **dict.fromkeys((words.MARK, words.UNMARK, words.RETIRE), _TAG),
        words.DISABLE: (*_TAG, *_STATUS, *OTHERS),
        words.ENABLE: (*_TAG, *_STATUS, *OTHERS, "iam:ListUsers", "iam:DeleteUserPolicy"),
    }

    def __init__(self, manager: Any, filter_data: Mapping[str, Any], action: Mapping[str, Any] | None = None):
        """Nothing is known yet."""
        super().__init__(manager, filter_data, action)
        self._resets, self._privileges = Asked(), Privileges({}, {}, {}, {})

    @classmethod
    def permissions_for(cls, word: str, data: Mapping[str, Any]) -> tuple[str, ...]:
        """The calls that these options lead to."""
        needed = super().permissions_for(word, data)
        if word == words.DISABLE:
            quarantine = ("iam:PutUserPolicy", "iam:GetUserPolicy")
            needed += quarantine if data.get("quarantine") else ("iam:DeleteLoginProfile",)
        return needed

    @classmethod
    def problem(cls, word: str, data: Mapping[str, Any], policy: Mapping[str, Any]) -> str | None:
        """An option that would do nothing; a quarantine, which denies the whole user, for one credential."""
        asked = data.get("evidence", cls.default_sources)
        if word == words.FILTER and data.get("assume-advisor-complete") and advisor.SOURCE not in asked:
            return f"assume-advisor-complete needs {advisor.SOURCE} in `evidence:` of {words.FILTER!r}"
        by_credential = unused_filter(policy).get("match") == "credential"
        if word == words.DISABLE and data.get("quarantine") and by_credential:
            return "disable-unused: `quarantine: true` denies the whole user and needs `match: user`"
        return None

    def prepare(self, word: str) -> None:
        """Who acts is never touched; CloudTrail's clients are made in this thread."""
        self.caller_identity  # noqa: B018 (asked in this thread)
        if word in {words.MARK, words.UNMARK, words.DISABLE}:
            self._privileges = shared_listing(self.manager).privileges
        if word == words.ENABLE or self.asks_trail(word):
            self.trail  # noqa: B018 (as above)
        if self.asks_trail(word) and not self.request.action.get("quarantine"):
            self._resets = shared_resets(self.manager, self.trail, clock.now())

    def identities(self, resources: list[Resource], now: datetime) -> Iterator[tuple[Resource, Identity]]:
        """See Judging."""
        self._privileges = shared_listing(self.manager).privileges
        known = Judging(self.manager, self.request, now).identities(resources)
        for resource in resources:
            yield resource, known[resource["UserName"]]

    def identity(self, resource: Mapping[str, Any]) -> Identity:
        """By name and id."""
        return Identity(
            words.AWS, self.manager.config.account_id, resource["UserName"], resource["UserId"], ()
        )

    def notes(self, resource: Mapping[str, Any]) -> Notes:
        """From the tags of the shared listing."""
        return tags_of(shared_listing(self.manager).by_name.get(resource["UserName"], resource))

    def untouchable(self, of: Selected) -> str | None:
        """Root, who acts, and who may be privileged for all that could be read."""
        resource = of.resource
        if resource["Arn"].endswith(":root"):
            return "root is never touched"
        if (
            self.caller_identity["UserId"] == resource["UserId"]
            or self.caller_identity["Arn"] == resource["Arn"]
        ):
            return "it is the identity that runs this policy"
        return self._privileges.unreadable.get(of.identity.name)

    def protected(self, of: Selected) -> str | None:
        """Who may write policies or credentials beyond himself."""
        return self._privileges.protected.get(of.identity.name)

    def final(self, of: Selected) -> Mapping[Item, str]:
        """A password, unless the user is quarantined instead; for a restore, one that is gone."""
        action = self.request.action
        there = any(c.kind == PASSWORD for c in of.identity.credentials)
        if action.get("quarantine") or (action.get("type") == words.ENABLE and there):
            return {}
        return {_PASSWORD_ITEM: f"a deleted password cannot be restored; {new_password(of.identity.name)}"}

    def find(self, name: str, key: str | None) -> Resource | None:
        """GetUser by name; where that is not the one with this id, he may have been renamed: ListUsers."""
        user = get_user(self.iam, name)
        if key is None or (user and user["UserId"] == key):
            return user
        renamed = next((u["UserName"] for u in get_users(self.iam) if u["UserId"] == key), None)
        return get_user(self.iam, renamed) if renamed else None

    def current(self, of: Selected) -> Fresh | None:
        """GetUser and the credentials; another user of the same name does not count."""
        found = get_fresh_user(self.iam, of.identity, clock.now())
        if found is None:
            return None
        identity = replace(of.identity, credentials=tuple(found.credentials))
        return Fresh(dict(found.user), identity, tags_of(found.user))

    def fresh(self, of: Selected, now: datetime) -> Fresh | None:
        """See get_fresh_user; Access Advisor is asked again where the policy asks for it."""
        known, request = of.identity, self.request
        found = get_fresh_user(self.iam, known, now)
        if found is None:
            return None
        tags = tags_of(found.user)
        identity = replace(
            known,
            credentials=tuple(found.credentials),
            exemption=request.exemption(known.account, known.name, known.id, tags, now),
            evidence=(),
            incomplete=None,
        )
        if advisor.SOURCE in request.evidence:
            advice = self.advice({known.name: found.user["Arn"]}, again=True)[known.name]
            assume = bool(request.filter.get("assume-advisor-complete"))
            identity = with_advice(identity, advice, assume_complete=assume, covered=WITHOUT_LAST_USED)
        return Fresh(dict(found.user), identity, tags)

    def recent(self, fresh: Fresh, since: datetime, now: datetime) -> tuple[Identity, Recent]:
        """CloudTrail, since the first of the marks."""
        return recent_use(self.trail, self._resets, fresh, since, now)

    def changed_by(self, fresh: Fresh, since: Mapping[Item, datetime], now: datetime) -> Mapping[Item, str]:
        """Policies that others put on the user, and UpdateAccessKey where CloudTrail can be read."""
        begins = min(since.values(), default=now)
        events = self.trail.of_iam(["UpdateAccessKey"], begins, now) if since else Asked()
        return changed_by(self.iam, events, fresh, since, self.caller())

    def set_tags(self, name: str, tags: list[dict[str, str]]) -> None:
        """TagUser."""
        self.iam.tag_user(UserName=name, Tags=tags)

    def switch_off(self, fresh: Fresh, item: Item, now: datetime) -> str:
        """See `switching`."""
        quarantine = bool(self.request.action.get("quarantine"))
        return switch_off(self.iam, fresh.identity.name, item, now, quarantine=quarantine)

    def switch_on(self, fresh: Fresh, item: Item) -> None:
        """See `switching`."""
        switch_on(self.iam, fresh.identity.name, item)

    def forget(self) -> None:
        """List the account again."""
        forget_listing(self.manager)
