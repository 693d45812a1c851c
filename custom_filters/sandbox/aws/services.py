"""What moto's EC2 and CloudFormation lack: an account's enabled Regions, the stack of a physical resource."""

from __future__ import annotations

from typing import Any

import botocore.session
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse, StackResourceDTO
from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response

from custom_filters.sandbox.aws.account import ACCOUNTS
from custom_filters.sandbox.aws.regions import DEFAULT_REGIONS, enabled


class Ec2(EC2Response):
    """moto's EC2 with the account's own DescribeRegions."""

    def describe_regions(self) -> ActionResult:
        """The Regions that the account can use; with AllRegions those of the partition, and their state."""
        on = enabled(self.normalized_request.environ[ACCOUNTS].faults)
        every = botocore.session.get_session().get_available_regions("ec2")
        wanted = self._get_param("RegionNames", []) or every
        shown = [name for name in every if name in wanted and (self._get_param("AllRegions") or name in on)]
        return ActionResult({"Regions": [_region(name, name in on) for name in shown]})


class CloudFormation(CloudFormationResponse):
    """moto's CloudFormation, asked for the stack that a resource belongs to."""

    def describe_stack_resources(self) -> ActionResult:
        """By PhysicalResourceId: all resources of its stack in this Region, or ValidationError."""
        wanted = self._get_param("PhysicalResourceId")
        if wanted is None:
            return super().describe_stack_resources()
        for stack in list(self.cloudformation_backend.stacks.values()):
            found = [StackResourceDTO(stack, one) for one in stack.stack_resources]
            if any(one.physical_resource_id == wanted for one in found):
                return ActionResult({"StackResources": found})
        raise ValidationError(message=f"Stack for {wanted} does not exist")


def _region(name: str, on: bool) -> dict[str, Any]:
    state = "opted-in" if on else "not-opted-in"
    state = "opt-in-not-required" if name in DEFAULT_REGIONS else state
    return {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": state}
