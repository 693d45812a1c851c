"""What a user signs in with: password, access keys, SSH keys, certificates, service credentials."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from custom_filters.sandbox.aws.account import Account, ServiceSpecificCredential, extras
from custom_filters.sandbox.aws.pages import error, invalid
from custom_filters.sandbox.aws.people import BEDROCK, CODECOMMIT, KEYSPACES

API_KEY_SERVICES = (BEDROCK, "logs.amazonaws.com")  # long-term API keys: may expire
SERVICES = (CODECOMMIT, KEYSPACES, *API_KEY_SERVICES)


class Credentials:
    """The credential actions that moto lacks or gets wrong."""

    account: Account
    backend: Any
    _get_param: Any
    user_name: Any
    paged: Any

    def create_login_profile(self) -> ActionResult:
        """Dates of its own: moto shows the user's."""
        user = self.backend.create_login_profile(self.user_name(), self._get_param("Password"))
        extras(user).password_created = extras(user).password_changed = self.account.now()
        user.password_reset_required = self._get_param("PasswordResetRequired", False)
        return ActionResult({"LoginProfile": _login_profile(user)})

    def get_login_profile(self) -> ActionResult:
        """NoSuchEntity when the user has none."""
        user = self.backend.get_login_profile(self.user_name())
        return ActionResult({"LoginProfile": _login_profile(user)})

    def update_login_profile(self) -> EmptyResult:
        """A new password moves password_last_changed."""
        user = self.backend.get_login_profile(self.user_name())
        if password := self._get_param("Password"):
            user.password = password
            extras(user).password_changed = self.account.now()
        reset = self._get_param("PasswordResetRequired")
        user.password_reset_required = user.password_reset_required if reset is None else reset
        return EmptyResult()

    def create_access_key(self) -> ActionResult:
        """moto's, with the user implied by the caller's key."""
        return ActionResult({"AccessKey": self.backend.create_access_key(self.user_name())})

    def delete_access_key(self) -> EmptyResult:
        """moto's, without its look through every user's keys."""
        self.backend.delete_access_key(self._get_param("AccessKeyId"), self.user_name())
        return EmptyResult()

    def get_access_key_last_used(self) -> ActionResult:
        """From moto's index: moto itself would look through every user's keys."""
        key = self.backend.access_keys.get(self._get_param("AccessKeyId"))
        if key is None or key.user_name not in self.backend.users:
            raise error(
                "NoSuchEntity", f"The Access Key with id {self._get_param('AccessKeyId')} cannot be found."
            )
        shown: dict[str, Any] = {"Region": "N/A", "ServiceName": "N/A"}
        if used := self.account.key_used(self.backend.users[key.user_name], key):
            region = "N/A" if used.service == "s3" else used.region
            shown = {"Region": region, "ServiceName": used.service, "LastUsedDate": used.at}
        return ActionResult({"UserName": key.user_name, "AccessKeyLastUsed": shown})

    def list_access_keys(self) -> ActionResult:
        """By id, as the credential report has them."""
        return self._listed("AccessKeyMetadata", self._user_of().access_keys, "access_key_id")

    def list_ssh_public_keys(self) -> ActionResult:
        """By id, without the keys' bodies."""
        return self._listed("SSHPublicKeys", self._user_of().ssh_public_keys, "ssh_public_key_id")

    def list_signing_certificates(self) -> ActionResult:
        """By id."""
        return self._listed("Certificates", self._user_of().signing_certificates.values(), "id")

    def list_service_specific_credentials(self) -> ActionResult:
        """One user's, or with AllUsers everybody's, in pages; of one service if named."""
        service = self._get_param("ServiceName")
        if service not in (None, *SERVICES):
            raise error("NotSupportedService", f"No such service {service} is supported for this operation")
        everybody, name = self._get_param("AllUsers", False), self._get_param("UserName")
        if everybody and name:
            raise error("ValidationError", "AllUsers cannot be specified together with UserName.")
        users = self.account.users() if everybody else [self._user_of()]
        found = [made for user in users for made in extras(user).service_credentials]
        found = [made for made in found if service in (None, made.service_name)]
        return self._listed("ServiceSpecificCredentials", found, "service_specific_credential_id", _shown)

    def update_access_key(self) -> EmptyResult:
        """Active or Inactive, as all credentials; the key must be the named user's."""
        return self._switch(self.backend.update_access_key, "AccessKeyId")

    def update_ssh_public_key(self) -> EmptyResult:
        """Active or Inactive."""
        return self._switch(self.backend.update_ssh_public_key, "SSHPublicKeyId")

    def update_signing_certificate(self) -> EmptyResult:
        """Active or Inactive."""
        return self._switch(self.backend.update_signing_certificate, "CertificateId")

    def update_service_specific_credential(self) -> EmptyResult:
        """Active or Inactive."""
        return self._switch(self._update_service_credential, "ServiceSpecificCredentialId")

    def _update_service_credential(self, name: str, wanted: str, status: str) -> None:
        for made in extras(self.backend.get_user(name)).service_credentials:
            if made.service_specific_credential_id == wanted:
                made.status = status
                return
        raise error("NoSuchEntity", f"No such credential {wanted} exists")

    def _user_of(self) -> Any:
        return self.backend.get_user(self.user_name())

    def _listed(self, member: str, items: Iterable[Any], key: str, show: Any = None) -> ActionResult:
        name = attrgetter(key)
        given, more = self.paged(sorted(items, key=lambda one: name(one).lower()), name)
        return ActionResult({member: [show(one) if show else one for one in given], **more})

    def _switch(self, update: Any, field: str) -> EmptyResult:
        status = self._get_param("Status")
        if status not in ("Active", "Inactive"):
            raise invalid("status", status, "Member must satisfy enum value set: [Active, Inactive]")
        update(self.user_name(), self._get_param(field), status)
        return EmptyResult()


def _login_profile(user: Any) -> dict[str, Any]:
    created, reset = extras(user).password_created or user.create_date, bool(user.password_reset_required)
    return {"UserName": user.name, "CreateDate": created, "PasswordResetRequired": reset}


def _shown(made: ServiceSpecificCredential) -> dict[str, Any]:
    name = "ServiceCredentialAlias" if made.service_name in API_KEY_SERVICES else "ServiceUserName"
    return {
        "UserName": made.user_name,
        "Status": made.status,
        name: made.service_user_name,
        "CreateDate": made.create_date,
        "ServiceSpecificCredentialId": made.service_specific_credential_id,
        "ServiceName": made.service_name,
        **({"ExpirationDate": made.expiration_date} if made.expiration_date else {}),
    }
