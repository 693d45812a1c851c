"""Looks at an AWS account before a run: log-in, Region, each permission, the credential report.

Reads are tried for real, changes on a user or role whose name is made up on the spot: IAM checks the
permission first, and answers "no such user" to a caller that has it. CloudTrail shows these calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

import boto3
from botocore import xform_name
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

#: Permission -> the parameters with which it is tried.
Tried = Mapping[str, Mapping[str, Any]]


def log_in() -> Check:
    """The caller as AWS names it; answers within seconds without a network or with wrong credentials."""
    try:
        session = boto3.Session()
        sts = session.client("sts", region_name=session.region_name or _HOME, config=_QUICK)
        lost = unreachable(sts.meta.endpoint_url)
        caller = {} if lost else sts.get_caller_identity()
    except ClientError as error:  # a throttled call does not stop a run
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
    look = partial(_problems, session, region or _HOME)
    name = f"c7n-unused-doctor-{uuid4()}"
    for permission, problem in look(_reads(name)).items():
        yield Check(permission, problem is None, problem or "granted", _GRANT)
    iam = session.client("iam", region_name=region or _HOME)
    yield _last_used(iam)
    yield from _enforcing("to enforce", look(_changes(name)), "--enforce")
    yield from _enforcing("to enforce on roles", look(_of_roles(name)), "--enforce --with roles")
    yield _report(iam)


def _problems(session: boto3.Session, region: str, tried: Tried) -> dict[str, str | None]:
    """What stands against each call, in AWS's words; None when it may be made."""
    found = {}
    for permission, parameters in sorted(tried.items()):
        service, _, action = permission.partition(":")
        method = getattr(session.client(service, region), xform_name(action))
        found[permission] = _problem(partial(method, **parameters))
    return found


def _problem(call: Callable[[], Any]) -> str | None:
    try:
        call()
    except ClientError as error:
        return None if error_code(error) in _ANSWERS else str(error)
    except BotoCoreError as error:
        return str(error)
    return None


def _reads(name: str) -> Tried:
    """What report.yml and prerequisites.yml ask, but for the last use of a key."""
    of_user = ("GetUser", "GetLoginProfile", "ListAccessKeys", "ListSSHPublicKeys",
               "ListServiceSpecificCredentials", "ListSigningCertificates")  # fmt: skip
    of_account = ("GenerateCredentialReport", "GetCredentialReport", "ListAccountAliases",
                  "GetAccountPasswordPolicy")  # fmt: skip
    return {
        **{f"iam:{action}": {"UserName": name} for action in of_user},
        **{f"iam:{action}": {} for action in of_account},
        "iam:ListUsers": {"MaxItems": 1},
        "iam:GetAccountAuthorizationDetails": {"MaxItems": 1},
        "cloudtrail:DescribeTrails": {},
        "cloudtrail:GetEventSelectors": {"TrailName": name},
        "cloudtrail:GetTrailStatus": {"Name": name},
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


def _changes(name: str) -> Tried:
    """What enforce.yml and restores ask beyond reports, and what tells of the last hours."""
    user = {"UserName": name}
    return {
        "iam:TagUser": {**user, "Tags": [{"Key": TAG, "Value": ""}]},
        "iam:UpdateAccessKey": {**user, "AccessKeyId": "AKIA" + "0" * 16, "Status": "Inactive"},
        "iam:DeleteLoginProfile": user,
        "iam:GetUserPolicy": {**user, "PolicyName": "x"},
        "iam:ListUserPolicies": user,
        "iam:ListAttachedUserPolicies": user,
        "cloudtrail:LookupEvents": {"MaxResults": 1},
        "ec2:DescribeRegions": {},
    }


def _of_roles(name: str) -> Tried:
    """What roles-enforce.yml asks beyond that."""
    role, policy = {"RoleName": name}, {"RoleName": name, "PolicyName": "x"}
    return {
        "iam:GetRole": role,
        "iam:ListRolePolicies": role,
        "iam:GetRolePolicy": policy,
        "iam:TagRole": {**role, "Tags": [{"Key": TAG, "Value": ""}]},
        "iam:PutRolePolicy": {**policy, "PolicyDocument": _NOTHING},
        "iam:DeleteRolePolicy": policy,
        "cloudformation:DescribeStackResources": {"PhysicalResourceId": name},
        "ec2:DescribeIamInstanceProfileAssociations": {},
        "lambda:ListFunctions": {},
    }


def _enforcing(what: str, found: Mapping[str, str | None], asked: str) -> Iterator[Check]:
    """None of them is fine, that is a role for reports; some of them would fail half-way."""
    from custom_filters.aws.permissions import OPTIONAL  # it needs a log-in: c7n.query makes a session

    if all(found.values()):
        yield Check(what, ok=True, detail=f"not granted, for reports only: {', '.join(found)}")
        return
    for permission, problem in found.items():
        optional = permission in OPTIONAL
        told = f"not granted (optional: {OPTIONAL[permission]}): {problem}" if optional else problem
        detail = told if problem else "granted (only to mark, disable and restore)"
        yield Check(permission, optional or problem is None, str(detail), f"{_GRANT} with {asked}")


def _report(iam: Any) -> Check:
    try:
        report = get_report(iam, timeout=_REPORT_TIMEOUT)
    except (BotoCoreError, ClientError, PolicyExecutionError) as error:
        remedy = "see the message; AWS makes a new report every four hours at most"
        return Check("credential report", ok=False, detail=str(error), remedy=remedy)
    made = format_time(report.generated)
    return Check("credential report", ok=True, detail=f"made {made}, of {len(report.rows)} users")
