"""Puts a `Role` into an account, with what has it in use; and the roles that every company has."""

from __future__ import annotations

from typing import Any

from custom_filters.sandbox.aws.account import Account, extras, naive
from custom_filters.sandbox.aws.activity import assumed, note_use
from custom_filters.sandbox.aws.grants import policy_arn
from custom_filters.sandbox.aws.people import REGION, Role, days, resolve, trust

LAMBDA, SUPPORT = (trust({"Service": f"{name}.amazonaws.com"}) for name in ("lambda", "support"))
ALLOW_ALL = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
DENY_ALL = ALLOW_ALL.replace("Allow", "Deny")
EMPTY_ZIP = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
OWNER = {"owner": "platform-team@example.com"}
OPEN, VENDOR = trust("*"), trust({"AWS": "arn:aws:iam::999999999999:root"})
SSO = "AWSReservedSSO_AdministratorAccess_0123456789abcdef"
READ, ADMIN = ("ReadOnlyAccess",), ("AdministratorAccess",)
ROLES = (
    Role("ci-deploy", used=days(0.2), attached=("PowerUserAccess",), tags=OWNER),
    Role("yearly-close", created=days(900), used=days(350), region="eu-west-1", tags=OWNER),
    Role("old-migration", created=days(800), used=days(200), attached=("AmazonS3FullAccess",), tags=OWNER),
    Role("forgotten-import", created=days(1500), used=days(500), inline={"all": ALLOW_ALL}),
    Role("never-assumed", created=days(250), attached=READ),
    Role("brand-new", created=days(3), attached=READ, tags=OWNER),
    Role("web-server", created=days(300), runs=("instance",), attached=("AmazonS3ReadOnlyAccess",)),
    Role("image-resize", created=days(300), trust=LAMBDA, runs=("function",)),
    Role("stack-worker", created=days(300), runs=("stack",)),
    Role("open-to-anyone", created=days(700), used=days(300), trust=OPEN),
    Role("vendor-audit", used=days(250), trust=VENDOR, attached=("SecurityAudit",)),
    Role("AWSServiceRoleForSupport", "/aws-service-role/support.amazonaws.com/", trust=SUPPORT),
    Role(SSO, "/aws-reserved/sso.amazonaws.com/", used=days(190), attached=ADMIN),
)


def add_role(account: Account, role: Role) -> Any:
    """Makes the role; returns moto's object. A name that is taken is moto's EntityAlreadyExists."""
    now, backend = account.clock.reference(), account.backend
    tags = [{"Key": key, "Value": value} for key, value in role.tags.items()]
    made = backend.create_role(role.name, role.trust, role.path, None, "", tags, 3600)
    made.create_date = naive(resolve(role.created, now))
    for policy in role.attached:
        backend.attach_role_policy(policy_arn(policy), role.name)
    made.policies.update(role.inline)
    for service, when in role.advisor.items():
        note_use(made, service, naive(resolve(when, now)))
    for event in role.events:
        account.record(None, made.id, event, resolve(event.at, now))
    if role.used is not None:
        at = resolve(role.used, now)
        made.last_used, made.last_used_region = naive(at), role.region
        account.record(None, made.id, assumed(made, at, role.region), at)
    extras(made).stack = REGION if "stack" in role.runs else None
    if "instance" in role.runs:
        backend.create_instance_profile(role.name, "/", [role.name])
        account.pending.setdefault("ec2", []).append(lambda: _run_instance(account, role.name))
    if "function" in role.runs:
        account.pending.setdefault("lambda", []).append(lambda: _make_function(account, made))
    return made


def _run_instance(account: Account, profile: str) -> None:
    from moto.ec2.models import ec2_backends  # takes a second to load

    backend, plain = ec2_backends[account.id][REGION], {"tags": {}, "is_instance_type_default": True}
    [instance] = backend.run_instances("ami-12c6146b", 1, "", [], **plain).instances
    backend.associate_iam_instance_profile(instance.id, iam_instance_profile_name=profile)


def _make_function(account: Account, role: Any) -> None:
    from moto.awslambda.models import lambda_backends  # as above

    spec = {"FunctionName": role.name, "Runtime": "python3.12", "Handler": "index.handler", "Role": role.arn}
    lambda_backends[account.id][REGION].create_function({**spec, "Code": {"ZipFile": EMPTY_ZIP}})
