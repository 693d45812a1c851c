"""IAM as the sandbox answers it: our actions over moto's, with moto's authorisation and serialisers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse

from custom_filters.sandbox.aws.account import Account
from custom_filters.sandbox.aws.advisor import Advisor
from custom_filters.sandbox.aws.credentials import Credentials
from custom_filters.sandbox.aws.errors import error
from custom_filters.sandbox.aws.report import CredentialReport
from custom_filters.sandbox.aws.users import Users

if TYPE_CHECKING:
    from custom_filters.sandbox.aws.cloud import AwsCloud

CLOUD = "c7n_unused.cloud"  # where the gateway leaves the cloud in a request's environ


class Iam(Users, Credentials, CredentialReport, Advisor, IamResponse):
    """moto's IAM responses, with ours first."""

    @property
    def account(self) -> Account:  # type: ignore[override]
        """The account that the caller's key belongs to."""
        cloud: AwsCloud = self.normalized_request.environ[CLOUD]
        return cloud.account(self.current_account)

    @property
    def backend(self) -> Any:
        """The backend, moto's, of that account."""
        return self.account.backend

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

    def create_access_key(self) -> ActionResult:
        """moto's, with the user implied by the caller's key."""
        return ActionResult({"AccessKey": self.backend.create_access_key(self.user_name())})

    def delete_access_key(self) -> ActionResult:
        """moto's, without its look through every user's keys."""
        self.backend.delete_access_key(self._get_param("AccessKeyId"), self.user_name())
        return ActionResult(None)

    def _determine_resource(self) -> str:
        """What policies' Resource is matched with: moto knows roles only."""
        name = self._get_param("UserName")
        if name in self.backend.users:
            arn: str = self.backend.users[name].arn
            return arn
        resource: str = self._get_param("Arn") or super()._determine_resource()
        return resource
