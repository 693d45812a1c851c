"""Looks at an AWS account before a run: log-in, Region, each permission, the credential report.

Reads are tried for real. Changes are tried on a user whose name is made up on the spot: IAM checks the
permission first, and whoever has it hears that there is no such user. CloudTrail shows these calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from c7n.exceptions import PolicyExecutionError

from custom_filters.aws.client import error_code, is_throttled
from custom_filters.aws.credential_report import get_report
from custom_filters.aws.fresh import get_keys
from custom_filters.core.doctor_check import Check
from custom_filters.core.times import format_time
from custom_filters.core.vocabulary import TAG
from custom_filters.custodian.reach import unreachable

_HOME = "us-east-1"
_LOG_IN = "set AWS_PROFILE, log in with `aws sso login`, or run where a role is attached"
_REGION = f"set AWS_DEFAULT_REGION={_HOME}: IAM is the same everywhere, and c7n-org runs once a Region"
_GRANT = "attach the policy that `c7n-unused permissions -p aws` prints"
_REPORT_TIMEOUT = 60
_QUICK = Config(connect_timeout=4, read_timeout=6, retries={"mode": "standard", "total_max_attempts": 3})
#: Whose access keys are looked through for one to ask about.
_SOME_USERS = 25
#: Answers that only those hear who may make the call.
_ANSWERS = frozenset(
    {"NoSuchEntity", "TrailNotFoundException", "ReportNotPresent", "ReportInProgress", "ReportExpired",
     "ValidationError"}
)  # fmt: skip
_NOTHING = '{"Version": "2012-10-17", "Statement": []}'

Calls = Mapping[str, Callable[[], Any]]


def log_in() -> Check:
    """Who asks, by AWS's own word; soon said where there is no network, or the log-in is refused."""
    try:
        session = boto3.Session()
        sts = session.client("sts", region_name=session.region_name or _HOME, config=_QUICK)
        lost = unreachable(sts.meta.endpoint_url)
        caller = {} if lost else sts.get_caller_identity()
    except ClientError as error:  # being throttled is no reason not to run
        return Check("log-in", is_throttled(error), str(error), _LOG_IN)
    except BotoCoreError as error:
        return Check("log-in", ok=False, detail=str(error), remedy=_LOG_IN)
    return lost or Check("log-in", ok=True, detail=f"account {caller['Account']}, as {caller['Arn']}")


def checks() -> Iterator[Check]:
    """Each thing that a run needs of AWS; what depends on a log-in that failed is left out."""
    login = log_in()
    yield login
    if not login.ok:
        return
    session = boto3.Session()
    region = session.region_name
    yield Check("region", bool(region), region or "none is set", _REGION)
    iam = session.client("iam", region_name=region or _HOME)
    yield from _reads({**_account_calls(iam), **_trail_calls(session.client("cloudtrail", region or _HOME))})
    yield _last_used(iam)
    trail, ec2 = (session.client(service, region or _HOME) for service in ("cloudtrail", "ec2"))
    yield from _enforcing("to enforce", {**_changes(iam), **_recent(trail, ec2)}, "--enforce")
    yield from _enforcing("to enforce on roles", _of_roles(session, iam, ec2), "--enforce --with roles")
    yield _report(iam)


def _reads(calls: Calls) -> Iterator[Check]:
    for permission, call in sorted(calls.items()):
        problem = _problem(call)
        yield Check(permission, problem is None, problem or "granted", _GRANT)


def _problem(call: Callable[[], Any]) -> str | None:
    """What stands against a call, in AWS's words; None when it may be made."""
    try:
        call()
    except ClientError as error:
        return None if error_code(error) in _ANSWERS else str(error)
    except BotoCoreError as error:
        return str(error)
    return None


def _nobody() -> dict[str, str]:
    return {"UserName": f"c7n-unused-doctor-{uuid4()}"}


def _account_calls(iam: Any) -> Calls:
    """What report.yml and prerequisites.yml ask of IAM, but for the last use of a key."""
    who = _nobody()
    return {
        "iam:ListUsers": lambda: iam.list_users(MaxItems=1),
        "iam:GetAccountAuthorizationDetails": lambda: iam.get_account_authorization_details(MaxItems=1),
        "iam:GenerateCredentialReport": iam.generate_credential_report,
        "iam:GetCredentialReport": iam.get_credential_report,
        "iam:ListAccountAliases": iam.list_account_aliases,
        "iam:GetAccountPasswordPolicy": iam.get_account_password_policy,
        "iam:GetUser": lambda: iam.get_user(**who),
        "iam:GetLoginProfile": lambda: iam.get_login_profile(**who),
        "iam:ListAccessKeys": lambda: iam.list_access_keys(**who),
        "iam:ListSSHPublicKeys": lambda: iam.list_ssh_public_keys(**who),
        "iam:ListServiceSpecificCredentials": lambda: iam.list_service_specific_credentials(**who),
        "iam:ListSigningCertificates": lambda: iam.list_signing_certificates(**who),
    }


def _trail_calls(trail: Any) -> Calls:
    return {
        "cloudtrail:DescribeTrails": trail.describe_trails,
        "cloudtrail:GetEventSelectors": lambda: trail.get_event_selectors(TrailName="c7n-unused-doctor"),
        "cloudtrail:GetTrailStatus": lambda: trail.get_trail_status(Name="c7n-unused-doctor"),
    }


def _last_used(iam: Any) -> Check:
    """A key that is not the account's is denied to everybody, so one of its own is asked about."""
    permission = "iam:GetAccessKeyLastUsed"
    try:
        users = iam.list_users(MaxItems=_SOME_USERS)["Users"]
        keys = (key for user in users for key in get_keys(iam, user["UserName"]))
        key = next(keys, None)
        if key is None:
            return Check(permission, ok=True, detail="not tried: no access key was found to ask about")
        iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    except (BotoCoreError, ClientError) as error:
        return Check(permission, ok=False, detail=str(error), remedy=_GRANT)
    return Check(permission, ok=True, detail="granted")


def _changes(iam: Any) -> Calls:
    """What enforce.yml and restores ask beyond reports, of a user that is not there."""
    who, key = _nobody(), "AKIA" + "0" * 16
    return {
        "iam:TagUser": lambda: iam.tag_user(**who, Tags=[{"Key": TAG, "Value": ""}]),
        "iam:UpdateAccessKey": lambda: iam.update_access_key(**who, AccessKeyId=key, Status="Inactive"),
        "iam:DeleteLoginProfile": lambda: iam.delete_login_profile(**who),
        "iam:GetUserPolicy": lambda: iam.get_user_policy(**who, PolicyName="x"),
        "iam:ListUserPolicies": lambda: iam.list_user_policies(**who),
        "iam:ListAttachedUserPolicies": lambda: iam.list_attached_user_policies(**who),
    }


def _recent(trail: Any, ec2: Any) -> Calls:
    """What tells of the last hours."""
    return {
        "cloudtrail:LookupEvents": lambda: trail.lookup_events(MaxResults=1),
        "ec2:DescribeRegions": ec2.describe_regions,
    }


def _of_roles(session: boto3.Session, iam: Any, ec2: Any) -> Calls:
    """What roles-enforce.yml asks beyond that, of a role that is not there."""
    region, who, policy = ec2.meta.region_name, {"RoleName": _nobody()["UserName"]}, {"PolicyName": "x"}
    stacks, functions = (session.client(name, region) for name in ("cloudformation", "lambda"))
    name = who["RoleName"]
    return {
        "iam:GetRole": lambda: iam.get_role(**who),
        "iam:ListRolePolicies": lambda: iam.list_role_policies(**who),
        "iam:GetRolePolicy": lambda: iam.get_role_policy(**who, **policy),
        "iam:TagRole": lambda: iam.tag_role(**who, Tags=[{"Key": TAG, "Value": ""}]),
        "iam:PutRolePolicy": lambda: iam.put_role_policy(**who, **policy, PolicyDocument=_NOTHING),
        "iam:DeleteRolePolicy": lambda: iam.delete_role_policy(**who, **policy),
        "cloudformation:DescribeStackResources": lambda: stacks.describe_stack_resources(
            PhysicalResourceId=name
        ),
        "ec2:DescribeIamInstanceProfileAssociations": ec2.describe_iam_instance_profile_associations,
        "lambda:ListFunctions": functions.list_functions,
    }


def _enforcing(what: str, calls: Calls, asked: str) -> Iterator[Check]:
    """None of them is fine, that is a role for reports; some of them would fail half-way."""
    problems = {
        permission: problem for permission in sorted(calls) if (problem := _problem(calls[permission]))
    }
    if len(problems) == len(calls):
        yield Check(what, ok=True, detail=f"not granted, for reports only: {', '.join(problems)}")
        return
    for permission in sorted(calls):
        detail = problems.get(permission, "granted (only to mark, disable and restore)")
        yield Check(permission, permission not in problems, detail, f"{_GRANT} with {asked}")


def _report(iam: Any) -> Check:
    try:
        report = get_report(iam, timeout=_REPORT_TIMEOUT)
    except (BotoCoreError, ClientError, PolicyExecutionError) as error:
        remedy = "see the message; AWS makes a new report every four hours at most"
        return Check("credential report", ok=False, detail=str(error), remedy=remedy)
    made = format_time(report.generated)
    return Check("credential report", ok=True, detail=f"made {made}, of {len(report.rows)} users")
