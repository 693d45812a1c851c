"""What stands on a role: instances, by its profiles, Lambda functions, and the stack that made it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from custom_filters.aws.client import answer_or_refusal, aws_client, error_code, shared_in_account
from custom_filters.aws.privilege import principals_of
from custom_filters.aws.recent import enabled_regions
from custom_filters.custodian.parallel import for_each

log = logging.getLogger("custodian.unused.aws")

_SERVICES = ("ec2.amazonaws.com", "lambda.amazonaws.com")
#: CloudFormation's answer for what is in no stack of the Region.
_NO_STACK = "ValidationError"


@dataclass(frozen=True)
class Running:
    """What runs with a role: a sentence by the ARN of a role or an instance profile; what was not read."""

    by_arn: Mapping[str, str]
    unread: tuple[str, ...]

    def of(self, role: Mapping[str, Any]) -> str | None:
        """What runs with this role, if anything is known to."""
        arns = [role["Arn"], *(profile["Arn"] for profile in role.get("InstanceProfileList", ()))]
        return next((self.by_arn[arn] for arn in arns if arn in self.by_arn), None)


def may_run(role: Mapping[str, Any]) -> bool:
    """Whether instances or functions could run with a role at all: their service may assume it."""
    return any(service in _SERVICES for service in principals_of(role, "Service"))


def shared_running(manager: Any) -> Running:
    """Instances and functions of all enabled Regions, read once a run; to be asked in the main thread."""
    return shared_in_account(manager, ("running",), lambda: _get_running(manager))


def _get_running(manager: Any) -> Running:
    regions, problem = _regions(manager)
    reads = [
        read(aws_client(manager, service, region))
        for region in regions
        for service, read in (("ec2", _instances), ("lambda", _functions))
    ]
    answers = for_each(answer_or_refusal, reads, "Regions' instances and functions read")
    unread = tuple(dict.fromkeys([*problem, *(str(a) for a in answers if isinstance(a, ClientError))]))
    for text in unread:
        log.warning("what runs with roles is not known everywhere: %s", text)
    found = (answer for answer in answers if not isinstance(answer, ClientError))
    return Running({arn: by for pairs in found for arn, by in pairs}, unread)


def _regions(manager: Any) -> tuple[tuple[str, ...], list[str]]:
    """The enabled Regions; where they cannot be listed, the policy's own and why."""
    regions, asked = enabled_regions(manager)
    told = [*asked.failed.values(), *asked.refused.values()]
    return regions or (manager.config.region,), told


Pairs = list[tuple[str, str]]


def _instances(ec2: Any) -> Callable[[], Pairs]:
    pages = ec2.get_paginator("describe_iam_instance_profile_associations")
    return lambda: [
        (one["IamInstanceProfile"]["Arn"], f"the instance {one['InstanceId']} has its profile")
        for page in pages.paginate()
        for one in page["IamInstanceProfileAssociations"]
    ]


def _functions(functions: Any) -> Callable[[], Pairs]:
    pages = functions.get_paginator("list_functions")
    return lambda: [
        (one["Role"], f"the function {one['FunctionName']} runs with it")
        for page in pages.paginate()
        for one in page["Functions"]
    ]


@dataclass(frozen=True)
class Stacks:
    """CloudFormation clients by Region; made in the main thread."""

    clients: Mapping[str, Any]

    def of(self, name: str) -> tuple[str | None, str | None]:
        """The stack that made a role, and why that cannot be told everywhere."""
        answers = for_each(lambda region: answer_or_refusal(lambda: self._stack(region, name)), self.clients)
        refused = (str(answer) for answer in answers if isinstance(answer, ClientError))
        return next((a for a in answers if isinstance(a, str)), None), next(refused, None)

    def _stack(self, region: str, name: str) -> str | None:
        try:
            answer = self.clients[region].describe_stack_resources(PhysicalResourceId=name)
        except ClientError as error:
            if error_code(error) == _NO_STACK:
                return None
            raise
        mine = (one for one in answer["StackResources"] if one.get("PhysicalResourceId") == name)
        return next((str(r["StackName"]) for r in mine if r["ResourceType"] == "AWS::IAM::Role"), None)


def shared_stacks(manager: Any, regions: Iterable[str] | None) -> Stacks:
    """Clients for these Regions, else for all that are enabled."""
    key = tuple(regions or ())
    return shared_in_account(manager, ("stacks", key), lambda: _stacks(manager, key))


def _stacks(manager: Any, asked: tuple[str, ...]) -> Stacks:
    names, problem = (asked, []) if asked else _regions(manager)
    for text in problem:
        log.warning("CloudFormation is asked in %s only: %s", names[0], text)
    return Stacks({region: aws_client(manager, "cloudformation", region) for region in names})
