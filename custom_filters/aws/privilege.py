"""Finds users who can grant themselves or others more, from an account's authorization details.

`privileged` is broad, a risk reason: any known escalation on anything. `protected` is narrow, and keeps a
user from being touched: he may write policies or credentials beyond himself, or assume a role that may.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from custom_filters.aws.quarantine import statements_of

#: Actions that write policies or credentials; what matches protects. Sources:
#: https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/
#: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
PROTECTING = (
    "iam:createpolicyversion", "iam:setdefaultpolicyversion", "iam:createaccesskey", "iam:createloginprofile",
    "iam:updateloginprofile", "iam:attachuserpolicy", "iam:attachgrouppolicy", "iam:attachrolepolicy",
    "iam:putuserpolicy", "iam:putgrouppolicy", "iam:putrolepolicy", "iam:addusertogroup",
    "iam:updateassumerolepolicy", "iam:deleteuserpermissionsboundary", "iam:putuserpermissionsboundary",
    "iam:createservicespecificcredential", "iam:resetservicespecificcredential", "iam:uploadsshpublickey",
)  # fmt: skip
#: Actions that lead to more rights together with others; what matches is a risk.
ESCALATING = (*PROTECTING, "iam:passrole", "iam:updateaccesskey")
#: AWS managed policies that grant such actions; the documents of the others do not.
_PRIVILEGED_NAMES = frozenset({"AdministratorAccess", "IAMFullAccess"})
#: Where a role keeps who may assume it.
TRUST = "AssumeRolePolicyDocument"
_ASSUME = "sts:assumerole"
_SELF = "${aws:username}"
UNREADABLE = "one of its policies could not be read"


@dataclass(frozen=True)
class Privileges:
    """By user name: whether an escalation is known (None: not read), why protected, what is unread."""

    privileged: dict[str, bool | None]
    protected: dict[str, str]
    unreadable: dict[str, str]
    #: By user name: whether he may write tags on himself, and so forge a mark (None: not read).
    tags_itself: dict[str, bool | None]


@dataclass(frozen=True)
class _Granted:
    """The Allow statements of one user or role, and which of its policies could not be read."""

    statements: tuple[Mapping[str, Any], ...]
    managed: str | None = None
    unreadable: bool = False


#: By role ARN: the principals that its trust names, and what it may do.
Roles = Mapping[str, tuple[frozenset[str], _Granted]]


def get_privileges(details: Mapping[str, list[dict[str, Any]]]) -> Privileges:
    """What the details of users, groups, roles and local policies say of every user."""
    documents = {p["Arn"]: _default_document(p) for p in details["Policies"]}
    groups = {g["GroupName"]: _granted(g, "GroupPolicyList", documents) for g in details["GroupDetailList"]}
    roles = _roles(details, documents)
    strong = _strong_roles(roles)
    found = Privileges({}, {}, {}, {})
    for user in details["UserDetailList"]:
        name = user["UserName"]
        own = [
            _granted(user, "UserPolicyList", documents),
            *(groups[g] for g in user.get("GroupList", ()) if g in groups),
        ]
        why = next(filter(None, (_own_power(one) for one in own)), None) or _by_role(
            user["Arn"], own, roles, strong
        )
        unread = any(one.unreadable for one in own) or any(g not in groups for g in user.get("GroupList", ()))
        found.privileged[name] = bool(why) or _escalates(own) or (None if unread else False)
        found.tags_itself[name] = _tags(own, user["Arn"]) or (None if unread else False)
        if why:
            found.protected[name] = why
        elif unread:
            found.unreadable[name] = UNREADABLE
    return found


@dataclass(frozen=True)
class RolePowers:
    """By role ARN: whether any escalation is known (None: not read), and why the role is protected."""

    privileged: Mapping[str, bool | None]
    protected: Mapping[str, str]


def get_role_powers(details: Mapping[str, list[dict[str, Any]]]) -> RolePowers:
    """What the details of roles and local policies say of every role."""
    roles = _roles(details, {p["Arn"]: _default_document(p) for p in details["Policies"]})
    strong = _strong_roles(roles)
    found = {
        arn: _escalates([granted]) or (None if granted.unreadable else arn in strong)
        for arn, (_, granted) in roles.items()
    }
    return RolePowers(found, strong)


def _roles(details: Mapping[str, list[dict[str, Any]]], documents: Mapping[str, Any]) -> Roles:
    return {
        r["Arn"]: (frozenset(trusted(r)), _granted(r, "RolePolicyList", documents))
        for r in details.get("RoleDetailList", ())
    }


def _granted(entity: Mapping[str, Any], inline: str, documents: Mapping[str, Any]) -> _Granted:
    attached = [p["PolicyArn"] for p in entity.get("AttachedManagedPolicies", ())]
    by_aws = [arn.rsplit("/", 1)[-1] for arn in attached if arn.split(":")[4] == "aws"]
    local = [documents.get(arn) for arn in attached if arn.split(":")[4] != "aws"]
    found = [policy.get("PolicyDocument") for policy in entity.get(inline, ())] + local
    statements = (s for document in found for s in statements_of(document) if s.get("Effect") == "Allow")
    managed = next((name for name in by_aws if name in _PRIVILEGED_NAMES), None)
    return _Granted(tuple(statements), managed, any(document is None for document in found))


def _default_document(policy: Mapping[str, Any]) -> Any:
    versions = policy.get("PolicyVersionList", ())
    return next((v.get("Document") for v in versions if v.get("IsDefaultVersion")), None)


def _own_power(granted: _Granted) -> str | None:
    """The first reason to protect this principal: a managed policy, or an action on more than itself."""
    if granted.managed:
        return f"it has {granted.managed}"
    for statement in granted.statements:
        action = next((a for a in PROTECTING if _allows(statement, a) and _beyond_self(statement)), None)
        if action:
            return f"it may do {action} on others"
    return None


def _escalates(own: Iterable[_Granted]) -> bool:
    statements = (s for one in own for s in one.statements)
    return any(_allows(s, action) for s in statements for action in ESCALATING)


def _tags(own: Iterable[_Granted], arn: str) -> bool:
    """Whether a user may tag himself; explicit denies are not considered."""
    return any(one.managed for one in own) or _may(own, "iam:taguser", arn)


def _allows(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(fnmatchcase(action, p) for p in _patterns(statement["NotAction"]))
    return any(fnmatchcase(action, p) for p in _patterns(statement.get("Action", ())))


def _patterns(value: Any) -> list[str]:
    """IAM's patterns in lower case, as fnmatch reads them: only * and ? are special, and `*:*` is all."""
    found = [value] if isinstance(value, str) else list(value)
    return ["*" if str(p) == "*:*" else str(p).lower().replace("[", "[[]") for p in found]


def _beyond_self(statement: Mapping[str, Any]) -> bool:
    if "Resource" not in statement:
        return True
    resources = statement["Resource"]
    return any(_SELF not in str(r) for r in ([resources] if isinstance(resources, str) else resources))


def _strong_roles(roles: Roles) -> dict[str, str]:
    """Roles that protect anyone who may assume them, directly or through another role, with the reason."""
    found = {
        arn: why for arn, (_, granted) in roles.items() if (why := _own_power(granted) or _unread(granted))
    }
    while True:
        more = {
            arn: why
            for arn, (_, granted) in roles.items()
            if arn not in found and (why := _by_role(arn, [granted], roles, found))
        }
        if not more:
            return found
        found |= more


def _unread(granted: _Granted) -> str | None:
    return UNREADABLE if granted.unreadable else None


def _by_role(arn: str, own: Iterable[_Granted], roles: Roles, strong: Mapping[str, str]) -> str | None:
    """The first strong role that this principal may assume, and why it is strong.

    The role's trust names him, or the account and a policy of his allows it.
    """
    granted, account = list(own), arn.rpartition(":")[0]
    for role, why in strong.items():
        principals = roles[role][0]
        by_account = not principals.isdisjoint({f"{account}:root", account.rpartition(":")[2]})
        if not principals.isdisjoint({arn, "*"}) or (by_account and _may(granted, _ASSUME, role)):
            return f"it may assume {role.rpartition('/')[2]}: {why.replace('it ', 'which ', 1)}"
    return None


def _may(own: Iterable[_Granted], action: str, arn: str) -> bool:
    """Whether a statement allows an action on a user or role; `${aws:username}` is the user himself."""
    name = arn.rpartition("/")[2]
    resources = (
        str(pattern).replace(_SELF, name.lower())
        for one in own
        for s in one.statements
        if _allows(s, action)
        for pattern in _patterns(s.get("Resource", "*"))
    )
    return any(fnmatchcase(arn.lower(), pattern) for pattern in resources)


def trusted(role: Mapping[str, Any]) -> Iterator[str]:
    """The accounts, users and roles that the trust policy of a role allows; `*`: anybody."""
    return principals_of(role, "AWS")


def principals_of(role: Mapping[str, Any], kind: str) -> Iterator[str]:
    """The principals of one kind (`AWS`, `Service`) that the trust policy allows."""
    for statement in statements_of(role.get(TRUST)):
        yield from principals_in(statement, kind)


def principals_in(statement: Mapping[str, Any], kind: str) -> list[str]:
    """The principals of one kind that a statement of a trust policy allows; [] when it denies."""
    principal = statement.get("Principal")
    value = principal.get(kind, ()) if isinstance(principal, Mapping) else principal or ()
    if statement.get("Effect") != "Allow":
        return []
    return [value] if isinstance(value, str) else list(value)
