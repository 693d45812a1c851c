"""IAM as the sandbox answers it: our actions over moto's, with moto's authorisation and serialisers."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse

from custom_filters.sandbox.aws.account import ACCOUNTS, Account
from custom_filters.sandbox.aws.advisor import Advisor
from custom_filters.sandbox.aws.credentials import Credentials
from custom_filters.sandbox.aws.pages import DEFAULT, error, page
from custom_filters.sandbox.aws.report import CredentialReport
from custom_filters.sandbox.aws.users import Users


class Iam(Users, Credentials, CredentialReport, Advisor, IamResponse):
    """moto's IAM responses, with ours first."""

    @property
    def account(self) -> Account:  # type: ignore[override]
        """The account that the caller's key belongs to."""
        found: Account = self.normalized_request.environ[ACCOUNTS].account(self.current_account)
        return found

    @property
    def backend(self) -> Any:
        """The backend, moto's, of that account."""
        return self.account.backend

    def paged(self, items: Any, name: Any) -> tuple[list[Any], dict[str, Any]]:
        """The page that this request asks for."""
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

    def get_account_authorization_details(self) -> ActionResult:
        """moto's; documents that a CloudFormation stack left on roles are made the texts that it needs."""
        for role in self.backend.roles.values():
            for name, text in role.policies.items():
                role.policies[name] = text if isinstance(text, str) else json.dumps(text)
        found: ActionResult = super().get_account_authorization_details()
        return found

    def _determine_resource(self) -> str:
        """What policies' Resource is matched with: moto knows roles only."""
        name = self._get_param("UserName")
        if name in self.backend.users:
            arn: str = self.backend.users[name].arn
            return arn
        resource: str = self._get_param("Arn") or super()._determine_resource()
        return resource
