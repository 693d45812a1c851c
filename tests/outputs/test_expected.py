from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from custom_filters.core.errors import InputError
from custom_filters.core.report import Evaluation, Report
from custom_filters.outputs.expected import read_accounts, with_expected

POLICIES = """
policies:
- {name: users, resource: aws.iam-user}
- {name: tenant, resource: azure.directory-user}
"""
THERE = Evaluation("aws", "111111111111", "us-east-1", "users", "out/one", evaluated=True)


@pytest.mark.parametrize(
    ("accounts", "policies", "absent"),
    [
        (None, None, []),
        (None, POLICIES, []),
        (None, POLICIES.replace("users", "others"), [("aws", "111111111111", "others")]),
        ('accounts: [{account_id: "111111111111"}]', None, []),
        ('accounts: [{account_id: "222222222222"}]', None, [("aws", "222222222222", "users")]),
        ("subscriptions: [{subscription_id: s}]", POLICIES, [("azure", "s", "tenant")]),
        ("projects: [{project_id: p}]", POLICIES, [("gcp", "p", "")]),
    ],
)
def test_what_left_nothing(
    tmp_path: Path, accounts: str | None, policies: str | None, absent: list[tuple[str, str, str]]
) -> None:
    run = yaml.safe_load(policies)["policies"] if policies else []
    expected = with_expected(
        Report((), (THERE,), None),
        read_accounts(written(tmp_path / "accounts.yml", accounts)) if accounts else (),
        [(policy["resource"].partition(".")[0], policy["name"]) for policy in run],
    )
    assert [e.scope for e in expected.not_evaluated] == absent
    assert THERE in expected.evaluations


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "names no accounts"),
        ("accounts: []", "names no accounts"),
        ("accounts: [{name: payments}]", "has no account_id"),
        ("accounts: [", "cannot be read"),
    ],
)
def test_a_file_that_is_no_accounts_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_accounts(written(tmp_path / "accounts.yml", text))


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
