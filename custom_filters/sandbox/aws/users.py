"""IAM users: lists in pages, authorization details, tags."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from moto.core.responses import ActionResult, EmptyResult

from custom_filters.sandbox.aws.account import Account, extras
from custom_filters.sandbox.aws.errors import error, invalid
from custom_filters.sandbox.aws.pages import DEFAULT, page

KINDS = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")
TAG = re.compile(r"[\w \xa0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000.:/=+\-@]*")  # \p{L}\p{Z}\p{N}_.:/=+-@
PATTERN = r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]"


class Users:
    """ListUsers, GetUser, CreateUser, DeleteUser, GetAccountAuthorizationDetails and the tag actions."""

    account: Account
    backend: Any
    _get_param: Any

    def list_users(self) -> ActionResult:
        """Without tags, as AWS: only GetUser and GetAccountAuthorizationDetails have them."""
        found = self.account.users(self._get_param("PathPrefix", "/"))
        given, more = self.paged(found, lambda user: user.name)
        return ActionResult({"Users": [_summary(user) for user in given], **more})

    def get_user(self) -> ActionResult:
        """With tags and PasswordLastUsed; without a name, the caller, who must then be a user."""
        user = self.backend.get_user(self.user_name())
        shown = _summary(user)
        if tags := self.account.tags(user):
            shown["Tags"] = tags
        return ActionResult({"User": shown})

    def create_user(self) -> ActionResult:
        """With an id of AWS's form, and names unique without regard to case."""
        name, tags = self._get_param("UserName"), self._get_param("Tags", [])
        if name.lower() in {user.name.lower() for user in self.account.users()}:
            raise error("EntityAlreadyExists", f"User with name {name} already exists.")
        check_tags(tags)
        user = self.backend.create_user("us-east-1", name, self._get_param("Path"), tags)
        user.id = self.account.identifier("AIDA", "user", name, user.create_date, length=21)
        return ActionResult({"User": {**_summary(user), **({"Tags": tags} if tags else {})}})

    def delete_user(self) -> EmptyResult:
        """Refused with DeleteConflict while anything hangs on the user."""
        user = self.backend.get_user(self._get_param("UserName"))
        if user.password or user.access_keys or user.ssh_public_keys or user.signing_certificates:
            raise error("DeleteConflict", "Cannot delete entity, must delete its credentials first.")
        if extras(user).service_credentials or self.backend.get_groups_for_user(user.name):
            raise error("DeleteConflict", "Cannot delete entity, must remove what is attached to it first.")
        self.backend.delete_user(user.name)
        return EmptyResult()

    def get_account_authorization_details(self) -> ActionResult:
        """Users, groups, roles and policies in one sequence of pages, those that Filter asks for."""
        wanted = self._get_param("Filter") or list(KINDS)
        given, more = self.paged(self._entities(wanted), lambda entity: f"{entity[0]}/{entity[1]}")
        memberships = self.account.groups_of()
        shown: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        for number, _, entity in given:
            kind = KINDS[number]
            shown[kind].append(self._detail(entity, memberships) if kind == "User" else entity)
        return ActionResult(
            {
                "UserDetailList": shown["User"],
                "GroupDetailList": shown["Group"],
                "RoleDetailList": shown["Role"],
                "Policies": shown["LocalManagedPolicy"] + shown["AWSManagedPolicy"],
                **more,
            }
        )

    def _entities(self, wanted: list[str]) -> list[tuple[int, str, Any]]:
        backend = self.backend
        theirs = {policy.arn for policy in backend.aws_managed_policies}
        policies = list(backend.managed_policies.values())
        every = {
            "User": list(backend.users.values()),
            "Group": list(backend.groups.values()),
            "Role": list(backend.roles.values()),
            "LocalManagedPolicy": [policy for policy in policies if policy.arn not in theirs],
            "AWSManagedPolicy": [policy for policy in policies if policy.arn in theirs],
        }
        found = [(KINDS.index(kind), entity.name, entity) for kind in wanted for entity in every[kind]]
        return sorted(found, key=lambda entity: (entity[0], entity[1].lower(), entity[1]))

    def _detail(self, user: Any, memberships: dict[str, list[str]]) -> dict[str, Any]:
        shown = _summary(user)
        shown.pop("PasswordLastUsed", None)  # this action is the one that does not tell
        shown["GroupList"] = memberships.get(user.name, [])
        shown["AttachedManagedPolicies"] = user.attached_managed_policies
        if user.policies:
            shown["UserPolicyList"] = [
                {"PolicyName": name, "PolicyDocument": quote(document)}
                for name, document in user.policies.items()
            ]
        if tags := self.account.tags(user):
            shown["Tags"] = tags
        return shown

    def list_user_tags(self) -> ActionResult:
        """Sorted by key."""
        tags = self.account.tags(self.backend.get_user(self._get_param("UserName")))
        tags.sort(key=lambda tag: tag["Key"].lower())
        given, more = self.paged(tags, lambda tag: tag["Key"])
        return ActionResult({"Tags": given, **more})

    def tag_user(self) -> EmptyResult:
        """Keys differ by more than case; 50 tags in all; nothing is applied when one of them is refused."""
        tags = self._get_param("Tags", [])
        check_tags(tags)
        user = self.backend.get_user(self._get_param("UserName"))
        present = {tag["Key"].lower(): tag["Key"] for tag in self.account.tags(user)}
        if len(present.keys() | {tag["Key"].lower() for tag in tags}) > 50:
            raise error("LimitExceeded", "The number of tags has reached the maximum limit.")
        replaced = [present[tag["Key"].lower()] for tag in tags if tag["Key"].lower() in present]
        self.backend.tagger.untag_resource_using_names(user.arn, replaced)
        self.backend.tagger.tag_resource(user.arn, tags)
        return EmptyResult()

    def untag_user(self) -> EmptyResult:
        """Keys that are not there are ignored."""
        keys = {key.lower() for key in self._get_param("TagKeys", [])}
        user = self.backend.get_user(self._get_param("UserName"))
        names = [tag["Key"] for tag in self.account.tags(user) if tag["Key"].lower() in keys]
        self.backend.tagger.untag_resource_using_names(user.arn, names)
        return EmptyResult()

    def paged(self, items: Any, name: Any) -> tuple[list[Any], dict[str, Any]]:
        """The page that this request asks for."""
        size = self._get_param("MaxItems")
        if self.account.faults.get("pages") == "short":
            size = max(1, (DEFAULT if size is None else size) // 2)
        return page(items, name, self._get_param("Marker"), size)

    def user_name(self) -> str:
        """The user asked for, or else the caller."""
        raise NotImplementedError


def check_tags(tags: list[dict[str, str]]) -> None:
    """Refuses what TagUser refuses: ValidationError for the form, InvalidInput for what is not allowed."""
    if len(tags) > 50:
        raise invalid("tags", tags, "Member must have length less than or equal to 50")
    for number, tag in enumerate(tags, start=1):
        _check(tag["Key"], f"tags.{number}.member.key", 1, 128)
        _check(tag["Value"], f"tags.{number}.member.value", 0, 256)
        if tag["Key"].lower().startswith("aws:"):
            raise error("InvalidInput", "aws: prefixed tag key names are not allowed for external use.")
    if len({tag["Key"].lower() for tag in tags}) < len(tags):
        raise error(
            "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )


def _check(text: str, field: str, least: int, most: int) -> None:
    if len(text) < least:
        raise invalid(field, text, f"Member must have length greater than or equal to {least}")
    if len(text) > most:
        raise invalid(field, text, f"Member must have length less than or equal to {most}")
    if not TAG.fullmatch(text):
        raise invalid(field, text, PATTERN + ("+" if least else "*"))


def _summary(user: Any) -> dict[str, Any]:
    shown = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.create_date,
    }
    if user.password_last_used:
        shown["PasswordLastUsed"] = user.password_last_used
    return shown
