"""Groups and AWS-managed policies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.iam import models

from custom_filters.sandbox.aws.people import REGION

# moto can load all 1,400 AWS-managed policies, which takes seconds; these are the ones that matter here.
MANAGED: dict[str, dict[str, Any]] = {
    "AdministratorAccess": {"Action": "*"},
    "PowerUserAccess": {"NotAction": ["iam:*", "organizations:*"]},
    "IAMFullAccess": {"Action": ["iam:*", "organizations:List*"]},
    "ReadOnlyAccess": {"Action": ["*:Get*", "*:List*", "*:Describe*"]},
    "SecurityAudit": {"Action": ["iam:Get*", "iam:List*"]},
    "IAMUserChangePassword": {"Action": "iam:ChangePassword"},
    "AmazonS3FullAccess": {"Action": "s3:*"},
    "AmazonS3ReadOnlyAccess": {"Action": ["s3:Get*", "s3:List*"]},
    "AmazonEC2ReadOnlyAccess": {"Action": "ec2:Describe*"},
    "AWSCodeCommitPowerUser": {"Action": "codecommit:*"},
    **{
        f"AWSCompromisedKeyQuarantine{version}": {"Effect": "Deny", "Action": ["iam:*", "ec2:RunInstances"]}
        for version in ("", "V2", "V3", "V4")
    },
}
DATES = dict.fromkeys(("CreateDate", "UpdateDate"), "2015-02-06T18:39:46+00:00")


def load_managed_policies(backend: Any, account_id: str) -> None:
    """Makes the AWS-managed policies of `MANAGED` known to an account's IAM backend."""
    for name, statement in MANAGED.items():
        document = {
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement}]
        }  # fmt: skip
        data = {"Path": "/", "DefaultVersionId": "v1", "Document": document, **DATES}
        policy = models.AWSManagedPolicy.from_data(name, account_id, REGION, data)
        backend.managed_policies[policy.arn] = policy
        backend.aws_managed_policies.append(policy)


def add_group(account: Any, name: str, attached: Iterable[str] = (), inline: Iterable[str] = ()) -> Any:
    """Makes a group, or adds policies: attached are names of AWS-managed ones or ARNs, inline documents."""
    backend = account.backend
    group = backend.groups.get(name) or backend.create_group(name)
    for policy in attached:
        backend.attach_group_policy(policy_arn(policy), name)
    for number, document in enumerate(inline, start=1):
        backend.put_group_policy(name, f"inline-{number}", document)
    return group


def policy_arn(policy: str) -> str:
    """The ARN of an AWS-managed policy named by name or ARN, or of a customer's named by ARN."""
    return policy if policy.startswith("arn:") else f"arn:aws:iam::aws:policy/{policy}"
