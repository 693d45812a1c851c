"""The IAM policy that a run needs, the least there is; sts:GetCallerIdentity is everybody's anyway.

What a run may need beyond the shipped policies comes in parts, each a statement of its own:

| part | for |
|---|---|
| advisor | `evidence: [access-advisor]`, and switching off SSH keys and the like on its word |
| quarantine | `quarantine: true` of disable-unused, and reading users that it quarantined |
| roles | roles-enforce.yml; the right to put policies on roles is as good as administration |
| exemptions | an exemptions file on S3; put the object's ARN in |
| output | `custodian run -s s3://...`; put the bucket's ARN in |
| deploy | `custodian run` on lambda/policies.yml: functions and rules (the stack is an administrator's) |
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import boto3

from custom_filters.aws.aws_kind import AwsKind
from custom_filters.aws.plugin import kinds
from custom_filters.core.vocabulary import DISABLE, ENABLE, MARK, OUR_FILTERS, RETIRE, UNMARK

_EVERYBODYS = frozenset({"sts:GetCallerIdentity"})
_USERS, _ROLES = "arn:aws:iam::*:user/*", "arn:aws:iam::*:role/*"
_READS = ("Get", "List", "Generate", "Describe", "Lookup")

#: Tags decide on access where policies use them, so marks and records are all that may be set. Policies whose
#: `tag:` begins otherwise need that name here too.
_TAGGING = frozenset({"iam:TagUser", "iam:TagRole"})
_OUR_TAGS = {"ForAllValues:StringLike": {"aws:TagKeys": ["c7n-unused*"]}}

#: What prerequisites.yml asks, by Custodian's own filters on aws.account.
PREREQUISITES = frozenset(
    {"iam:ListAccountAliases", "iam:GetAccountPasswordPolicy", "cloudtrail:DescribeTrails",
     "cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus"}
)  # fmt: skip
_NOT_READ = "without it what runs with a role is not known everywhere, and said"
#: What changing actions do without, and what is lost then.
OPTIONAL = {
    "cloudtrail:LookupEvents": "without it the last hours are not checked, and passwords stay",
    "ec2:DescribeRegions": "without it other Regions are not checked",
    "cloudformation:DescribeStackResources": "without it roles of a stack are not told apart, and said",
    "ec2:DescribeIamInstanceProfileAssociations": _NOT_READ,
    "lambda:ListFunctions": _NOT_READ,
}
#: What kinds without last-used data need: only Access Advisor lets them be switched off at all.
_BY_ADVICE = frozenset(
    {"iam:UpdateSSHPublicKey", "iam:UpdateServiceSpecificCredential", "iam:UpdateSigningCertificate"}
)
#: Calls of the optional parts; those that change something are left out without `enforce`.
PARTS: dict[str, frozenset[str]] = {
    "advisor": _BY_ADVICE | {"iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails"},
    "quarantine": frozenset({"iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"}),
    "exemptions": frozenset({"s3:GetObject"}),
    "output": frozenset({"s3:PutObject", "s3:PutObjectAcl", "s3:ListBucket"}),
    "deploy": frozenset(
        {
            "lambda:GetFunction",
            "lambda:GetFunctionConfiguration",
            "lambda:CreateFunction",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "lambda:AddPermission",
            "lambda:TagResource",
            "lambda:UntagResource",
            "events:DescribeRule",
            "events:PutRule",
            "events:ListTargetsByRule",
            "events:PutTargets",
            "iam:PassRole",
        }
    ),
}
#: Restores look at others' policies with iam:GetUserPolicy too.
_ONLY_PARTS = PARTS["quarantine"] - {"iam:GetUserPolicy"}
_CHANGING = (MARK, UNMARK, DISABLE, ENABLE, RETIRE)
_OBJECTS: Mapping[str, str | list[str]] = {
    "exemptions": "arn:aws:s3:::EXEMPTIONS-BUCKET/exemptions.yml",
    "output": ["arn:aws:s3:::OUTPUT-BUCKET", "arn:aws:s3:::OUTPUT-BUCKET/*"],
    "deploy": [
        "arn:aws:lambda:*:*:function:custodian-aws-iam-*",
        "arn:aws:events:*:*:rule/custodian-aws-iam-*",
        "arn:aws:iam::*:role/c7n-unused-report",
        "arn:aws:iam::*:role/c7n-unused-enforce",
    ],
}


def needed(*, enforce: bool) -> frozenset[str]:
    """The calls of the reports and prerequisites.yml; with `enforce` of enforce.yml and of restores too."""
    words = (*OUR_FILTERS, *(_CHANGING if enforce else ()))
    asked = {c for kind in kinds() if not kind.part for word in words for c in kind.permissions_for(word, {})}
    return (PREREQUISITES | asked) - _EVERYBODYS - _ONLY_PARTS - _BY_ADVICE


def _beyond(kind: type[AwsKind]) -> frozenset[str]:
    """The calls of a kind that has a part of its own, with all of its options."""
    words = (*OUR_FILTERS, *_CHANGING)
    asked = {call for word in words for call in kind.permissions_for(word, {"complete": True})}
    return frozenset(asked - needed(enforce=True) - _EVERYBODYS)


PARTS |= {kind.part: _beyond(kind) for kind in kinds() if kind.part}


def is_read(permission: str) -> bool:
    """Whether a permission such as `iam:GetUser` changes nothing."""
    return permission.partition(":")[2].startswith(_READS)


def policy(*, enforce: bool, parts: Iterable[str] = ()) -> dict[str, Any]:
    """The IAM policy: reads of the whole account, changes of users, and the parts asked for."""
    calls = needed(enforce=enforce)
    statements = _statements("Report", calls - PREREQUISITES, enforce=False)
    statements += _statements("Prerequisites", PREREQUISITES, enforce=False)
    if enforce:
        statements += _changing("Enforce", calls, _USERS)
    for part in parts:
        sid = "".join(word.capitalize() for word in part.split("-"))
        if part in _OBJECTS:
            statements.append(_statement(sid, PARTS[part], _OBJECTS[part]))
        else:
            resource = _ROLES if part == "roles" else _USERS
            statements += _statements(sid, PARTS[part], resource, enforce=enforce)
    return {"Version": "2012-10-17", "Statement": statements}


def _statements(
    sid: str, calls: frozenset[str], resource: str = _USERS, *, enforce: bool
) -> list[dict[str, Any]]:
    """Reads of everything; with `enforce` the changes too, of users or of roles only."""
    made = [_statement(sid, calls - _changes(calls), "*")]
    return made + (_changing(f"{sid}Enforce", calls, resource) if enforce else [])


def _changing(sid: str, calls: frozenset[str], resource: str) -> list[dict[str, Any]]:
    changes = _statement(sid, _changes(calls) - _TAGGING, resource)
    tags = {**_statement(f"{sid}Tags", calls & _TAGGING, resource), "Condition": _OUR_TAGS}
    return [statement for statement in (changes, tags) if statement["Action"]]


def _changes(calls: frozenset[str]) -> frozenset[str]:
    return frozenset(call for call in calls if not is_read(call))


def _statement(sid: str, calls: Iterable[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(calls), "Resource": resource}


def document(enforce: bool, parts: Iterable[str] = ()) -> str:
    """The policy as JSON, for `aws iam put-role-policy`; KeyError for a part that there is not.

    ARNs are those of the partition (`aws`, `aws-us-gov`, `aws-cn`) that the configured Region belongs to.
    """
    session = boto3.Session()
    partition = session.get_partition_for_region(session.region_name or "us-east-1")
    text = json.dumps(policy(enforce=enforce, parts=parts), indent=2) + "\n"
    return text.replace('"arn:aws:', f'"arn:{partition}:')
