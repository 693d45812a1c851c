"""Named edge cases of service accounts and keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_filters.gcp.principals import is_privileged
from custom_filters.sandbox.gcp.people import BoundKey
from tests.gcp.conftest import NOW, Direct
from tests.gcp.runs import account, key, policy

ALL = ["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used"]


def ago(days: float) -> Any:
    return NOW - timedelta(days=days)


ACCOUNTS = {
    "used yesterday": ({"idle": 1}, "active"),
    "used 91 days ago": ({"idle": 91}, "stale"),
    "used 90 days ago, perhaps at the end of that day": ({"idle": 90}, "active"),
    "never, observed 400 days": ({"idle": None}, "never-used"),
    "never, observed 88 days": ({"idle": None, "observed_days": 88}, "unknown"),
    "no row": ({"idle": 200, "observed_days": None}, "unknown"),
    "no row, but Monitoring saw it": ({"idle": 200, "observed_days": None, "last_metric": ago(3)}, "active"),
    "stale by rows, but Monitoring saw it": ({"idle": 200, "last_metric": ago(3)}, "active"),
    "disabled": ({"idle": 200, "disabled": True}, "no-credentials"),
    "exempt by its description": (
        {"idle": 200, "description": "Tax [c7n-unused-exempt: audit (LEG-27)]"},
        "exempt",
    ),
}


@pytest.mark.parametrize(("fields", "verdict"), ACCOUNTS.values(), ids=ACCOUNTS)
def test_accounts(empty: Direct, fields: dict[str, Any], verdict: str) -> None:
    one = account(empty, "a", NOW, **fields)
    empty.cloud.add(one)
    found = judged(empty, "service-account")
    assert found[one.email]["user_verdict"] == verdict
    assert found[one.email]["credentials"][0]["credential"]["kind"] == "service-account"
    assert found[one.email]["account"] == one.project


BOUND = {
    "a live HMAC key": (200, "hmac", "ACTIVE", "unknown"),
    "a live HMAC key of an account in use": (1, "hmac", "ACTIVE", "active"),
    "an HMAC key that is off": (200, "hmac", "INACTIVE", "stale"),
    "a bound API key": (200, "api", "ACTIVE", "unknown"),
}


@pytest.mark.parametrize(("idle", "kind", "state", "verdict"), BOUND.values(), ids=BOUND)
@pytest.mark.parametrize("match", ["user", "credential"])
def test_keys_whose_use_google_does_not_tell(
    empty: Direct, match: str, idle: int, kind: str, state: str, verdict: str
) -> None:
    one = account(empty, "a", NOW, idle)
    empty.cloud.add(one, BoundKey("GOOG1", one.email, one.project, ago(300), kind, state))
    found = judged(empty, "service-account", match=match)[one.email]
    assert found["user_verdict"] == verdict
    by_kind = {c["credential"]["kind"]: c["verdict"] for c in found["credentials"]}
    assert by_kind["service-account"] == verdict
    named = "hmac-key" if kind == "hmac" else "bound-api-key"
    assert by_kind.get(named, "disabled") == ("unknown" if state == "ACTIVE" else "disabled")


def test_a_row_of_a_deleted_account_of_the_same_name_counts_for_nothing(empty: Direct) -> None:
    """Google's rows name the account's unique id."""
    one = account(empty, "a", NOW, 200)
    owned = key(one, "aaaaaaa1", NOW, 200)
    empty.cloud.add(one, owned)
    empty.faults["analyzer_lag"] = 1
    empty.cloud.hand("recreate", one.email)
    empty.cloud.add(owned)
    for resource in ("service-account", "service-account-key"):
        assert judged(empty, resource)[one.email]["user_verdict"] == "unknown"


KEYS = {
    "used yesterday": ({"idle": 1}, "active"),
    "used 200 days ago": ({"idle": 200}, "stale"),
    "never, made 600 days ago": ({"idle": None}, "never-used"),
    "never, made a week ago": ({"idle": None, "valid_after": ago(7), "observed_days": 6}, "new"),
    "never, observed late": ({"idle": None, "observed_days": 30}, "unknown"),
    "no row": ({"idle": None, "observed_days": None}, "unknown"),
    "disabled": ({"idle": 200, "disabled": True}, "no-credentials"),
    "past its end": ({"idle": 200, "valid_before": ago(1)}, "no-credentials"),
}


@pytest.mark.parametrize(("fields", "verdict"), KEYS.values(), ids=KEYS)
def test_keys(empty: Direct, fields: dict[str, Any], verdict: str) -> None:
    owner = account(empty, "a", NOW, 1)
    empty.cloud.add(owner, key(owner, "aaaaaaa1", NOW, **fields))
    assert judged(empty, "service-account-key")[owner.email]["user_verdict"] == verdict


def test_a_key_of_a_disabled_account_is_off(empty: Direct) -> None:
    owner = account(empty, "a", NOW, 1, disabled=True)
    empty.cloud.add(owner, key(owner, "aaaaaaa1", NOW, 300))
    assert judged(empty, "service-account-key")[owner.email]["user_verdict"] == "no-credentials"


def test_keys_of_google_are_left_out(empty: Direct) -> None:
    owner = account(empty, "a", NOW, 1)
    empty.cloud.add(owner, key(owner, "aaaaaaa1", NOW, 300, kind="SYSTEM_MANAGED"))
    assert owner.email not in judged(empty, "service-account-key")


def test_our_own_account_and_key_are_in_use_and_its_other_keys_unknown(empty: Direct) -> None:
    """What the delegate does by domain-wide delegation no source sees."""
    delegate = replace(empty.company.delegate, last_metric=None)
    empty.cloud.add(delegate, key(delegate, "aaaaaaa1", NOW, 300))
    accounts = judged(empty, "service-account")
    assert accounts[delegate.email]["user_verdict"] == "exempt"
    assert accounts[delegate.email]["credentials"][0]["verdict"] == "active"
    keys = empty.select(policy("keys", resource="service-account-key", verdicts=ALL))
    verdicts = {k["name"][-40:]: k["c7n:unused"]["credentials"][0]["verdict"] for k in keys}
    assert verdicts == {empty.company.delegate_key.id: "active", "aaaaaaa1".ljust(40, "0"): "unknown"}


def judged(direct: Direct, resource: str, **options: Any) -> dict[str, Any]:
    chosen = policy("p", resource=resource, verdicts=ALL, exempt_tag="c7n-unused-exempt", **options)
    found = [r["c7n:unused"] for r in direct.select(chosen)]
    return {a["user"]: a for a in found}


@pytest.mark.parametrize(
    ("roles", "privileged"),
    [
        ((), False),
        (("roles/editor", "roles/storage.admin"), False),
        (("roles/owner",), True),
        (("roles/viewer", "roles/iam.serviceAccountAdmin"), True),
        (("roles/resourcemanager.projectIamAdmin",), True),
        (("roles/viewer", "projects/p/roles/custom"), None),
        (("roles/owner", "organizations/1/roles/custom"), True),
    ],
)
def test_privileged_is_who_may_change_who_may_do_what(
    roles: tuple[str, ...], privileged: bool | None
) -> None:
    assert is_privileged(frozenset(roles)) is privileged


def test_accounts_and_rows_over_several_pages(empty: Direct) -> None:
    many = [account(empty, f"n{n}", NOW, 200) for n in range(1_050)]
    empty.cloud.add(*many)
    assert len(empty.select(policy("p", resource="service-account"))) == len(many)
    assert empty.calls["gcp:iam.projects.serviceAccounts.list"] == 11
    assert empty.calls["gcp:policyanalyzer.projects.locations.activityTypes.activities.query"] == 2


def test_the_two_resources_share_what_they_read(empty: Direct) -> None:
    owner = account(empty, "a", NOW, 200)
    empty.cloud.add(owner, key(owner, "aaaaaaa1", NOW, 300))
    for resource in ("service-account", "service-account-key", "service-account-key"):
        empty.select(policy("p", resource=resource))
    assert empty.calls["gcp:iam.projects.serviceAccounts.list"] == 1
    assert empty.calls["gcp:iam.projects.serviceAccounts.keys.list"] == 2
    assert empty.calls["gcp:cloudresourcemanager.projects.getIamPolicy"] == 1
