"""Named edge cases of IAM roles, through stock `custodian run`; and who is never touched."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from custom_filters.sandbox.aws.people import Event, Role, trust
from custom_filters.sandbox.aws.roles import LAMBDA
from tests.aws.runs import ROOT, VERDICTS, custodian, embedded, give_role_notice, policy, resources

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
REPORT = ROOT / "policies/aws/roles-report.yml"
DENY = '{"Statement": {"Sid": "C7nUnusedQuarantine", "Effect": "Deny", "Action": "*", "Resource": "*"}}'
FOREIGN = DENY.replace("C7nUnusedQuarantine", "Mine")
ORGANISATION = trust("*").replace(
    '"Effect"', '"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, "Effect"'
)
ASSUMED_BY_SELF = trust({"AWS": "arn:aws:iam::999999999999:root"})


def ago(days: float, seconds: float = 0) -> datetime:
    return NOW - timedelta(days=days, seconds=seconds)


class Case(NamedTuple):
    """A role, its verdict at 180 days, and what its reason says; `plain`: the verdict without `complete`."""

    verdict: str
    reason: str
    role: Role
    plain: str | None = None


def case(verdict: str, reason: str = "", plain: str | None = None, **role: Any) -> Case:
    return Case(verdict, reason, Role("?", **{"created": ago(500), **role}), plain)


CASES: dict[str, Case] = {
    # The last use.
    "used-yesterday": case("active", "used 1 days ago", used=ago(1)),
    "used-exactly-180-days-ago": case("stale", "last used 180 days ago", used=ago(180)),
    "used-a-second-less-than-180-days-ago": case("active", used=ago(180, -1)),
    "used-399-days-ago": case("stale", "last used 399 days ago", used=ago(399)),
    "used-401-days-ago": case("stale", "not used in the last 400 days", used=ago(401)),
    "used-in-another-region": case("active", used=ago(1), region="eu-west-1"),
    "used-in-the-future": case("unknown", "in the future", used=ago(-2)),
    # No date: the age decides.
    "no-date-exactly-400-days-old": case("never-used", "never used in the 400 days", created=ago(400)),
    "no-date-a-second-more-than-400-days-old": case(
        "stale", "not used in the last 400 days; use before that is not tracked", created=ago(400, 1)
    ),
    "no-date-years-old": case("stale", "not tracked", created=ago(2000)),
    "no-date-180-days-old": case("never-used", "never used in the 180 days", created=ago(180)),
    "no-date-a-second-less-than-180-days-old": case("new", "only 179 days old", created=ago(180, -1)),
    "no-date-made-today": case("new", created=ago(0)),
    "created-in-the-future": case("unknown", "in the future", created=ago(-3)),
    # What runs with it.
    "instance-profile-in-use": case("unknown", "the instance i-", "never-used", created=ago(300),
                                    runs=("instance",)),
    "instance-profile-in-use-and-assumed": case("active", runs=("instance",), used=ago(2)),
    "function": case("unknown", "the function function runs", "stale", trust=LAMBDA, runs=("function",)),
    "trusts-lambda-without-function": case("stale", trust=LAMBDA),
    # Access Advisor.
    "advisor-saw-it": case("active", "used 10 days ago", used=ago(300), attached=("ReadOnlyAccess",),
                           advisor={"s3": ago(10)}),
    "advisor-saw-nothing": case("stale", used=ago(300), attached=("ReadOnlyAccess",)),
    # Switched off: by the document and not by the name.
    "denied-by-us": case("no-credentials", used=ago(300), inline={"c7n-unused-quarantine": DENY}),
    "denied-by-us-under-another-name": case("no-credentials", used=ago(300), inline={"renamed": DENY}),
    "denied-by-others": case("stale", used=ago(300), inline={"c7n-unused-quarantine": FOREIGN}),
    # Risk.
    "anyone": case("stale", used=ago(300), trust=trust("*")),
    "anyone-in-use": case("active", used=ago(1), trust=trust({"AWS": "*"})),
    "of-one-organisation": case("stale", used=ago(300), trust=ORGANISATION),
    "another-account": case("stale", used=ago(300), trust=ASSUMED_BY_SELF),
    # Exempt, and names.
    "exempt-by-tag": case("exempt", used=ago(300), tags={"c7n-unused-exempt": "disaster recovery"}),
    "in+a,b.path@x-1": case("stale", used=ago(200), path="/division_abc/eu/"),
    "x" * 64: case("stale", used=ago(200)),
}  # fmt: skip
#: AWS's own roles: judged, and left out of the shipped policies.
RESERVED = {
    "AWSServiceRoleForSupport": Role("?", "/aws-service-role/support.amazonaws.com/", created=ago(500)),
    "AWSReservedSSO_X_0123": Role("?", "/aws-reserved/sso.amazonaws.com/", created=ago(500), used=ago(190)),
}


def asked(name: str, **options: Any) -> dict[str, Any]:
    evidence = {"evidence": ["last-used", "access-advisor"], "exempt-tag": "c7n-unused-exempt"}
    made = policy(name, days=180, verdicts=VERDICTS, **evidence, **options)
    return {**made, "resource": "aws.iam-role"}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of one run over one account with all the cases."""
    folder = tmp_path_factory.mktemp("roles")
    named = {name: one.role for name, one in CASES.items()} | RESERVED
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(*(replace(role, name=name) for name, role in named.items()))
        by_credential = asked("credentials", match="credential", complete=True)
        by_credential["filters"][0]["verdicts"] = ["stale", "never-used"]
        stock = {**asked("stock", complete=True), "source": "describe"}
        policies = [asked("all", complete=True), asked("plain"), stock, by_credential]
        done = custodian(sandbox, folder, REPORT, *policies)
    assert done.returncode == 0, done.stderr
    return folder


def judged(out: Path, name: str) -> dict[str, dict[str, Any]]:
    return {r["RoleName"]: r["c7n:unused"] for r in resources(out, name)}


@pytest.mark.parametrize("source", ["all", "stock"])
@pytest.mark.parametrize("name", CASES)
def test_verdicts(out: Path, name: str, source: str) -> None:
    found = judged(out, source)[name]
    assert (found["user_verdict"], found["user_type"]) == (CASES[name].verdict, "service")
    assert CASES[name].reason in found["credentials"][0]["reason"]
    assert found["anyone_may_assume"] == name.startswith("anyone")


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_read_is_said(out: Path, name: str) -> None:
    one, found = CASES[name], judged(out, "plain")[name]
    assert found["user_verdict"] == (one.plain or one.verdict)
    runs = "ec2.amazonaws.com" in one.role.trust or "lambda" in one.role.trust
    said = "whether anything runs with it was not read" in found["credentials"][0]["reason"]
    assert said == (runs and found["user_verdict"] in {"stale", "never-used"})


def test_every_role_is_judged_once(out: Path) -> None:
    assert sorted(r["RoleName"] for r in resources(out, "all")) == sorted([*CASES, *RESERVED, "c7n-unused"])


def test_shipped_policies_select_these_and_no_others(out: Path) -> None:
    """They ask neither Access Advisor nor for what runs with a role."""
    plain = {name: one.plain or one.verdict for name, one in CASES.items()} | {"advisor-saw-it": "stale"}
    verdicts = {"stale", "never-used", "exempt"}
    assert set(judged(out, "aws-iam-role-unused")) == {n for n, v in plain.items() if v in verdicts}
    assert set(judged(out, "aws-iam-role-unknown")) == {n for n, v in plain.items() if v == "unknown"}


def test_by_credential_as_by_role(out: Path) -> None:
    unused = {name for name, one in CASES.items() if one.verdict in {"stale", "never-used"}}
    assert set(judged(out, "credentials")) == unused | set(RESERVED)


#: Name -> the role, whose notice is over, and why it stays as it is.
NEVER_TOUCHED: dict[str, tuple[Role, str]] = {
    "AWSServiceRoleForX": (Role("?", "/aws-service-role/x.amazonaws.com/"), "a service keeps it"),
    "AWSReservedSSO_Y": (Role("?", "/aws-reserved/sso.amazonaws.com/"), "AWS keeps it"),
    "of-a-stack": (Role("?", runs=("stack",)), "the CloudFormation stack stack-of-a-stack made it"),
    "way-to-us": (Role("?"), "it is in the chain that runs this policy"),
    "way-to-the-way-to-us": (Role("?"), "it is in the chain that runs this policy"),
    "way-to-break-glass": (Role("?"), "the trust of break-glass, which is exempt, names it"),
    "break-glass": (Role("?", tags={"c7n-unused-exempt": "disaster recovery"}), "exempt: disaster recovery"),
    "administration": (Role("?", attached=("AdministratorAccess",)), "it has AdministratorAccess"),
    "may-become-administrator": (Role("?"), "it may assume administration: which has AdministratorAccess"),
    "assumed-an-hour-ago": (Role("?", events=(Event("AssumeRole", NOW - timedelta(hours=1)),)), "active"),
    "runs-an-instance": (Role("?", runs=("instance",)), "unknown"),
}
WAYS = {"c7n-unused": "way-to-us", "way-to-us": "way-to-the-way-to-us", "break-glass": "way-to-break-glass",
        "administration": "may-become-administrator"}  # fmt: skip


def never_touched(account: str) -> list[Role]:
    def named(name: str, role: Role) -> Role:
        made = replace(role, name=name, created=ago(300))
        arn = f"arn:aws:iam::{account}:role/{name}"
        if name in WAYS:
            made = replace(made, trust=trust({"AWS": arn.replace(name, WAYS[name])}))
        seen = (
            replace(e, source="sts.amazonaws.com", resources={arn: "AWS::IAM::Role"}) for e in role.events
        )
        return replace(made, events=tuple(seen))

    return [named(name, role) for name, (role, _) in NEVER_TOUCHED.items()]


def disabling(**more: Any) -> dict[str, Any]:
    every = {"verdicts": ["stale", "never-used"], "exemptions": "none", "exempt-tag": "c7n-unused-exempt"}
    made = policy("disable", days=180, complete=True, **every)
    marks = {"type": "unused-mark", "state": "due", "op": "disable-unused", "tag": "c7n-unused"}
    action = {"type": "disable-unused", "tag": "c7n-unused", **more}
    return {**made, "resource": "aws.iam-role", "filters": [marks, *made["filters"]], "actions": [action]}


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run with `disable-unused` says of each of them; they are as before, the plain one is not."""
    folder = tmp_path_factory.mktemp("untouched")
    with embedded(now=NOW) as sandbox:
        account = sandbox.aws.account()
        roles = never_touched(account.id)
        sandbox.aws.add(*roles, Role("plain", created=ago(300)))
        way = trust({"AWS": f"arn:aws:iam::{account.id}:role/way-to-us"})
        account.backend.get_role("c7n-unused").assume_role_policy_document = way
        give_role_notice(sandbox, *NEVER_TOUCHED, "plain")
        done = custodian(sandbox, folder, disabling())
        after = sandbox.aws.roles()
    assert done.returncode == 0, done.stderr
    assert [name for name, role in after.items() if "c7n-unused-quarantine" in role["inline"]] == ["plain"]
    lines = (folder / "disable/c7n-unused-actions.jsonl").read_text().splitlines()
    told = {line["principal"]["user"]: line["reason"] for line in map(json.loads, lines)}
    return {**{r["RoleName"]: "selected" for r in resources(folder, "disable")}, **told}


@pytest.mark.parametrize("name", NEVER_TOUCHED)
def test_never_touched(left: dict[str, Any], name: str) -> None:
    """Those that the filter leaves out already are not selected at all."""
    if NEVER_TOUCHED[name][1] in ("unknown", "exempt: disaster recovery"):
        assert name not in left
    else:
        assert left[name].startswith(NEVER_TOUCHED[name][1])


#: What may not be called -> whether the role is switched off all the same, and what is told.
DENIED = {
    "ListFunctions": (True, "what runs with roles is not known everywhere"),
    "DescribeIamInstanceProfileAssociations": (True, "what runs with roles is not known everywhere"),
    "DescribeStackResources": (True, "plain: whether a stack made it is not known"),
    "LookupEvents": (True, "not checked in the last hours"),
    "GetRole": (False, "calling the GetRole operation"),
    "ListRolePolicies": (False, "calling the ListRolePolicies operation"),
    "TagRole": (False, "calling the TagRole operation"),
    "PutRolePolicy": (False, "calling the PutRolePolicy operation"),
    "GetAccountAuthorizationDetails": (False, "calling the GetAccountAuthorizationDetails operation"),
}


@pytest.mark.parametrize("call", DENIED)
def test_what_may_not_be_called_is_told(tmp_path: Path, call: str) -> None:
    off, told = DENIED[call]
    made = disabling(regions=["us-east-1"])
    made["filters"][1]["complete"] = call in {"ListFunctions", "DescribeIamInstanceProfileAssociations"}
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(Role("plain", created=ago(300)))
        give_role_notice(sandbox, "plain")
        sandbox.faults["deny"] = call
        done = custodian(sandbox, tmp_path, made)
        found = sandbox.aws.roles()["plain"]
    journal = tmp_path / "disable/c7n-unused-actions.jsonl"
    text = done.stderr + (journal.read_text() if journal.exists() else "")
    assert ("c7n-unused-quarantine" in found["inline"], done.returncode == 0) == (off, off), text
    assert told in text
