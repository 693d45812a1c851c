"""What a user signs in with: password, access keys, SSH keys, certificates, service credentials."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from operator import attrgetter
from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from custom_filters.sandbox.aws.account import Account, ServiceSpecificCredential, extras, secret
from custom_filters.sandbox.aws.errors import error, invalid
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
        return ActionResult(
            {"LoginProfile": _login_profile(self.backend.get_login_profile(self.user_name()))}
        )

    def update_login_profile(self) -> EmptyResult:
        """A new password moves password_last_changed."""
        user = self.backend.get_login_profile(self.user_name())
        if password := self._get_param("Password"):
            user.password = password
            extras(user).password_changed = self.account.now()
        reset = self._get_param("PasswordResetRequired")
        user.password_reset_required = user.password_reset_required if reset is None else reset
        return EmptyResult()

    def list_access_keys(self) -> ActionResult:
        """By id, as the credential report has them."""
        keys = self.backend.get_user(self.user_name()).access_keys
        given, more = self._paged_by(keys, "access_key_id")
        return ActionResult({"AccessKeyMetadata": given, **more})

    def update_access_key(self) -> EmptyResult:
        """Active or Inactive; the key must be the named user's."""
        status = self._status()
        self.backend.update_access_key(self.user_name(), self._get_param("AccessKeyId"), status)
        return EmptyResult()

    def get_access_key_last_used(self) -> ActionResult:
        """From moto's index: moto itself would look through every user's keys."""
        key = self.backend.access_keys.get(self._get_param("AccessKeyId"))
        if key is None or key.user_name is None:
            raise error(
                "NoSuchEntity", f"The Access Key with id {self._get_param('AccessKeyId')} cannot be found."
            )
        shown: dict[str, Any] = {"Region": "N/A", "ServiceName": "N/A"}
        if key.last_used:
            region = "N/A" if key.last_used.service == "s3" else key.last_used.region
            shown = {"Region": region, "ServiceName": key.last_used.service}
            shown["LastUsedDate"] = key.last_used.timestamp
        return ActionResult({"UserName": key.user_name, "AccessKeyLastUsed": shown})

    def list_ssh_public_keys(self) -> ActionResult:
        """By id, without the keys' bodies."""
        keys = self.backend.get_user(self.user_name()).ssh_public_keys
        given, more = self._paged_by(keys, "ssh_public_key_id")
        return ActionResult({"SSHPublicKeys": given, **more})

    def update_ssh_public_key(self) -> EmptyResult:
        """Active or Inactive."""
        key = self._get_param("SSHPublicKeyId")
        self.backend.update_ssh_public_key(self.user_name(), key, self._status())
        return EmptyResult()

    def list_signing_certificates(self) -> ActionResult:
        """By id."""
        user = self.backend.get_user(self.user_name())
        given, more = self._paged_by(user.signing_certificates.values(), "id")
        return ActionResult({"Certificates": given, **more})

    def update_signing_certificate(self) -> EmptyResult:
        """Active or Inactive."""
        certificate = self._get_param("CertificateId")
        self.backend.update_signing_certificate(self.user_name(), certificate, self._status())
        return EmptyResult()

    def create_service_specific_credential(self) -> ActionResult:
        """At most two for a service and user; API keys may expire."""
        user = self.backend.get_user(self._get_param("UserName"))
        service, age = self._get_param("ServiceName"), self._get_param("CredentialAgeDays")
        _check_service(service)
        if sum(made.service_name == service for made in extras(user).service_credentials) >= 2:
            raise error("LimitExceeded", "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2")
        if age is not None and service not in API_KEY_SERVICES:
            raise error("ValidationError", f"CredentialAgeDays is not valid for {service}")
        now = self.account.now()
        made = ServiceSpecificCredential(
            user_name=user.name,
            service_specific_credential_id=self.account.identifier("ACCA", user.name, service, secret()),
            service_name=service,
            service_user_name=f"{user.name}-at-{self.account.id}",
            create_date=now,
            expiration_date=now + timedelta(days=age) if age else None,
        )
        extras(user).service_credentials.append(made)
        return ActionResult({"ServiceSpecificCredential": {**_shown(made), **_secret(made)}})

    def list_service_specific_credentials(self) -> ActionResult:
        """One user's, or with AllUsers everybody's, in pages; of one service if named."""
        service = self._get_param("ServiceName")
        if service is not None:
            _check_service(service)
        everybody, name = self._get_param("AllUsers", False), self._get_param("UserName")
        if everybody and name:
            raise error("ValidationError", "AllUsers cannot be specified together with UserName.")
        users = self.account.users() if everybody else [self.backend.get_user(self.user_name())]
        found = [made for user in users for made in extras(user).service_credentials]
        found = [made for made in found if service in (None, made.service_name)]
        given, more = self._paged_by(found, "service_specific_credential_id")
        return ActionResult({"ServiceSpecificCredentials": [_shown(made) for made in given], **more})

    def update_service_specific_credential(self) -> EmptyResult:
        """Active or Inactive."""
        self._service_credential()[1].status = self._status()
        return EmptyResult()

    def reset_service_specific_credential(self) -> ActionResult:
        """A new secret, shown once."""
        made = self._service_credential()[1]
        return ActionResult({"ServiceSpecificCredential": {**_shown(made), **_secret(made)}})

    def delete_service_specific_credential(self) -> EmptyResult:
        """For good."""
        user, made = self._service_credential()
        extras(user).service_credentials.remove(made)
        return EmptyResult()

    def _service_credential(self) -> tuple[Any, ServiceSpecificCredential]:
        user, wanted = self.backend.get_user(self.user_name()), self._get_param("ServiceSpecificCredentialId")
        for made in extras(user).service_credentials:
            if made.service_specific_credential_id == wanted:
                return user, made
        raise error("NoSuchEntity", f"No such credential {wanted} exists")

    def _paged_by(self, items: Iterable[Any], key: str) -> tuple[list[Any], dict[str, Any]]:
        name = attrgetter(key)
        paged: tuple[list[Any], dict[str, Any]] = self.paged(
            sorted(items, key=lambda one: name(one).lower()), name
        )
        return paged

    def _status(self) -> str:
        status: str = self._get_param("Status")
        if status not in ("Active", "Inactive"):
            raise invalid("status", status, "Member must satisfy enum value set: [Active, Inactive]")
        return status


def _check_service(service: str) -> None:
    if service not in SERVICES:
        raise error("NotSupportedService", f"No such service {service} is supported for this operation")


def _login_profile(user: Any) -> dict[str, Any]:
    created = extras(user).password_created or user.create_date
    return {
        "UserName": user.name,
        "CreateDate": created,
        "PasswordResetRequired": bool(user.password_reset_required),
    }


def _shown(made: ServiceSpecificCredential) -> dict[str, Any]:
    name = "ServiceCredentialAlias" if made.service_name in API_KEY_SERVICES else "ServiceUserName"
    shown = {
        "UserName": made.user_name,
        "Status": made.status,
        name: made.service_user_name,
        "CreateDate": made.create_date,
        "ServiceSpecificCredentialId": made.service_specific_credential_id,
        "ServiceName": made.service_name,
    }
    if made.expiration_date:
        shown["ExpirationDate"] = made.expiration_date
    return shown


def _secret(made: ServiceSpecificCredential) -> dict[str, str]:
    name = "ServiceCredentialSecret" if made.service_name in API_KEY_SERVICES else "ServicePassword"
    return {name: secret()}
