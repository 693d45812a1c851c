"""moto's services with what they lack of ours first; each is loaded when it is first asked.

EC2 tells an account's enabled Regions, CloudFormation the stack of a physical resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import botocore.session
from moto.core.responses import ActionResult

from custom_filters.sandbox.aws.account import ACCOUNTS, extras
from custom_filters.sandbox.aws.advisor import Advisor
from custom_filters.sandbox.aws.cloudtrail import CloudTrail
from custom_filters.sandbox.aws.credentials import Credentials
from custom_filters.sandbox.aws.faults import DEFAULT_REGIONS, enabled
from custom_filters.sandbox.aws.report import CredentialReport
from custom_filters.sandbox.aws.users import Users


class Iam(Users, Credentials, CredentialReport, Advisor):
    """IAM as the sandbox answers it."""


def _ec2() -> Any:
    from moto.ec2.responses import EC2Response

    class Ec2(EC2Response):
        def describe_regions(self) -> ActionResult:
            """The Regions that the account can use; with AllRegions all, and their state."""
            on = enabled(self.normalized_request.environ[ACCOUNTS].faults)
            every = botocore.session.get_session().get_available_regions("ec2")
            asked, everything = self._get_param("RegionNames", []) or every, self._get_param("AllRegions")
            shown = [name for name in every if name in asked and (everything or name in on)]
            return ActionResult({"Regions": [_region(name, name in on) for name in shown]})

    return Ec2


def _cloudformation() -> Any:
    from moto.cloudformation.exceptions import ValidationError
    from moto.cloudformation.responses import CloudFormationResponse

    class CloudFormation(CloudFormationResponse):
        def describe_stack_resources(self) -> ActionResult:
            """By PhysicalResourceId: the stack of a role, which is in one Region; else ValidationError."""
            name = self._get_param("PhysicalResourceId")
            if name is None:
                return super().describe_stack_resources()
            account = self.normalized_request.environ[ACCOUNTS].account(self.current_account)
            roles = [role for role in account.backend.roles.values() if role.name == name]
            if not roles or extras(roles[0]).stack != self.region:
                raise ValidationError(message=f"Stack for {name} does not exist")
            found = {"StackName": f"stack-{name}", "LogicalResourceId": "Role", "PhysicalResourceId": name}
            found |= {"ResourceType": "AWS::IAM::Role", "ResourceStatus": "CREATE_COMPLETE"}
            return ActionResult({"StackResources": [{**found, "Timestamp": roles[0].create_date}]})

    return CloudFormation


def _region(name: str, on: bool) -> dict[str, Any]:
    state = "opt-in-not-required" if name in DEFAULT_REGIONS else "opted-in" if on else "not-opted-in"
    return {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": state}


OURS: Mapping[str, Callable[[], Any]] = {
    "iam": lambda: Iam,
    "cloudtrail": lambda: CloudTrail,
    "ec2": _ec2,
    "cloudformation": _cloudformation,
}
