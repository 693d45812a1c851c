"""Who could lock everybody out: users with AdministratorAccess or iam:* by any policy of theirs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

#: AWS managed policies that grant iam:*; the documents of the others do not.
_PRIVILEGED_NAMES = frozenset({"AdministratorAccess", "IAMFullAccess"})


def privileged_users(details: Mapping[str, list[dict[str, Any]]]) -> dict[str, bool | None]:
    """Privileged or not by user name, from the authorization details; None: a policy could not be read."""
    documents = {p["Arn"]: _default_document(p) for p in details["Policies"]}
    groups = {
        g["GroupName"]: entity_privileged(g, g.get("GroupPolicyList", ()), documents)
        for g in details["GroupDetailList"]
    }
    return {u["UserName"]: _user_privileged(u, groups, documents) for u in details["UserDetailList"]}


def _user_privileged(
    user: Mapping[str, Any], groups: Mapping[str, bool | None], documents: Mapping[str, Any]
) -> bool | None:
    own = entity_privileged(user, user.get("UserPolicyList", ()), documents)
    return any_privileged([own, *(groups.get(name) for name in user.get("GroupList", ()))])


def entity_privileged(
    entity: Mapping[str, Any], inline: Iterable[Mapping[str, Any]], documents: Mapping[str, Any]
) -> bool | None:
    """Whether a user's or group's own policies grant iam:*; None when one of them could not be read."""
    verdicts = [grants_iam(policy.get("PolicyDocument")) for policy in inline]
    verdicts += [_attached(p["PolicyArn"], documents) for p in entity.get("AttachedManagedPolicies", ())]
    return any_privileged(verdicts)


def any_privileged(verdicts: Iterable[bool | None]) -> bool | None:
    """True if any is, else None if any could not be read, else False."""
    found = list(verdicts)
    return True if True in found else None if None in found else False


def _attached(arn: str, documents: Mapping[str, Any]) -> bool | None:
    if arn.split(":")[4] == "aws":
        return arn.rsplit("/", 1)[-1] in _PRIVILEGED_NAMES
    return grants_iam(documents.get(arn))


def _default_document(policy: Mapping[str, Any]) -> Any:
    versions = policy.get("PolicyVersionList", ())
    return next((v.get("Document") for v in versions if v.get("IsDefaultVersion")), None)


def grants_iam(document: Any) -> bool | None:
    """Whether a policy document allows every IAM action (or every action); None when there is no document.

    Conditions and resources are not weighed: who may use iam:* on anything counts as privileged.
    """
    if isinstance(document, str):
        document = json.loads(unquote(document))
    if not isinstance(document, Mapping):
        return None
    return any(_statement_grants(s) for s in _as_list(document.get("Statement", ())))


def _statement_grants(statement: Mapping[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    if "NotAction" in statement:
        spared = {str(a).lower() for a in _as_list(statement["NotAction"])}
        return not any(a in {"*", "*:*"} or a.startswith("iam:") for a in spared)
    actions = {str(a).lower() for a in _as_list(statement.get("Action", ()))}
    return bool(actions & {"*", "*:*", "iam:*"})


def _as_list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | Mapping) else list(value)
