"""Groups and AWS-managed policies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.iam import models

from custom_filters.sandbox.aws.account import Account

REGION = "us-east-1"
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
# moto can load all 1,400 AWS-managed policies, which takes seconds; these are the ones that matter here.
MANAGED: dict[str, list[dict[str, Any]]] = {
    "AdministratorAccess": [ALLOW_ALL],
    "PowerUserAccess": [{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}],
    "IAMFullAccess": [{"Effect": "Allow", "Action": ["iam:*", "organizations:List*"], "Resource": "*"}],
    "ReadOnlyAccess": [{"Effect": "Allow", "Action": ["*:Get*", "*:List*", "*:Describe*"], "Resource": "*"}],
    "SecurityAudit": [{"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"}],
    "IAMUserChangePassword": [{"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": "*"}],
    "AmazonS3FullAccess": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    "AmazonS3ReadOnlyAccess": [{"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}],
    "AmazonEC2ReadOnlyAccess": [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}],
    "AWSCodeCommitPowerUser": [{"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"}],
}


def load_managed_policies(account: Account) -> None:
    """Makes the AWS-managed policies of `MANAGED` known to the account."""
    for name, statements in MANAGED.items():
        data = {
            "Path": "/",
            "DefaultVersionId": "v1",
            "Document": {"Version": "2012-10-17", "Statement": statements},
            "CreateDate": "2015-02-06T18:39:46+00:00",
            "UpdateDate": "2015-02-06T18:39:46+00:00",
        }
        policy = models.AWSManagedPolicy.from_data(name, account.id, REGION, data)
        account.backend.managed_policies[policy.arn] = policy
        account.backend.aws_managed_policies.append(policy)


def add_group(account: Account, name: str, attached: Iterable[str] = (), inline: Iterable[str] = ()) -> Any:
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
