"""Whatever goes wrong: unknown or an error, never a false "unused", and never fewer in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from c7n.exceptions import PolicyExecutionError

from tests.gcp.conftest import NOW, Direct
from tests.gcp.runs import add_schema, policy

USERS = policy("users", verdicts=["stale", "never-used"])
PLAIN = policy("plain", evidence=["last-login"], verdicts=["stale", "never-used", "unknown"])
ACCOUNTS = policy("accounts", resource="service-account")
KEYS = policy("keys", resource="service-account-key")
UNKNOWN = policy("unknown", verdicts=["unknown"])


@pytest.mark.parametrize(
    ("chosen", "faults", "told"),
    [
        (USERS, {"disabled": "admin.googleapis.com"}, "gcloud services enable admin.googleapis.com"),
        (ACCOUNTS, {"disabled": "iam.googleapis.com"}, "gcloud services enable iam.googleapis.com"),
        (KEYS, {"disabled": "iam.googleapis.com"}, "gcloud services enable iam.googleapis.com"),
        (PLAIN, {"disabled": "cloudidentity.googleapis.com"}, "services enable cloudidentity"),
        (USERS, {"deny": "admin.directory.users.list"}, "permissions -p gcp"),
        (USERS, {"deny": "admin.reports.userUsageReport.get"}, "permissions -p gcp"),
        (USERS, {"subject": "notadmin"}, "permissions -p gcp"),
        (ACCOUNTS, {"deny": "iam.serviceAccounts.list"}, "grant iam.serviceAccounts.list"),
        (KEYS, {"deny": "iam.serviceAccountKeys.list"}, "grant iam.serviceAccountKeys.list"),
        (USERS, {"gcp_429": 1}, "429 rateLimitExceeded"),
        (USERS, {"gcp_500": 1}, "500 backendError"),
        (KEYS, {"gcp_503": 1}, "503 UNAVAILABLE"),
    ],
)
def test_what_fails_for_good_is_an_error_with_a_remedy(
    direct: Direct, chosen: dict[str, Any], faults: dict[str, Any], told: str
) -> None:
    direct.faults.update(faults)
    with pytest.raises(PolicyExecutionError, match=r"^Google, ") as caught:
        direct.select(chosen)
    assert told in str(caught.value)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "Policy Analyzer is off": (KEYS, {"disabled": "policyanalyzer.googleapis.com"}, "enable policyanalyzer"),
    "Policy Analyzer is refused": (
        ACCOUNTS,
        {"deny": "policyanalyzer.serviceAccountLastAuthenticationActivities.query"},
        "grant policyanalyzer.serviceAccountLastAuthenticationActivities.query",
    ),
    "Monitoring is off": (ACCOUNTS, {"disabled": "monitoring.googleapis.com"}, "services enable monitoring"),
    "Monitoring is refused": (KEYS, {"deny": "monitoring.timeSeries.list"}, "grant monitoring.timeSeries"),
    "HMAC keys are refused": (ACCOUNTS, {"deny": "storage.hmacKeys.list"}, "grant storage.hmacKeys.list"),
    "API keys are off": (ACCOUNTS, {"disabled": "apikeys.googleapis.com"}, "services enable apikeys"),
    "API keys are refused": (ACCOUNTS, {"deny": "apikeys.keys.list"}, "grant apikeys.keys.list"),
    "users are not read again": (USERS, {"deny": "admin.directory.users.get"}, "permissions -p gcp"),
}


@pytest.mark.parametrize(("chosen", "faults", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_leaves_nobody_unused_and_is_told_once(
    direct: Direct,
    caplog: pytest.LogCaptureFixture,
    chosen: dict[str, Any],
    faults: dict[str, Any],
    told: str,
) -> None:
    direct.faults.update(faults)
    for _ in range(2):  # policies of one run
        assert direct.select(chosen) == []
    found = direct.select(with_all_verdicts(chosen))
    reasons = [r["c7n:unused"]["user_reason"] for r in found if r["c7n:unused"]["user_verdict"] == "unknown"]
    assert any(told in reason for reason in reasons)
    assert len([r for r in caplog.records if r.name == "custodian.unused" and told in r.getMessage()]) == 1


@pytest.mark.parametrize("denied", ["resourcemanager.projects.getIamPolicy", "admin.directory.schemas.get"])
def test_what_only_changes_need_stops_no_report(direct: Direct, denied: str) -> None:
    before = [_names(direct.select(chosen)) for chosen in (USERS, ACCOUNTS)]
    direct.faults["deny"] = denied
    assert [_names(direct.next_run().select(chosen)) for chosen in (USERS, ACCOUNTS)] == before


def test_one_users_refusal_is_his_own(direct: Direct) -> None:
    """The others are judged, and he is unknown."""
    stale = direct.company.person("stale")
    before = _people(direct.select(USERS))
    direct.faults["deny_user"] = stale.email
    assert _people(direct.next_run().select(USERS)) == before - {"stale"}
    unknown = {r["primaryEmail"]: r["c7n:unused"]["user_reason"] for r in direct.select(UNKNOWN)}
    assert "the user could not be read" in unknown[stale.email]


def test_an_expired_page_token_is_an_error(direct: Direct) -> None:
    direct.faults["page_token"] = "expired"
    direct.cloud.state.add(*_more_accounts(direct))
    with pytest.raises(PolicyExecutionError, match="pageToken"):
        direct.select(ACCOUNTS)


def _more_accounts(direct: Direct) -> list[Any]:
    model = direct.company.account("active")
    return [
        replace(model, email=f"more{n}-{model.email}", unique_id=f"9{n:020d}", case="") for n in range(120)
    ]


@pytest.mark.parametrize("chosen", [USERS, ACCOUNTS, KEYS], ids=lambda p: p["name"])
def test_what_fails_now_and_then_changes_nothing(direct: Direct, chosen: dict[str, Any]) -> None:
    before = _names(direct.select(chosen))
    assert before
    direct.faults.update({"gcp_429": 0.1, "gcp_503": 0.1, "gcp_500": 0.1})
    assert _names(direct.next_run().select(chosen)) == before


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ({"reports_warnings": "on"}, "no usage report of the last 7 days is complete (Google warns"),
        ({"reports_warnings": "accounts"}, "no usage report of the last 7 days is complete (Google warns"),
        ({"reports_missing": 9}, "no usage report of the last 7 days is complete"),
    ],
)
def test_reports_that_are_partial_or_late_leave_nobody_unused(
    direct: Direct, faults: dict[str, Any], reason: str
) -> None:
    direct.faults.update(faults)
    assert direct.select(USERS) == []
    unknown = direct.select(UNKNOWN)
    reasons = {r["c7n:unused"]["credentials"][0]["reason"] for r in unknown if "stale" in r["primaryEmail"]}
    assert all(text.startswith(reason) for text in reasons)
    assert reasons


def test_the_newest_complete_report_is_taken_by_its_own_day(direct: Direct) -> None:
    """Two days ready, of which the newest is partial."""
    direct.faults["reports_partial"] = 2
    found = {r["primaryEmail"]: r["c7n:unused"] for r in direct.select(USERS)}
    stale = found[direct.company.person("stale").email]["credentials"][0]
    days = {e["observed_at"] for e in stale["evidence"] if e["source"].startswith("reports")}
    assert days == {"2026-06-12T08:00:00Z"}


def test_reports_that_are_a_few_days_late_are_taken(direct: Direct) -> None:
    direct.faults["reports_missing"] = 3
    assert "stale" in _people(direct.select(USERS))


@pytest.mark.parametrize("chosen", [ACCOUNTS, KEYS], ids=lambda p: p["name"])
@pytest.mark.parametrize("fault", ["norows", "short"])
def test_without_rows_or_long_enough_ones_nothing_is_unused(
    direct: Direct, chosen: dict[str, Any], fault: str
) -> None:
    direct.faults["analyzer"] = fault
    verdicts = {r["c7n:unused"]["user_verdict"] for r in direct.select(with_all_verdicts(chosen))}
    assert verdicts <= {"unknown", "active", "exempt", "no-credentials", "new"}
    assert "unknown" in verdicts


def with_all_verdicts(chosen: dict[str, Any]) -> dict[str, Any]:
    verdicts = ["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used"]
    return {**chosen, "filters": [{**chosen["filters"][0], "verdicts": verdicts}]}


def test_where_list_and_get_differ_nobody_is_unused(direct: Direct) -> None:
    before = _names(direct.select(USERS))
    direct.faults["conflict"] = "on"
    assert _names(direct.next_run().select(USERS)) == before
    listed = direct.cloud.company.person("list-conflict")
    assert listed.email not in {r["primaryEmail"] for r in direct.select(USERS)}


def test_single_sign_on_without_reports_is_unknown(direct: Direct) -> None:
    found = direct.select(PLAIN)
    assert {r["c7n:unused"]["user_verdict"] for r in found} == {"unknown"}
    assert "add `reports`" in found[0]["c7n:unused"]["user_reason"]
    direct.cloud.state.sso.clear()
    without = direct.next_run()
    assert "stale" in {r["c7n:unused"]["user_verdict"] for r in without.select(PLAIN)}


def test_no_users_at_all_is_an_error(empty: Direct) -> None:
    empty.cloud.state.people.clear()
    with pytest.raises(PolicyExecutionError):
        empty.select(USERS)


def test_a_schema_that_google_does_not_know_yet(direct: Direct) -> None:
    add_schema(direct.cloud, NOW)
    direct.faults["schema_delay"] = 3600
    with pytest.raises(PolicyExecutionError, match="made lately"):
        direct.select(USERS)


def _people(found: list[dict[str, Any]]) -> set[str]:
    return {r["primaryEmail"].partition("@")[0] for r in found}


def _names(found: list[dict[str, Any]]) -> set[str]:
    return {r["c7n:unused"]["credentials"][0]["uid"] for r in found}
