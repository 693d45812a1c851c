"""The shipped report policies on 2,500 users, through stock `custodian`: the exact sets, by named cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custom_filters.azure.permissions import needed
from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.azure.people import Person
from tests.azure.runs import REPORT, custodian, embedded, judged, policy, resources, utc

NOW = utc(2026, 5, 1)
VERDICTS = ["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used"]

#: Case -> verdict at 90 days.
CASES = {
    "active": "active",
    "idle": "stale",
    "idle-89-days": "active",
    "idle-400-days": "stale",
    "never-signed-in-old": "never-used",
    "never-signed-in-new": "new",
    "last-before-april-2020": "never-used",
    "failed-attempts-only": "active",
    "failed-before-successful-was-known": "active",
    "non-interactive-only": "active",
    "successful-newest": "active",
    "null-date": "never-used",
    "null-date-interactive": "stale",
    "empty-activity": "never-used",
    "future-date": "unknown",
    "no-created": "unknown",
    "no-created-idle": "stale",
    "guest-pending-old": "new",
    "guest-pending-new": "new",
    "guest-idle": "stale",
    "guest-active": "active",
    "guest-accepted-never": "never-used",
    "synced-idle": "unknown",
    "synced-active": "active",
    "admin-idle": "stale",
    "pim-eligible-idle": "stale",
    "admin-by-group-idle": "stale",
    "eligible-by-group-idle": "stale",
    "break-glass": "exempt",
    "exempt-by-group-idle": "exempt",
    "exempt-by-nested-group-idle": "exempt",
    "restricted-idle": "stale",
    "disabled-idle": "no-credentials",
    "disabled-never": "no-credentials",
    "no-type-idle": "stale",
    "hostile-idle": "stale",
}
#: What the strict reading makes of them, where it differs.
STRICT = {
    "failed-attempts-only": "stale",
    "failed-before-successful-was-known": "never-used",
    "non-interactive-only": "stale",
    "null-date-interactive": "never-used",
}
PRIVILEGED = {
    "admin-idle",
    "pim-eligible-idle",
    "admin-by-group-idle",
    "eligible-by-group-idle",
    "break-glass",
}


@dataclass(frozen=True)
class Run:
    sandbox: Sandbox
    out: Path
    code: int
    log: str

    def judged(self, name: str) -> dict[str, dict[str, Any]]:
        return judged(self.out, name)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """report.yml, and two policies that select everybody: as it is shipped, and strictly."""
    out = tmp_path_factory.mktemp("report")
    all_of_them = policy(
        "all", verdicts=VERDICTS, exempt_tag="c7n-unused-exempt", owner=["manager", "sponsor"]
    )
    strict = policy("strict", verdicts=VERDICTS, evidence=["successful"], exempt_tag="c7n-unused-exempt")
    with embedded(users=2500, now=NOW) as sandbox:
        sandbox.azure.permissions.intersection_update(p.name for p in needed(enforce=False))
        done = custodian(sandbox, out, REPORT, all_of_them, strict)
        yield Run(sandbox, out, done.returncode, done.stderr)


def cases(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: value["user_verdict"] for name, value in found.items() if name in CASES}


def unused(someone: Person) -> bool:
    """The truth about one of the crowd, told by the sandbox's own data."""
    born = someone.created or NOW
    dates = someone.activity and (someone.activity.interactive, someone.activity.non_interactive)
    newest = max((d for d in dates or () if d), default=born)
    return someone.enabled and NOW - newest >= timedelta(days=90)


def test_every_named_case_has_its_verdict(run: Run) -> None:
    assert run.code == 0, run.log
    assert cases(run.judged("all")) == CASES
    assert {p.case for p in run.sandbox.azure.people} == {*CASES, "crowd"}


def test_only_successful_sign_ins_count_when_asked(run: Run) -> None:
    assert cases(run.judged("strict")) == CASES | STRICT


def test_the_report_selects_exactly_who_is_unused(run: Run) -> None:
    selected = {"stale", "never-used", "exempt"}
    crowd = {p.upn for p in run.sandbox.azure.people if p.case == "crowd" and unused(p)}
    named = {p.upn for p in run.sandbox.azure.people if CASES.get(p.case) in selected}
    found = {r["userPrincipalName"] for r in resources(run.out, "azure-directory-user-unused")}
    assert len(crowd) > 100
    assert found == crowd | named
    assert set(run.judged("azure-directory-user-unknown")) == {"future-date", "no-created", "synced-idle"}


def test_guests_have_policies_of_their_own(run: Run) -> None:
    assert set(run.judged("azure-directory-guest-pending")) == {"guest-pending-old"}
    assert set(run.judged("azure-directory-guest-unused")) == {"guest-idle", "guest-accepted-never"}


def test_findings_say_who_it_is_and_which_date_decided(run: Run) -> None:
    found = run.judged("all")
    assert {name for name, value in found.items() if value["privileged"]} == PRIVILEGED
    assert {name: found[name]["user_type"] for name in ("idle", "guest-idle", "no-type-idle")} == {
        "idle": "human",
        "guest-idle": "guest",
        "no-type-idle": "unknown",
    }
    assert found["synced-idle"]["next_action"] == "disable at the source (on-premises)"
    assert found["idle"]["owner"] == "active@contoso.example"
    assert found["idle"]["owner_source"] == "manager"
    assert found["guest-idle"]["owner_source"] == "sponsor"
    assert found["no-created"]["owner"] is None
    by = {name: found[name]["credentials"][0]["basis"] for name in ("non-interactive-only", "null-date")}
    assert by == {
        "non-interactive-only": "lastNonInteractiveSignInDateTime",
        "null-date": "signInActivity",
    }
    assert found["exempt-by-group-idle"]["exemption"]["reason"] == "member of the group c7n-unused-exempt"


def test_all_policies_share_one_listing_and_no_annotation(run: Run) -> None:
    """7 policies: 5 pages, and one look at whether notes have a place. Resources carry their own policy's
    findings only."""
    assert run.sandbox.calls["azure:GET /users"] == 5 + 1
    assert run.sandbox.calls["azure:POST /oauth2/v2.0/token"] == 1
    for name in ("azure-directory-user-unused", "azure-directory-guest-unused", "strict"):
        assert {value["policy"] for value in run.judged(name).values()} == {name}
    assert {value["account"] for value in run.judged("all").values()} == {run.sandbox.azure.app.tenant}
