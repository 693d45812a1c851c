"""The printed IAM policy is exactly what is needed: all of it works, and nothing of it can be left out.

moto checks every IAM and CloudTrail action that the policy names. What it cannot check: sts:GetCallerIdentity
(allowed to everybody, by AWS too, and so not in the policy), the parts `exemptions` and `output`, as moto
compares S3 calls with no resource but `*`, and the condition on the names of tags, which a test compares.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from c7n.exceptions import PolicyExecutionError

from custom_filters.aws.iam_role import IamRole
from custom_filters.aws.iam_user import OTHERS, IamUser
from custom_filters.aws.permissions import OPTIONAL, PARTS, document, needed, policy
from custom_filters.aws.quarantine import quarantine_document
from custom_filters.core.vocabulary import (
    ACTIONS_FILE,
    DISABLE,
    ENABLE,
    FILTER,
    MARK,
    MARK_FILTER,
    RETIRE,
    UNMARK,
)
from custom_filters.sandbox.aws.people import (
    Certificate,
    Key,
    Password,
    Person,
    Role,
    ServiceCredential,
    SshKey,
    days,
)
from tests.aws.inside import run
from tests.aws.runs import ROOT, embedded, give_notice, give_role_notice

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
OFF, CERTIFICATE, SERVICE, SSH = (f"{p}OFF{'0' * 17}" for p in ("AKIA", "CERT", "ACCA", "APKA"))
OFF_NOW = "AKIAOFFNOW0000000000"
STALE_KEY, STALE_PASSWORD = Key(used=days(200)), Password(used=days(200))


PEOPLE = (
    Person("to-mark", keys=(STALE_KEY,)),
    Person("back", keys=(Key(used=days(1)),)),
    Person("due", password=STALE_PASSWORD, keys=(STALE_KEY,)),
    Person("off", keys=(Key(active=False, id=OFF),), inline={"x": json.dumps({"Statement": []})}),
    Person("off-now", keys=(Key(active=False, id=OFF_NOW),)),
)  # fmt: skip
#: Who was switched off -> what of him.
WAS_OFF = {
    "off": f"access-key={OFF}",
    "off-now": f"access-key={OFF_NOW}",
    "denied": "password=password",
    "off-more": f"ssh-key={SSH} signing-certificate={CERTIFICATE} service-specific-credential={SERVICE}",
}
#: Credentials without last use of their own, and users who are denied everything.
MORE_PEOPLE = (
    Person("due-more", password=STALE_PASSWORD, ssh_keys=(SshKey(),), certificates=(Certificate(),),
           service_credentials=(ServiceCredential(),), advisor={"s3": days(200)}),
    Person("off-more", ssh_keys=(SshKey(active=False, id=SSH),),
           certificates=(Certificate(active=False, id=CERTIFICATE),),
           service_credentials=(ServiceCredential(active=False, id=SERVICE),)),
    Person("denied", password=STALE_PASSWORD,
           inline={"c7n-unused-quarantine": json.dumps(quarantine_document(NOW))}),
)  # fmt: skip


def shipped(name: str) -> list[dict[str, Any]]:
    """A shipped policy file, with nobody exempt and no limit: the accounts here are tiny."""
    policies: list[dict[str, Any]] = yaml.safe_load((ROOT / f"policies/aws/{name}.yml").read_text())[
        "policies"
    ]
    for one in policies:
        one.pop("max-resources", None)
        for found in one["filters"]:
            found.update({"exemptions": "none"} if "exemptions" in found else {})
    return policies


RESTORE = {
    "name": "restore",
    "resource": "aws.iam-user",
    "source": "unused-bulk",
    "filters": [{"type": "unused-record", "state": "off"}],
    "actions": [{"type": "enable-unused", "tag": "c7n-unused"}],
}
REPORTS = [*shipped("report"), *shipped("prerequisites")]
ENFORCE = shipped("enforce")


def advised() -> list[dict[str, Any]]:
    """The disabling policy with every option that needs a part of its own, then a report."""
    (found,) = (p for p in shipped("enforce") if p["name"] == "aws-iam-user-unused-disable")
    found["filters"][1] |= {"evidence": ["last-used", "access-advisor"], "assume-advisor-complete": True}
    found["actions"][0] |= {"quarantine": True}
    return [RESTORE, found, REPORTS[0]]


ADVISED_PARTS = ("advisor", "quarantine")


def attempt(
    out: Path, allowed: dict[str, Any], policies: list[dict[str, Any]], people: tuple[Person, ...] = PEOPLE
) -> dict[str, Any]:
    """Run policies with what is allowed; what the account's users have in the end."""
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(*people)
        give_notice(sandbox, "back", "due", "due-more")
        for name in WAS_OFF.keys() & {person.name for person in people}:
            when = "2606151159" if name == "off-now" else "2606010000"
            text = f"{sandbox.aws.user(name).id} c7n-unused 2605010000 2605150000 off={when} {WAS_OFF[name]}"
            tags = [{"Key": "c7n-unused-record", "Value": text}]
            sandbox.aws.account().backend.tag_user(name, tags)
        sandbox.aws.enforce_iam(True, json.dumps(allowed))
        run(sandbox, out, *policies)
        found: dict[str, Any] = sandbox.aws.snapshot()
    return found


def without(allowed: dict[str, Any], permission: str) -> dict[str, Any]:
    parts = [{**s, "Action": [a for a in s["Action"] if a != permission]} for s in allowed["Statement"]]
    assert parts != allowed["Statement"]
    return {**allowed, "Statement": parts}


def test_all_of_it_works(tmp_path: Path) -> None:
    attempt(tmp_path, policy(enforce=False), REPORTS)
    users = attempt(tmp_path, policy(enforce=True), [RESTORE, *REPORTS, *ENFORCE])
    assert "c7n-unused" in users["to-mark"]["tags"]
    assert users["back"]["tags"]["c7n-unused"] == ""
    assert (users["due"]["password"], set(users["due"]["keys"].values())) == (False, {"Inactive"})
    assert users["off"]["keys"] == {OFF: "Active"}


def test_the_tags_that_may_be_set_are_ours(tmp_path: Path) -> None:
    """Every tag that the shipped policies and a restore set falls under the policy's condition."""
    users = attempt(tmp_path, policy(enforce=True), [RESTORE, *ENFORCE])
    (tagging,) = (s for s in policy(enforce=True)["Statement"] if "Condition" in s)
    ((pattern,),) = tagging["Condition"]["ForAllValues:StringLike"].values()
    found = {name for user in users.values() for name in user["tags"]}
    assert found >= {"c7n-unused", "c7n-unused-record"}
    assert [name for name in found if not fnmatchcase(name, pattern)] == []


def test_the_parts_work(tmp_path: Path) -> None:
    allowed = policy(enforce=True, parts=ADVISED_PARTS)
    users = attempt(tmp_path, allowed, advised(), MORE_PEOPLE)
    kinds = ("ssh_keys", "certificates", "service_credentials")
    assert [set(users["due-more"][kind].values()) for kind in kinds] == [{"Inactive"}] * 3
    assert [set(users["off-more"][kind].values()) for kind in kinds] == [{"Active"}] * 3
    assert (list(users["due-more"]["inline"]), users["denied"]["inline"]) == (["c7n-unused-quarantine"], {})


@pytest.mark.parametrize("permission", sorted(needed(enforce=False)))
def test_a_report_needs_each(tmp_path: Path, permission: str) -> None:
    policies = [REPORTS[0], *shipped("prerequisites")]
    with pytest.raises(ClientError, match=f"not authorized to perform: {permission}"):
        attempt(tmp_path, without(policy(enforce=False), permission), policies)


@pytest.mark.parametrize("permission", sorted(OPTIONAL.keys() & needed(enforce=True)))
def test_what_is_optional_is_told_where_it_is_missing(tmp_path: Path, permission: str) -> None:
    """Keys go all the same; a password stays, which could not be brought back."""
    disabling = [p for p in ENFORCE if p["name"] == "aws-iam-user-unused-disable"]
    users = attempt(tmp_path, without(policy(enforce=True), permission), disabling)
    assert set(users["due"]["keys"].values()) == {"Inactive"}
    journal = next(tmp_path.rglob(ACTIONS_FILE)).read_text()
    assert f"not authorized to perform: {permission}" in journal
    assert users["due"]["password"] == (permission == "cloudtrail:LookupEvents")


@pytest.mark.parametrize("permission", sorted(needed(enforce=True) - needed(enforce=False) - OPTIONAL.keys()))
def test_enforcing_needs_each(tmp_path: Path, permission: str) -> None:
    policies = [RESTORE, *(p for p in ENFORCE if p["name"].startswith("aws-iam-user"))]
    with pytest.raises(PolicyExecutionError, match=f"not authorized to perform: {permission}"):
        attempt(tmp_path, without(policy(enforce=True), permission), policies)


@pytest.mark.parametrize("permission", sorted(p for part in ADVISED_PARTS for p in PARTS[part]))
def test_the_parts_need_each(tmp_path: Path, permission: str) -> None:
    allowed = without(policy(enforce=True, parts=ADVISED_PARTS), permission)
    with pytest.raises((ClientError, PolicyExecutionError), match=f"not authorized to perform: {permission}"):
        attempt(tmp_path, allowed, advised(), MORE_PEOPLE)


BEGUN = Person("begun", keys=(STALE_KEY,), inline={"x": json.dumps({"Statement": []})})
(DISABLING,) = (p for p in ENFORCE if p["name"] == "aws-iam-user-unused-disable")


def finish(out: Path, *, missing: str = "") -> set[str]:
    """End what a killed run began, with what the disabling policy's words list; the statuses of the keys."""
    words = (FILTER, MARK_FILTER, DISABLE)
    listed = {call for word in words for call in IamUser.permissions_for(word, DISABLING["actions"][0])}
    statement = {"Effect": "Allow", "Action": sorted(listed - {missing}), "Resource": "*"}
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(BEGUN)
        give_notice(sandbox, "begun", begun=True)
        sandbox.aws.enforce_iam(True, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        run(sandbox, out, DISABLING)
        return set(sandbox.aws.snapshot()["begun"]["keys"].values())


def test_what_a_killed_run_began_is_ended_with_what_disabling_lists(tmp_path: Path) -> None:
    assert finish(tmp_path) == {"Inactive"}


@pytest.mark.parametrize("missing", OTHERS)
def test_ending_what_a_killed_run_began_needs_each(tmp_path: Path, missing: str) -> None:
    with pytest.raises(PolicyExecutionError, match=f"not authorized to perform: {missing}"):
        finish(tmp_path, missing=missing)


ROLES = (
    Role("due", created=days(300)), Role("to-mark", created=days(300)), Role("back", used=days(1)),
    Role("off", inline={"any": json.dumps(quarantine_document(NOW))}),
)  # fmt: skip


def attempt_roles(out: Path, allowed: dict[str, Any]) -> dict[str, Any]:
    """Run roles-enforce.yml and a restore. Moto cannot check calls of Lambda, so `complete` is left out."""
    policies = [{**RESTORE, "resource": "aws.iam-role"}, *shipped("roles-enforce"), *shipped("roles-report")]
    for one in (found for p in policies for found in p["filters"]):
        one.pop("complete", None)
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(*ROLES)
        give_role_notice(sandbox, "due", "back")
        role = sandbox.aws.account().backend.get_role("off")
        text = f"{role.id} c7n-unused 2605010000 2605150000 off=2606010000 role=role"
        role.tags = [{"Key": "c7n-unused-record", "Value": text}]
        sandbox.aws.enforce_iam(True, json.dumps(allowed))
        run(sandbox, out, *policies)
        return dict(sandbox.aws.roles())


@pytest.mark.slow
def test_the_part_for_roles_works(tmp_path: Path) -> None:
    roles = attempt_roles(tmp_path, policy(enforce=True, parts=["roles"]))
    assert {name for name, role in roles.items() if role["tags"].get("c7n-unused")} == {"to-mark", "off"}
    assert {name for name, role in roles.items() if "c7n-unused-quarantine" in role["inline"]} == {"due"}
    assert roles["off"]["inline"] == {}


@pytest.mark.parametrize("permission", sorted(p for p in PARTS["roles"] if p.startswith("iam:")))
def test_the_part_for_roles_needs_each(tmp_path: Path, permission: str) -> None:
    allowed = without(policy(enforce=True, parts=["roles"]), permission)
    with pytest.raises(PolicyExecutionError, match=f"not authorized to perform: {permission}"):
        attempt_roles(tmp_path, allowed)


def test_the_part_for_roles_has_all_that_roles_ask() -> None:
    words = (FILTER, MARK, UNMARK, DISABLE, ENABLE, RETIRE)
    asked = {call for word in words for call in IamRole.permissions_for(word, {"complete": True})}
    assert asked - needed(enforce=True) - {"sts:GetCallerIdentity"} == PARTS["roles"]


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn"), (None, "aws")],
)
def test_every_arn_is_of_the_regions_partition(
    monkeypatch: pytest.MonkeyPatch, region: str | None, partition: str
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    if region:
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    printed = document(True, PARTS)
    assert printed.count("arn:") == printed.count(f'"arn:{partition}:') > 5


def test_parts_are_statements_of_their_own() -> None:
    plain, full = (json.loads(document(True, parts)) for parts in ((), tuple(PARTS)))
    assert full["Statement"][: len(plain["Statement"])] == plain["Statement"]
    sids = _sids(document(True, PARTS))
    assert len(set(sids)) == len(sids)
    assert not any(sid.endswith("Enforce") for sid in _sids(document(False, PARTS)))


def _sids(text: str) -> list[str]:
    return [statement["Sid"] for statement in json.loads(text)["Statement"]]
