"""The shipped report policies through stock `custodian`: the exact set, by named cases and for the crowd."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from custom_filters.sandbox.gcp.company import Company
from custom_filters.sandbox.gcp.people import Key, Person, ServiceAccount
from custom_filters.sandbox.sandbox import Sandbox
from tests.gcp.runs import REPORT, annotations, custodian, embedded, in_project, resources, utc

NOW = utc(2026, 6, 15, 12, 0)
THRESHOLD = timedelta(days=90)
UNUSED_PEOPLE = {
    "own-subject", "never-old", "never-day-90", "never-day-91", "stale", "stale-day-90", "stale-day-91",
    "sso-stale", "super-admin-stale", "break-glass", "delegated-admin-stale", "group-admin-stale",
    "guest-stale", "exempt-stale", "alias-stale", "second-domain-stale", "managed-stale",
    "hostile-name-stale",
}  # fmt: skip
UNUSED_ACCOUNTS = {"never", "stale", "described-stale", "described-full-stale", "exempt-stale"}
BUILT_IN = {"delegate", "default-compute", "default-appengine"}
UNKNOWN_ACCOUNTS = {"never-new", "no-row", "short-row"}
UNUSED_KEYS = {"key-stale", "key-never", "never-key", "stale-key", "delegate-key"}  # the last is exempt
UNKNOWN_KEYS = {"key-no-row", "key-short-row"}


@dataclass
class Reported:
    """A run of report.yml for each of the two projects."""

    sandbox: Sandbox
    outs: tuple[Path, Path]

    @property
    def company(self) -> Company:
        found: Company = self.sandbox.gcp.company
        return found

    def both(self, name: str) -> list[dict[str, Any]]:
        return [found for out in self.outs for found in annotations(out, name)]


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reported]:
    outs = tmp_path_factory.mktemp("prod"), tmp_path_factory.mktemp("data")
    with embedded(users=2500, seed=7, now=NOW, marks=False) as sandbox:
        for number, out in enumerate(outs):
            done = custodian(sandbox, out, REPORT, **in_project(sandbox, number))
            assert done.returncode == 0, done.stderr
        yield Reported(sandbox, outs)


def test_users_are_unused_by_every_source(reported: Reported) -> None:
    found = {a["user"] for a in annotations(reported.outs[0], "gcp-directory-user-unused")}
    cases = {p.case for p in reported.company.people if p.email in found and p.case}
    assert cases == UNUSED_PEOPLE
    crowd = {p.email for p in reported.company.people if not p.case and unused_person(p)}
    assert {p.email for p in reported.company.people if p.email in found and not p.case} == crowd
    assert len(crowd) > 100
    assert len(found) == len(UNUSED_PEOPLE) + len(crowd)


def unused_person(person: Person) -> bool:
    newest = max(filter(None, (person.last_login, person.last_sso, person.last_imap)), default=person.created)
    return not (person.suspended or person.archived) and NOW - newest >= THRESHOLD


def test_users_that_cannot_be_judged(reported: Reported) -> None:
    found = annotations(reported.outs[0], "gcp-directory-user-unknown")
    assert [a["user"] for a in found] == [reported.company.person("login-time-missing").email]
    assert found[0]["credentials"][0]["reason"] == "users.list gives no lastLoginTime"


def test_what_a_finding_tells_of_a_user(reported: Reported) -> None:
    found = {
        a["user"].partition("@")[0]: a for a in annotations(reported.outs[0], "gcp-directory-user-unused")
    }
    managed, admin, guest = found["managed-stale"], found["delegated-admin-stale"], found["guest-stale"]
    assert managed["account"] == reported.company.customer.id
    assert managed["user_id"] == reported.company.person("managed-stale").id
    assert (managed["owner"], managed["owner_source"]) == (
        reported.company.person("super-admin-active").email,
        "manager",
    )
    assert (managed["privileged"], admin["privileged"]) == (False, True)
    assert (managed["user_type"], guest["user_type"]) == ("human", "guest")
    sources = [e["source"] for e in found["sso-stale"]["credentials"][0]["evidence"]]
    assert sources == [
        "last-login", "reports accounts:last_login_time", "reports accounts:last_sso_time", "last-login"
    ]  # fmt: skip


def test_service_accounts_of_both_projects(reported: Reported) -> None:
    found = {a["user"]: a["user_verdict"] for a in reported.both("gcp-service-account-unused")}
    accounts = {a.email: a for a in reported.company.accounts}
    cases = {accounts[email].case for email, verdict in found.items() if verdict != "exempt"} - {""}
    assert cases == UNUSED_ACCOUNTS
    assert {accounts[email].case for email, verdict in found.items() if verdict == "exempt"} == BUILT_IN
    crowd = {a.email for a in accounts.values() if not a.case and unused_machine(a, a)}
    assert {email for email in found if not accounts[email].case} == crowd
    assert {accounts[email].project for email in crowd} == {p.id for p in reported.company.projects}
    unknown = {accounts[a["user"]].case for a in reported.both("gcp-service-account-unknown")}
    assert unknown - {""} == UNKNOWN_ACCOUNTS


def test_keys_of_both_projects(reported: Reported) -> None:
    keys = {k.id: k for k in reported.company.keys}
    accounts = {a.email: a for a in reported.company.accounts}
    found = {a["credentials"][0]["credential"]["id"] for a in reported.both("gcp-service-account-key-unused")}
    assert {keys[key].case for key in found} - {""} == UNUSED_KEYS
    crowd = {k.id for k in keys.values() if not k.case and unused_machine(k, accounts[k.account])}
    assert {key for key in found if not keys[key].case} == crowd
    assert len(crowd) > 20
    unknown = [
        a["credentials"][0]["credential"]["id"] for a in reported.both("gcp-service-account-key-unknown")
    ]
    assert {keys[key].case for key in unknown} - {""} == UNKNOWN_KEYS


def unused_machine(thing: ServiceAccount | Key, account: ServiceAccount) -> bool:
    """By Policy Analyzer's whole days, which count from their end."""
    if thing.disabled or account.disabled or getattr(thing, "kind", "USER_MANAGED") != "USER_MANAGED":
        return False
    if thing.last_authenticated:
        return NOW - end_of_day(thing.last_authenticated) >= THRESHOLD
    return thing.observed_days is not None and long_observed(thing)


def long_observed(thing: ServiceAccount | Key) -> bool:
    born = getattr(thing, "valid_after", None)
    return (thing.observed_days or 0) >= 89 and (born is None or NOW - born >= THRESHOLD)


def end_of_day(moment: datetime) -> datetime:
    start = moment.replace(hour=7, minute=0, second=0, microsecond=0)
    return (start if start <= moment else start - timedelta(days=1)) + timedelta(hours=25)


def test_calls_are_few_and_made_once(reported: Reported) -> None:
    """Two runs: users in pages of 500, one look at each candidate, one call an account for its keys."""
    calls = reported.sandbox.calls
    assert calls["gcp:admin.directory.users.list"] == 2 * 5
    assert calls["gcp:admin.reports.userUsageReport.get"] == 2 * 4 * 3  # four reports of three pages
    unused = len(annotations(reported.outs[0], "gcp-directory-user-unused"))
    assert calls["gcp:admin.directory.users.get"] <= 2 * (unused + 10)
    assert calls["gcp:iam.projects.serviceAccounts.keys.list"] == len(reported.company.accounts)
    assert calls["gcp:policyanalyzer.projects.locations.activityTypes.activities.query"] == 2 * 2
    assert calls["gcp:monitoring.projects.timeSeries.list"] == 2 * 2


def test_everything_went_through_the_proxy(reported: Reported) -> None:
    wire = reported.sandbox._wire
    assert {"admin.googleapis.com", "iam.googleapis.com", "oauth2.googleapis.com"} <= set(wire.connects)
    assert wire.refused == []


def test_hostile_names_and_private_data(reported: Reported) -> None:
    found = resources(reported.outs[0], "gcp-directory-user-unused")
    assert any(user["name"]["fullName"].startswith("=HYPERLINK") for user in found)
    assert all("emails" not in user for user in found)
