"""The account's users in bulk: ListUsers joined with GetAccountAuthorizationDetails.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from custom_filters.aws.client import aws_client, forget_in_account, found_or_none, shared_in_account
from custom_filters.aws.privilege import Privileges, get_privileges
from custom_filters.aws.quarantine import is_ours
from custom_filters.custodian.parallel import for_each
from custom_filters.custodian.progress import counted

_PAGE = 1000
_ENTITIES = ("User", "Group", "Role", "LocalManagedPolicy")
#: What a user's resource keeps of the authorization details; policy documents stay out of resources.json.
_KEPT = ("Tags", "GroupList", "AttachedManagedPolicies", "PermissionsBoundary")


@dataclass(frozen=True)
class Listing:
    """The users of one account.

    `users` are resources as ListUsers gives them, with Tags, GroupList and AttachedManagedPolicies;
    `quarantined` names the users that our own inline policy denies everything.
    """

    users: tuple[dict[str, Any], ...]
    privileges: Privileges
    quarantined: frozenset[str] = frozenset()
    by_name: Mapping[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Index the users by name."""
        object.__setattr__(self, "by_name", {u["UserName"]: u for u in self.users})


def shared_listing(manager: Any) -> Listing:
    """The account's listing, read once for all policies of a run."""
    return shared_in_account(manager, ("iam-users",), lambda: get_listing(aws_client(manager)))


def forget_listing(manager: Any) -> None:
    """Have the next policy list again: users were tagged or changed."""
    forget_in_account(manager, "iam-users")


def get_listing(iam: Any) -> Listing:
    """List users and their authorization details; users that only one of the two knows are read again."""
    users = {u["UserName"]: u for u in get_users(iam)}
    details = get_authorization_details(iam)
    known = {d["UserName"]: d for d in details["UserDetailList"]}
    differing = users.keys() ^ known.keys()
    again = dict(for_each(lambda name: (name, get_user(iam, name)), sorted(differing)))
    joined = [transform_user(u, known[name]) for name, u in users.items() if name in known]
    joined += [user for user in again.values() if user is not None]
    return Listing(tuple(joined), get_privileges(details), quarantined_users(details))


def quarantined_users(details: Mapping[str, list[dict[str, Any]]]) -> frozenset[str]:
    """Names of the users that carry the inline policy of `quarantine: true`."""
    return frozenset(
        user["UserName"]
        for user in details["UserDetailList"]
        if any(is_ours(policy.get("PolicyDocument")) for policy in user.get("UserPolicyList", ()))
    )


def get_users(iam: Any) -> list[dict[str, Any]]:
    """Every user, 1,000 a page; with PasswordLastUsed, without tags."""
    pages = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": _PAGE})
    return list(counted((user for page in pages for user in page["Users"]), "users listed"))


def get_authorization_details(iam: Any, asked: Sequence[str] = _ENTITIES) -> dict[str, list[dict[str, Any]]]:
    """Users, groups, roles and the account's own policies with their documents, 1,000 entities a page."""
    names = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        Filter=list(asked), PaginationConfig={"PageSize": _PAGE}
    )
    for page in pages:
        for name, entities in found.items():
            entities.extend(page.get(name, ()))
    return found


def get_user(iam: Any, name: str) -> dict[str, Any] | None:
    """One user with tags; None when it is gone. Anything else is raised."""
    user: dict[str, Any] | None = found_or_none(lambda: iam.get_user(UserName=name)["User"])
    return user


def transform_user(user: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Any]:
    """One resource out of both answers."""
    return {**user, "Tags": [], **{key: details[key] for key in _KEPT if key in details}}


def tags_of(user: Mapping[str, Any]) -> dict[str, str]:
    """A user's tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in user.get("Tags") or ()}
