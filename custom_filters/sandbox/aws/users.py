"""IAM users and roles: lists in pages, authorization details, tags."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from moto.core.responses import ActionResult, EmptyResult

from custom_filters.sandbox.aws.account import Account, extras
from custom_filters.sandbox.aws.pages import DEFAULT, error, invalid, page

KINDS = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")
TAG = re.compile(r"[\w \xa0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000.:/=+\-@]*")  # \p{L}\p{Z}\p{N}_.:/=+-@
PATTERN = r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]"


class Users:
    """What moto gets wrong of users, of GetRole, GetAccountAuthorizationDetails and of tags."""

    account: Account
    backend: Any
    _get_param: Any

    def list_users(self) -> ActionResult:
        """Without tags, as AWS: only GetUser and GetAccountAuthorizationDetails have them."""
        found = self.account.users(self._get_param("PathPrefix", "/"))
        given, more = self.paged(found, lambda user: user.name)
        return ActionResult({"Users": [self._summary(user) for user in given], **more})

    def get_user(self) -> ActionResult:
        """With tags and PasswordLastUsed; without a name, the caller, who must then be a user."""
        user = self.backend.get_user(self.user_name())
        return ActionResult({"User": {**self._summary(user), **self._tags(user)}})

    def create_user(self) -> ActionResult:
        """With an id of AWS's form, and names unique without regard to case."""
        name, tags = self._get_param("UserName"), self._get_param("Tags", [])
        self._need_free(name)
        check_tags(tags)
        user = self.backend.create_user("us-east-1", name, self._get_param("Path"), tags)
        user.id = self.account.identifier("AIDA", "user", name, user.create_date, length=21)
        return ActionResult({"User": {**self._summary(user), **self._tags(user)}})

    def update_user(self) -> EmptyResult:
        """A renamed user keeps id, tags and keys: moto loses the tags with the ARN."""
        user, name = self.backend.get_user(self._get_param("UserName")), self._get_param("NewUserName")
        tags = self.account.tags(user)
        if name and name.lower() != user.name.lower():
            self._need_free(name)
        self.backend.tagger.delete_all_tags_for_resource(user.arn)
        self.backend.update_user(user.name, self._get_param("NewPath"), name)
        self.backend.tagger.tag_resource(user.arn, tags)
        for owned in (*user.access_keys, *user.ssh_public_keys, *extras(user).service_credentials):
            owned.user_name = user.name
        return EmptyResult()

    def delete_user(self) -> EmptyResult:
        """Refused with DeleteConflict while anything hangs on the user."""
        user = self.backend.get_user(self._get_param("UserName"))
        if user.password or user.access_keys or user.ssh_public_keys or user.signing_certificates:
            raise error("DeleteConflict", "Cannot delete entity, must delete its credentials first.")
        if extras(user).service_credentials or self.backend.get_groups_for_user(user.name):
            raise error("DeleteConflict", "Cannot delete entity, must remove what is attached to it first.")
        self.backend.delete_user(user.name)
        return EmptyResult()

    def get_role(self) -> ActionResult:
        """moto's, with RoleLastUsed as far as AWS tells it."""
        role = self.account.role(self._get_param("RoleName"))
        shown = {name: getattr(role, name) for name in ("assume_role_policy_document", "description", "tags")}
        return ActionResult({"Role": {**_role(role), **shown, **self._last_used(role)}})

    def get_account_authorization_details(self) -> ActionResult:
        """Users, groups, roles and policies in one sequence of pages, those that Filter asks for."""
        wanted = self._get_param("Filter") or list(KINDS)
        given, more = self.paged(self._entities(wanted), lambda entity: f"{entity[0]}/{entity[1]}")
        memberships = self.account.groups_of()
        shown: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        for number, _, entity in given:
            kind = KINDS[number]
            detail = entity
            if kind == "User":
                detail = self._user_detail(entity, memberships)
            elif kind == "Role":
                detail = self._role_detail(entity)
            shown[kind].append(detail)
        lists = {f"{kind}DetailList": shown[kind] for kind in ("User", "Group", "Role")}
        policies = shown["LocalManagedPolicy"] + shown["AWSManagedPolicy"]
        return ActionResult({**lists, "Policies": policies, **more})

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

    def _user_detail(self, user: Any, memberships: dict[str, list[str]]) -> dict[str, Any]:
        shown = self._summary(user)
        shown.pop("PasswordLastUsed", None)  # this action is the one that does not tell
        shown["GroupList"] = memberships.get(user.name, [])
        shown["AttachedManagedPolicies"] = user.attached_managed_policies
        policies = {"UserPolicyList": _documents(user)} if user.policies else {}
        return {**shown, **policies, **self._tags(user)}

    def _role_detail(self, role: Any) -> dict[str, Any]:
        return {
            **_role(role),
            "AssumeRolePolicyDocument": quote(role.assume_role_policy_document),
            "InstanceProfileList": role.instance_profile_list,
            "RolePolicyList": _documents(role),
            "AttachedManagedPolicies": role.attached_managed_policies,
            **self._tags(role),
            **self._last_used(role),
        }

    def _last_used(self, role: Any) -> dict[str, Any]:
        at = self.account.role_used(role)
        return {"RoleLastUsed": {"LastUsedDate": at, "Region": role.last_used_region} if at else {}}

    def list_user_tags(self) -> ActionResult:
        """Sorted by key."""
        tags = self.account.tags(self._entity())
        tags.sort(key=lambda tag: tag["Key"].lower())
        given, more = self.paged(tags, lambda tag: tag["Key"])
        return ActionResult({"Tags": given, **more})

    def tag_user(self) -> EmptyResult:
        """Keys differ by more than case; 50 tags in all; nothing is applied when one of them is refused."""
        tags = self._get_param("Tags", [])
        check_tags(tags)
        entity = self._entity()
        given = {tag["Key"].lower() for tag in tags}
        kept = [tag for tag in self.account.tags(entity) if tag["Key"].lower() not in given]
        if len(kept) + len(tags) > 50:
            raise error("LimitExceeded", "The number of tags has reached the maximum limit.")
        self._set_tags(entity, kept + tags)
        return EmptyResult()

    def untag_user(self) -> EmptyResult:
        """Keys that are not there are ignored."""
        keys = {key.lower() for key in self._get_param("TagKeys", [])}
        entity = self._entity()
        self._set_tags(entity, [tag for tag in self.account.tags(entity) if tag["Key"].lower() not in keys])
        return EmptyResult()

    list_role_tags, tag_role, untag_role = list_user_tags, tag_user, untag_user

    def _entity(self) -> Any:
        role = self._get_param("RoleName")
        return self.account.role(role) if role else self.backend.get_user(self._get_param("UserName"))

    def _set_tags(self, entity: Any, tags: list[dict[str, str]]) -> None:
        if self._get_param("RoleName"):
            entity.tags = tags
            return
        self.backend.tagger.delete_all_tags_for_resource(entity.arn)
        self.backend.tagger.tag_resource(entity.arn, tags)

    def _tags(self, entity: Any) -> dict[str, Any]:
        tags = self.account.tags(entity)
        return {"Tags": tags} if tags else {}

    def _need_free(self, name: str) -> None:
        if name.lower() in {user.name.lower() for user in self.account.users()}:
            raise error("EntityAlreadyExists", f"User with name {name} already exists.")

    def _summary(self, user: Any) -> dict[str, Any]:
        used = self.account.password_used(user)
        shown = {"Path": user.path, "UserName": user.name, "UserId": user.id, "Arn": user.arn}
        return {**shown, "CreateDate": user.create_date, **({"PasswordLastUsed": used} if used else {})}

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


def _role(role: Any) -> dict[str, Any]:
    shown = {"Path": role.path, "RoleName": role.name, "RoleId": role.id, "Arn": role.arn}
    return {**shown, "CreateDate": role.create_date}


def _documents(entity: Any) -> list[dict[str, str]]:
    return [{"PolicyName": name, "PolicyDocument": quote(text)} for name, text in entity.policies.items()]
