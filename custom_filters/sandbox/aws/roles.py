"""Puts a `Role` into an account, with what has it in use; and the roles that every company has."""

from __future__ import annotations

import json
from typing import Any

from moto.cloudformation.models import cloudformation_backends
from moto.iam.models import Role as MotoRole

from custom_filters.sandbox.aws.account import Account, naive
from custom_filters.sandbox.aws.activity import assumed, note_use
from custom_filters.sandbox.aws.grants import policy_arn
from custom_filters.sandbox.aws.people import REGION, Role, days, resolve, trust

LAMBDA, EC2 = trust({"Service": "lambda.amazonaws.com"}), trust({"Service": "ec2.amazonaws.com"})
ALLOW_ALL = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
EMPTY_ZIP = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
OWNER = {"owner": "platform-team@example.com"}
ROLES = (
    Role("ci-deploy", used=days(0.2), attached=("PowerUserAccess",), tags=OWNER),
    Role("yearly-close", created=days(900), used=days(350), region="eu-west-1", tags=OWNER),
    Role("old-migration", created=days(800), used=days(200), attached=("AmazonS3FullAccess",), tags=OWNER),
    Role("forgotten-import", created=days(1500), used=days(500), inline={"all": ALLOW_ALL}),
    Role("never-assumed", created=days(250), attached=("ReadOnlyAccess",)),
    Role("brand-new", created=days(3), attached=("ReadOnlyAccess",), tags=OWNER),
    Role("web-server", created=days(300), runs=("instance",), attached=("AmazonS3ReadOnlyAccess",)),
    Role("image-resize", created=days(300), trust=LAMBDA, runs=("function",)),
    Role("stack-worker", created=days(300), runs=("stack",)),
    Role("open-to-anyone", created=days(700), used=days(300), trust=trust("*")),
    Role(
        "vendor-audit",
        used=days(250),
        trust=trust({"AWS": "arn:aws:iam::999999999999:root"}),
        attached=("SecurityAudit",),
    ),
    Role(
        "AWSServiceRoleForSupport",
        path="/aws-service-role/support.amazonaws.com/",
        trust=trust({"Service": "support.amazonaws.com"}),
    ),
    Role(
        "AWSReservedSSO_AdministratorAccess_0123456789abcdef",
        path="/aws-reserved/sso.amazonaws.com/",
        used=days(190),
        attached=("AdministratorAccess",),
    ),
)


def add_role(account: Account, role: Role) -> Any:
    """Makes the role; returns moto's object. A name that is taken is moto's EntityAlreadyExists."""
    now, backend = account.clock.reference(), account.backend
    tags = [{"Key": key, "Value": value} for key, value in role.tags.items()]
    if "stack" in role.runs:
        made = _of_stack(account, role)
        made.tags = tags
    else:
        made = backend.create_role(role.name, role.trust, role.path, None, "", tags, 3600)
    made.create_date = naive(resolve(role.created, now))
    for policy in role.attached:
        backend.attach_role_policy(policy_arn(policy), role.name)
    for name, document in role.inline.items():
        made.put_policy(name, document)
    for service, when in role.advisor.items():
        note_use(made, service, naive(resolve(when, now)))
    for event in role.events:
        account.record(None, made.id, event, resolve(event.at, now))
    if role.used is not None:
        at = resolve(role.used, now)
        made.last_used, made.last_used_region = naive(at), role.region
        account.record(None, made.id, assumed(made, at, role.region), at)
    if "instance" in role.runs:
        _run_instance(account, made)
    if "function" in role.runs:
        _make_function(account, made)
    return made


def _run_instance(account: Account, role: MotoRole) -> None:
    from moto.ec2.models import ec2_backends

    account.backend.create_instance_profile(role.name, "/", [role.name])
    backend, plain = ec2_backends[account.id][REGION], {"tags": {}, "is_instance_type_default": True}
    [instance] = backend.run_instances("ami-12c6146b", 1, "", [], **plain).instances
    backend.associate_iam_instance_profile(instance.id, iam_instance_profile_name=role.name)


def _make_function(account: Account, role: MotoRole) -> None:
    from moto.awslambda.models import lambda_backends

    lambda_backends[account.id][REGION].create_function(
        {
            "FunctionName": role.name,
            "Runtime": "python3.12",
            "Role": role.arn,
            "Handler": "index.handler",
            "Code": {"ZipFile": EMPTY_ZIP},
        }
    )


def _of_stack(account: Account, role: Role) -> Any:
    properties = {
        "RoleName": role.name,
        "Path": role.path,
        "AssumeRolePolicyDocument": json.loads(role.trust),
    }
    resource = {"Type": "AWS::IAM::Role", "Properties": properties}
    template = json.dumps({"Resources": {"Role": resource}})
    cloudformation_backends[account.id][REGION].create_stack(f"stack-{role.name}", template, {})
    return account.role(role.name)
