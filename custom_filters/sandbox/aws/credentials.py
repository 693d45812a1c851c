"""What moto lacks or gets wrong of passwords, last uses of keys, and service-specific credentials."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from custom_filters.sandbox.aws.account import extras
from custom_filters.sandbox.aws.iam import IamBase
from custom_filters.sandbox.aws.pages import error
from custom_filters.sandbox.aws.people import BEDROCK, CODECOMMIT, KEYSPACES

SERVICES = (CODECOMMIT, KEYSPACES, BEDROCK, "logs.amazonaws.com")


class Credentials(IamBase):
    """Actions of moto's class that are answered here; every other is moto's."""

    def create_login_profile(self) -> ActionResult:
        """Dates of its own: moto shows the user's."""
        user = self.backend.create_login_profile(self.user_name(), self._get_param("Password"))
        extras(user).password_created = extras(user).password_changed = self.account.now()
        return self.get_login_profile()

    def get_login_profile(self) -> ActionResult:
        user = self.backend.get_login_profile(self.user_name())
        created, reset = extras(user).password_created, bool(user.password_reset_required)
        shown = {"UserName": user.name, "CreateDate": created or user.create_date}
        return ActionResult({"LoginProfile": {**shown, "PasswordResetRequired": reset}})

    def update_login_profile(self) -> EmptyResult:
        user = self.backend.get_login_profile(self.user_name())
        if self._get_param("Password"):
            extras(user).password_changed = self.account.now()
        user.password_reset_required = self._get_param("PasswordResetRequired", user.password_reset_required)
        return EmptyResult()

    def get_access_key_last_used(self) -> ActionResult:
        """From moto's index: moto itself would look through every user's keys."""
        key = self.backend.access_keys.get(self._get_param("AccessKeyId"))
        if key is None or key.user_name not in self.backend.users:
            raise error("NoSuchEntity", "The Access Key cannot be found.")
        shown: dict[str, Any] = {"Region": "N/A", "ServiceName": "N/A"}
        if used := self.account.key_used(self.backend.users[key.user_name], key):
            region = "N/A" if used.service == "s3" else used.region
            shown = {"Region": region, "ServiceName": used.service, "LastUsedDate": used.at}
        return ActionResult({"UserName": key.user_name, "AccessKeyLastUsed": shown})

    def list_service_specific_credentials(self) -> ActionResult:
        """One user's, or with AllUsers everybody's, in pages; of one service if named."""
        service = self._get_param("ServiceName")
        if service not in (None, *SERVICES):
            raise error("NotSupportedService", f"No such service {service} is supported for this operation")
        everybody, name = self._get_param("AllUsers", False), self._get_param("UserName")
        if everybody and name:
            raise error("ValidationError", "AllUsers cannot be specified together with UserName.")
        users = self.account.users() if everybody else [self.backend.get_user(self.user_name())]
        found = [made for user in users for made in extras(user).service_credentials]
        found = [made for made in found if service in (None, made["ServiceName"])]
        found.sort(key=lambda made: made["ServiceSpecificCredentialId"].lower())
        given, more = self.paged(found, lambda made: made["ServiceSpecificCredentialId"])
        return ActionResult({"ServiceSpecificCredentials": given, **more})

    def update_service_specific_credential(self) -> EmptyResult:
        wanted = self._get_param("ServiceSpecificCredentialId")
        for made in extras(self.backend.get_user(self.user_name())).service_credentials:
            if made["ServiceSpecificCredentialId"] == wanted:
                made["Status"] = self._get_param("Status")
                return EmptyResult()
        raise error("NoSuchEntity", f"No such credential {wanted} exists")
