"""The account's roles in bulk: GetAccountAuthorizationDetails, pages of 1,000, no call a role.

RoleLastUsed is tracked for 400 days and left empty for what was not used in them:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from custom_filters.aws.client import aws_client, forget_in_account, found_or_none, shared_in_account
from custom_filters.aws.credentials import LAST_USED
from custom_filters.aws.privilege import TRUST, RolePowers, get_role_powers, principals_in, trusted
from custom_filters.aws.quarantine import is_ours, statements_of
from custom_filters.aws.users import get_authorization_details
from custom_filters.core.credential import Credential
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, read_use
from custom_filters.core.times import to_utc

ROLE = "role"
_TRACKING = timedelta(days=400)
#: What the resource leaves out of the details: other policies' documents stay out of resources.json.
_LEFT_OUT = frozenset({"RolePolicyList"})
#: Paths of roles that a service or single sign-on keeps; nobody else can change them.
_RESERVED = {"/aws-service-role/": "a service keeps it", "/aws-reserved/": "AWS keeps it"}


@dataclass(frozen=True)
class RoleListing:
    """The roles of one account as GetAccountAuthorizationDetails gives them, without inline policies.

    `quarantined` names the roles that our own inline policy denies everything.
    """

    roles: tuple[dict[str, Any], ...]
    powers: RolePowers
    quarantined: frozenset[str]
    by_name: Mapping[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Index the roles by name."""
        object.__setattr__(self, "by_name", {r["RoleName"]: r for r in self.roles})


def shared_roles(manager: Any) -> RoleListing:
    """The account's roles, read once for all policies of a run."""
    return shared_in_account(manager, ("iam-roles",), lambda: get_roles(aws_client(manager)))


def forget_roles(manager: Any) -> None:
    """Have the next policy list again: roles were tagged or changed."""
    forget_in_account(manager, "iam-roles")


def get_roles(iam: Any) -> RoleListing:
    """Every role, and the local policies that say what it may do."""
    details = get_authorization_details(iam, ("Role", "LocalManagedPolicy"))
    found = details["RoleDetailList"]
    off = (r["RoleName"] for r in found if any(is_ours(p.get("PolicyDocument")) for p in r["RolePolicyList"]))
    roles = ({key: value for key, value in r.items() if key not in _LEFT_OUT} for r in found)
    return RoleListing(tuple(roles), get_role_powers(details), frozenset(off))


def get_role(iam: Any, name: str) -> dict[str, Any] | None:
    """One role with tags and last use; None when it is gone. Anything else is raised."""
    role: dict[str, Any] | None = found_or_none(lambda: iam.get_role(RoleName=name)["Role"])
    return role


def get_inline_policies(iam: Any, name: str) -> dict[str, Any]:
    """The documents of a role's inline policies by name; {} when it is gone."""

    def read() -> dict[str, Any]:
        pages = iam.get_paginator("list_role_policies").paginate(RoleName=name)
        names = [policy for page in pages for policy in page["PolicyNames"]]
        return {n: iam.get_role_policy(RoleName=name, PolicyName=n)["PolicyDocument"] for n in names}

    return found_or_none(read) or {}


def transform_role(role: Mapping[str, Any], now: datetime, *, off: bool) -> Credential:
    """The one credential that a role is: the right to assume it."""
    born = to_utc(role["CreateDate"])
    return Credential(ROLE, ROLE, "off" if off else "on", born, (_last_used(role, born, now),))


def _last_used(role: Mapping[str, Any], born: datetime, now: datetime) -> Evidence:
    if "RoleLastUsed" not in role:
        return Unknown("IAM did not say when it was last used", LAST_USED, observed_at=now)
    used = role["RoleLastUsed"].get("LastUsedDate")
    if used:
        return read_use(used, LAST_USED, now=now, observed_at=now)
    since = now - _TRACKING
    seen = since if born < since else None
    return NeverUsed(seen, LAST_USED, observed_at=now, value="no date", forgets=True)


def reserved(role: Mapping[str, Any]) -> str | None:
    """Why nobody but AWS can change a role: by its path."""
    return next((why for path, why in _RESERVED.items() if role["Path"].startswith(path)), None)


def anyone_may_assume(role: Mapping[str, Any]) -> bool:
    """Whether the trust policy allows anybody in any account, without a condition."""
    plain = (s for s in statements_of(role.get(TRUST)) if not s.get("Condition"))
    return any("*" in principals_in(statement, "AWS") for statement in plain)


def named_by_trust(roles: Iterable[Mapping[str, Any]], known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(role that is named, role whose trust names it), by name; only roles that are `known`."""
    for role in roles:
        for principal in trusted(role):
            name = role_name(principal)
            if name and name in known and known[name]["Arn"].split(":")[4] == principal.split(":")[4]:
                yield name, role["RoleName"]


def role_name(arn: str) -> str | None:
    """The name in the ARN of a role or of a session of it; None for another principal's."""
    what, _, rest = arn.rpartition(":")[2].partition("/")
    if what == "assumed-role":
        return rest.partition("/")[0]
    return rest.rpartition("/")[2] if what == ROLE else None


def chain_of(caller: str, known: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """The role that acts, and the roles by which one gets to it: its trust names them, and so on."""
    start = role_name(caller)
    found, ahead = set[str](), [start] if start in known else []
    while ahead:
        name = ahead.pop()
        if name and name not in found:
            found.add(name)
            ahead += [named for named, _ in named_by_trust([known[name]], known)]
    return frozenset(found)
