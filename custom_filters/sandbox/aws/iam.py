"""What our IAM actions have in common: moto's authorisation and serialisers, the account, pages."""

from __future__ import annotations

from typing import Any

from moto.iam.responses import IamResponse

from custom_filters.sandbox.aws.account import ACCOUNTS, Account
from custom_filters.sandbox.aws.pages import DEFAULT, error, page


class IamBase(IamResponse):
    """moto's IAM responses, for ours to come first."""

    @property
    def account(self) -> Account:
        """The account that the caller's key belongs to."""
        found: Account = self.normalized_request.environ[ACCOUNTS].account(self.current_account)
        return found

    @property
    def backend(self) -> Any:
        """The backend, moto's, of that account."""
        return self.account.backend

    def paged(self, items: Any, name: Any) -> tuple[list[Any], dict[str, Any]]:
        size = self._get_param("MaxItems")
        if self.account.faults.get("pages") == "short":
            size = max(1, (DEFAULT if size is None else size) // 2)
        return page(items, name, self._get_param("Marker"), size)

    def user_name(self) -> str:
        """The user asked for, or else the one whose key signed the request; a role has no user."""
        name: str | None = self._get_param("UserName")
        key = self.backend.access_keys.get(self.access_key)
        name = name or (key.user_name if key else None)
        if name is None:
            raise error("ValidationError", "Must specify userName when calling with non-User credentials")
        return name

    def _determine_resource(self) -> str:
        """What policies' Resource is matched with: moto knows roles only."""
        name = self._get_param("UserName")
        if name in self.backend.users:
            arn: str = self.backend.users[name].arn
            return arn
        resource: str = self._get_param("Arn") or super()._determine_resource()
        return resource
