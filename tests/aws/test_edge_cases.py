"""Every named edge case gets its verdict through stock `custodian run`, from either source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.edge_cases import CASES, EXEMPTIONS, NOW, person
from tests.aws.runs import REPORT, VERDICTS, custodian, embedded, judged, policy, resources

SOURCES = {"bulk": "unused-bulk", "describe": "describe"}
BY_CREDENTIAL = ["active", "new", "unknown", "stale", "never-used"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of one run over one account with all the cases."""
    folder = tmp_path_factory.mktemp("edge-cases")
    with embedded(now=NOW) as sandbox:
        sandbox.aws.add(*(person(name, case.person) for name, case in CASES.items()))
        asked = {
            "days": 90,
            "complete": True,
            "exemptions": str(write_exemptions(folder, sandbox)),
            "exempt-tag": "c7n-unused-exempt",
        }
        policies = [policy(name, source, verdicts=VERDICTS, **asked) for name, source in SOURCES.items()]
        policies.append(policy("credentials", verdicts=BY_CREDENTIAL, match="credential", **asked))
        policies.append(policy("plain", verdicts=VERDICTS, **{**asked, "complete": False}))
        halves = [policy("either", verdicts=[v], **asked)["filters"][0] for v in ("stale", "never-used")]
        policies.append({**policy("either"), "filters": [{"or": halves}]})
        done = custodian(sandbox, folder, REPORT, *policies)
    assert done.returncode == 0, done.stderr
    return folder


def write_exemptions(folder: Path, sandbox: Sandbox) -> Path:
    def entry(user: str, expires: str, account: str = "*") -> dict[str, str]:
        who = user.format(id=sandbox.aws.user("exempt-by-id").id)
        why = {"reason": "SEC-114", "approved_by": "ciso@example.com", "expires": expires}
        return {"provider": "aws", "account": account, "user": who, **why}

    entries = [entry(*item) for item in EXEMPTIONS.items()]
    entries.append(entry("exempt-in-another-account", "2027-01-01", account="999999999999"))
    file = folder / "exemptions.json"
    file.write_text(json.dumps({"exemptions": entries}))
    return file


def verdicts(annotation: dict[str, Any]) -> list[str]:
    """`kind=verdict`, or with the number where the credential report has one."""
    return sorted(f"{label(c)}={c['verdict']}" for c in annotation["credentials"])


def label(credential: dict[str, Any]) -> str:
    kind, name = credential["credential"]["kind"], credential["credential"]["id"]
    return str(name if name.startswith(("password", "access_key_", "cert_")) else kind)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", CASES)
def test_verdicts(out: Path, source: str, name: str) -> None:
    found = judged(out, source)[name]
    assert verdicts(found) == sorted(CASES[name].credentials.split())
    assert found["user_verdict"] == CASES[name].user
    assert found["user_reason"]


def test_two_of_our_filters_under_or_both_annotate(out: Path) -> None:
    unused = {name for name, case in CASES.items() if case.user in {"stale", "never-used"}}
    assert {name: found["policy"] for name, found in judged(out, "either").items()} == dict.fromkeys(
        unused, "either"
    )


@pytest.mark.parametrize("source", [*SOURCES, "plain"])
def test_every_user_is_judged_once_and_root_never(out: Path, source: str) -> None:
    assert sorted(r["UserName"] for r in resources(out, source)) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_reading_less_of_active_users_changes_no_verdict(out: Path, name: str) -> None:
    assert judged(out, "plain")[name]["user_verdict"] == CASES[name].user


SHIPPED = {
    "aws-iam-user-unused": {"stale", "never-used", "exempt"},
    "aws-iam-user-unknown": {"unknown"},
}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_policies_select_these_and_no_others(out: Path, name: str) -> None:
    expected = {user for user, case in CASES.items() if case.shipped in SHIPPED[name]}
    assert set(judged(out, name)) == expected


def test_the_45_day_policy_selects_these_credentials_and_no_others(out: Path) -> None:
    found = {
        user: sorted(map(label, annotation["credentials"]))
        for user, annotation in judged(out, "aws-iam-credential-unused").items()
    }
    assert found == {user: sorted(case.cis.split()) for user, case in CASES.items() if case.cis}


def test_by_credential_each_has_the_same_verdict_as_by_user(out: Path) -> None:
    found = {user: verdicts(annotation) for user, annotation in judged(out, "credentials").items()}
    expected = {
        user: sorted(c for c in case.credentials.split() if not c.endswith("=disabled"))
        for user, case in CASES.items()
        if case.user not in {"exempt", "no-credentials"}
    }
    assert found == expected


def test_an_expired_exemption_is_shown(out: Path) -> None:
    shown = judged(out, "bulk")["exemption-expired-this-minute"]["exemption"]
    assert shown == {
        "reason": "SEC-114",
        "approved_by": "ciso@example.com",
        "expires": "2026-06-15T12:00:00Z",
    }


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 45
