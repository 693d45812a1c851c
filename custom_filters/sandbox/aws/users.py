"""IAM users and roles: lists in pages, authorization details, tags."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from moto.core.responses import ActionResult, EmptyResult

from custom_filters.sandbox.aws.account import extras
from custom_filters.sandbox.aws.iam import IamBase
from custom_filters.sandbox.aws.pages import error, invalid

KINDS = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")
TAG = re.compile(r"[\w \xa0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000.:/=+\-@]*")  # \p{L}\p{Z}\p{N}_.:/=+-@
PATTERN = r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]"


class Users(IamBase):
    """What moto gets wrong of users, of GetRole, GetAccountAuthorizationDetails and of tags."""

    def list_users(self) -> ActionResult:
        """Without tags, as AWS: only GetUser and GetAccountAuthorizationDetails have them."""
        given, more = self.paged(
            self.account.users(self._get_param("PathPrefix", "/")), lambda user: user.name
        )
        return ActionResult({"Users": [self._user(user) for user in given], **more})

    def get_user(self) -> ActionResult:
        user = self.backend.get_user(self.user_name())
        return ActionResult({"User": {**self._user(user), **self._tags(user)}})

    def update_user(self) -> EmptyResult:
        """A renamed user keeps id, tags and keys: moto loses the tags with the ARN."""
        user, name = self.backend.get_user(self._get_param("UserName")), self._get_param("NewUserName")
        tags = self.account.tags(user)
        self.backend.tagger.delete_all_tags_for_resource(user.arn)
        self.backend.update_user(user.name, self._get_param("NewPath"), name)
        self.backend.tagger.tag_resource(user.arn, tags)
        for owned in (*user.access_keys, *user.ssh_public_keys):
            owned.user_name = user.name
        for credential in extras(user).service_credentials:
            credential["UserName"] = user.name
        return EmptyResult()

    def get_role(self) -> ActionResult:
        role = self.backend.get_role(self._get_param("RoleName"))
        shown = {
            "AssumeRolePolicyDocument": role.assume_role_policy_document,
            "Description": role.description,
        }
        return ActionResult({"Role": {**self._role(role), **shown}})

    def get_account_authorization_details(self) -> ActionResult:
        """Users, groups, roles and policies in one sequence of pages, those that Filter asks for."""
        entities = self._entities(self._get_param("Filter") or KINDS)
        given, more = self.paged(entities, lambda entity: f"{entity[0]}/{entity[1]}")
        members: dict[str, list[str]] = {}
        for group in self.backend.groups.values():
            for user in group.users:
                members.setdefault(user.name, []).append(group.name)
        shown: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        for number, name, entity in given:
            kind = KINDS[number]
            detail = self._user_detail(entity, members.get(name, [])) if kind == "User" else entity
            shown[kind].append(self._role_detail(entity) if kind == "Role" else detail)
        lists = {f"{kind}DetailList": shown[kind] for kind in ("User", "Group", "Role")}
        return ActionResult({**lists, "Policies": shown[KINDS[3]] + shown[KINDS[4]], **more})

    def _entities(self, wanted: Any) -> list[tuple[int, str, Any]]:
        backend = self.backend
        theirs = {policy.arn for policy in backend.aws_managed_policies}
        policies = backend.managed_policies.values()
        mine = [policy for policy in policies if policy.arn not in theirs]
        owned = (backend.users.values(), backend.groups.values(), backend.roles.values(), mine)
        every = dict(zip(KINDS, (*owned, backend.aws_managed_policies), strict=True))
        found = [(KINDS.index(kind), entity.name, entity) for kind in wanted for entity in every[kind]]
        return sorted(found, key=lambda entity: (entity[0], entity[1].lower(), entity[1]))

    def _user_detail(self, user: Any, groups: list[str]) -> dict[str, Any]:
        shown = {**self._user(user), **self._tags(user), "GroupList": groups}
        shown.pop("PasswordLastUsed", None)  # this action is the one that does not tell
        policies = {"UserPolicyList": _documents(user)} if user.policies else {}
        return {**shown, **policies, "AttachedManagedPolicies": user.attached_managed_policies}

    def _role_detail(self, role: Any) -> dict[str, Any]:
        return {
            **self._role(role),
            "AssumeRolePolicyDocument": quote(role.assume_role_policy_document),
            "InstanceProfileList": role.instance_profile_list,
            "RolePolicyList": _documents(role),
            "AttachedManagedPolicies": role.attached_managed_policies,
        }

    def _user(self, user: Any) -> dict[str, Any]:
        used = self.account.password_used(user)
        shown = {"Path": user.path, "UserName": user.name, "UserId": user.id, "Arn": user.arn}
        return {**shown, "CreateDate": user.create_date, **({"PasswordLastUsed": used} if used else {})}

    def _role(self, role: Any) -> dict[str, Any]:
        at = self.account.role_used(role)
        used = {"LastUsedDate": at, "Region": role.last_used_region} if at else {}
        shown = {"Path": role.path, "RoleName": role.name, "RoleId": role.id, "Arn": role.arn}
        return {**shown, "CreateDate": role.create_date, "RoleLastUsed": used, **self._tags(role)}

    def list_user_tags(self) -> ActionResult:
        tags = sorted(self.account.tags(self._entity()), key=lambda tag: tag["Key"].lower())
        given, more = self.paged(tags, lambda tag: tag["Key"])
        return ActionResult({"Tags": given, **more})

    def tag_user(self) -> EmptyResult:
        """Keys differ by more than case; 50 tags in all; nothing is applied when one of them is refused."""
        tags = self._get_param("Tags", [])
        check_tags(tags)
        kept = self._without({tag["Key"].lower() for tag in tags})
        if len(kept) + len(tags) > 50:
            raise error("LimitExceeded", "The number of tags has reached the maximum limit.")
        return self._set_tags(kept + tags)

    def untag_user(self) -> EmptyResult:
        return self._set_tags(self._without({key.lower() for key in self._get_param("TagKeys", [])}))

    list_role_tags, tag_role, untag_role = list_user_tags, tag_user, untag_user

    def _entity(self) -> Any:
        role = self._get_param("RoleName")
        return self.backend.get_role(role) if role else self.backend.get_user(self._get_param("UserName"))

    def _without(self, keys: set[str]) -> list[dict[str, str]]:
        return [tag for tag in self.account.tags(self._entity()) if tag["Key"].lower() not in keys]

    def _set_tags(self, tags: list[dict[str, str]]) -> EmptyResult:
        entity = self._entity()
        if self._get_param("RoleName"):
            entity.tags = tags
        else:
            self.backend.tagger.delete_all_tags_for_resource(entity.arn)
            self.backend.tagger.tag_resource(entity.arn, tags)
        return EmptyResult()

    def _tags(self, entity: Any) -> dict[str, Any]:
        tags = self.account.tags(entity)
        return {"Tags": tags} if tags else {}


def check_tags(tags: list[dict[str, str]]) -> None:
    """Refuses what TagUser refuses: ValidationError for the form, InvalidInput for what is not allowed."""
    if len(tags) > 50:
        raise invalid("tags", tags, "Member must have length less than or equal to 50")
    for number, tag in enumerate(tags, start=1):
        for field, least, most in (("Key", 1, 128), ("Value", 0, 256)):
            text, where = tag[field], f"tags.{number}.member.{field.lower()}"
            if not least <= len(text) <= most:
                raise invalid(where, text, f"Member must have length from {least} to {most}")
            if not TAG.fullmatch(text):
                raise invalid(where, text, PATTERN)
    keys = {tag["Key"].lower() for tag in tags}
    if len(keys) < len(tags) or any(key.startswith("aws:") for key in keys):
        raise error("InvalidInput", "Tag keys are case insensitive, each once, and must not begin with aws:.")


def _documents(entity: Any) -> list[dict[str, str]]:
    return [{"PolicyName": name, "PolicyDocument": quote(_text(d))} for name, d in entity.policies.items()]


def _text(document: Any) -> str:
    """As JSON: moto keeps the policies of a role that CloudFormation made as what it read."""
    return document if isinstance(document, str) else json.dumps(document, default=str)
