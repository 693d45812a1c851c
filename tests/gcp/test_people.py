"""Named edge cases of users: what Google says, and what is made of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from custom_filters.gcp.schema import SCHEMA
from custom_filters.sandbox.gcp.people import Customer, Person
from tests.gcp.conftest import NOW, Direct
from tests.gcp.runs import add_schema, person, policy, utc

ALL = ["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used"]


def days(n: float) -> Any:
    return NOW - timedelta(days=n)


SECOND = 1 / 86_400
CASES = {
    "signed in today": (person("a", NOW, 0), "active"),
    "signed in 90 days less a second ago": (person("a", NOW, 90 - SECOND), "active"),
    "signed in exactly 90 days ago": (person("a", NOW, 90), "stale"),
    "never, made 90 days ago": (person("a", NOW, None, created=days(90)), "never-used"),
    "never, made 90 days less a second ago": (person("a", NOW, None, created=days(90 - SECOND)), "new"),
    "never, made after the report": (person("a", NOW, None, created=days(0.5)), "new"),
    "never, made in the future": (person("a", NOW, None, created=days(-2)), "unknown"),
    "mail by IMAP last week": (person("a", NOW, 300, last_imap=days(7)), "active"),
    "mail by POP last week": (person("a", NOW, 300, last_pop=days(7)), "active"),
    "mail on the web last week": (person("a", NOW, None, last_webmail=days(7)), "active"),
    "single sign-on last week": (person("a", NOW, 300, last_sso=days(7)), "active"),
    "single sign-on long ago": (person("a", NOW, 300, last_sso=days(200)), "stale"),
    "Drive last week": (person("a", NOW, 300, last_drive=days(7)), "active"),
    "Drive 80 days ago": (person("a", NOW, 300, last_drive=days(80)), "active"),
    "mail 80 days ago": (person("a", NOW, 300, last_imap=days(80)), "active"),
    "mail 100 days ago": (person("a", NOW, 300, last_imap=days(100)), "stale"),
    "no date in either call": (person("a", NOW, 300, login_time_missing=True), "unknown"),
    "suspended": (person("a", NOW, 300, suspended=True), "no-credentials"),
    "archived": (person("a", NOW, 300, archived=True), "no-credentials"),
    "guest without a mailbox": (person("a", NOW, 300, guest=True), "stale"),
    "super administrator": (person("a", NOW, 300, admin=True), "stale"),
}


@pytest.mark.parametrize(("someone", "verdict"), CASES.values(), ids=CASES)
def test_verdicts(empty: Direct, someone: Person, verdict: str) -> None:
    empty.faults["gmail_window"] = 30
    empty.cloud.add(someone)
    found = {r["id"]: r["c7n:unused"] for r in empty.select(policy("p", verdicts=ALL))}
    assert found[someone.id]["user_verdict"] == verdict


def noted(suspended: bool = False, **notes: str) -> Person:
    return person("a", NOW, 200, id="12345", suspended=suspended, custom={SCHEMA: notes})


MARK = "Unused: disable-unused@2026/06/20 1200 UTC"
LIVE = "12345 c7n-unused 2606061200 2606201200 sign-in=sign-in"
OFF = "12345 c7n-unused 2605061200 2605201200 off=2605201201 sign-in=sign-in"
PHASES = {
    "nothing noted": (noted(), "detected", "stale"),
    "marked": (noted(c7n_unused=MARK, c7n_unused_record=LIVE), "marked", "stale"),
    "a mark without a record": (noted(c7n_unused=MARK), "detected", "stale"),
    "another user's record": (noted(c7n_unused=MARK, c7n_unused_record=f"9{LIVE}"), "detected", "stale"),
    "a damaged record": (noted(c7n_unused_record="yesterday"), "detected", "stale"),
    "off": (noted(suspended=True, c7n_unused_record=OFF), "disabled", "no-credentials"),
    "a record, but unsuspended by hand": (noted(c7n_unused_record=OFF), "detected", "stale"),
    "exempt by our field": (noted(c7n_unused_exempt="tax audit (LEG-27)"), "detected", "exempt"),
}


@pytest.mark.parametrize(("someone", "phase", "verdict"), PHASES.values(), ids=PHASES)
def test_notes(empty: Direct, someone: Person, phase: str, verdict: str) -> None:
    add_schema(empty.cloud, utc(2020, 1, 1))
    empty.cloud.add(someone)
    chosen = policy("p", verdicts=ALL, exempt_tag="c7n-unused-exempt")
    found = {r["id"]: r["c7n:unused"] for r in empty.select(chosen)}[someone.id]
    assert (found["phase"], found["user_verdict"]) == (phase, verdict)
    if verdict == "exempt":
        assert found["exemption"]["reason"] == "tax audit (LEG-27)"


def test_a_mark_is_read_by_the_name_that_the_policy_gives(empty: Direct) -> None:
    add_schema(empty.cloud, utc(2020, 1, 1))
    empty.cloud.add(noted(c7n_unused=MARK, c7n_unused_record=LIVE))
    states = {
        tag: {r["primaryEmail"].partition("@")[0] for r in empty.select(marked(tag, "absent"))}
        for tag in ("c7n-unused", "c7n-unused-other", "maid_status")
    }
    assert {tag: "a" in names for tag, names in states.items()} == {
        "c7n-unused": False,
        "c7n-unused-other": True,
        "maid_status": True,
    }


def test_what_google_knows_for_the_risk_of_a_user(empty: Direct) -> None:
    """Two-step verification as Google tells it; users cannot write custom schema fields."""
    empty.cloud.add(person("a", NOW, 200))
    found = {r["primaryEmail"]: r for r in empty.select(policy("p"))}
    user = found["a@lakeside.example"]
    known = {name: user["c7n:unused"][name] for name in ("mfa", "tags_itself")}
    assert known == {"mfa": user["isEnrolledIn2Sv"], "tags_itself": False}
    assert isinstance(user["isEnrolledIn2Sv"], bool)


def marked(tag: str, state: str) -> dict[str, Any]:
    mark = {"type": "unused-mark", "state": state, "op": "disable-unused", "tag": tag}
    return {"name": "p", "resource": "gcp.directory-user", "filters": [mark]}


def test_policies_of_one_run_list_once_and_do_not_see_each_others_annotations(empty: Direct) -> None:
    empty.cloud.add(person("a", NOW, 200))
    first = empty.select(policy("first"))
    second = empty.select({"name": "second", "resource": "gcp.directory-user"})
    assert first
    assert all("c7n:unused" not in user for user in second)
    assert empty.calls["gcp:admin.directory.users.list"] == 1
    assert empty.calls["gcp:admin.directory.users.get"] == len(first)


def test_two_customers_never_see_each_others_users(empty: Direct, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even in one session."""
    empty.cloud.add(person("first", NOW, 200))
    everybody = {"name": "p", "resource": "gcp.directory-user"}
    before = {user["primaryEmail"] for user in empty.select(everybody)}
    state = empty.cloud.state
    subject = empty.company.subject
    state.people.clear()
    state._ordered = None
    empty.cloud.add(Customer("C0other00", "other.example", NOW), subject, person("second", NOW, 200))
    monkeypatch.setenv("GOOGLE_WORKSPACE_CUSTOMER", "C0other00")
    after = {user["primaryEmail"]: user["customerId"] for user in empty.select(everybody)}
    assert {email for email in before if email.startswith("first")}
    assert not {email for email in after if email.startswith("first")}
    assert set(after.values()) == {"C0other00"}
