"""Decisions about facts that no listing selected: each gives its reason, and touches nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_filters.core.credential import Credential
from custom_filters.core.exemption import Exemption
from custom_filters.core.lifecycle import (
    decide_disable,
    decide_mark,
    decide_restore,
    decide_retire,
    decide_unmark,
)
from custom_filters.core.lifecycle_states import Decision, Facts, Recent
from custom_filters.core.notes import Entry, Notes, Problem, Record
from tests.core.people import NOW, ago, credential, failed, identity, never, used
from tests.core.toy import EXEMPT, ME, NOTICE, TAG, TERMS

KEY, PASSWORD = credential(used(200), kind="access-key", id="AKIA1"), credential(used(200))
USED_KEY = credential(used(1), kind="access-key", id="AKIA1")
OFF_KEY = replace(KEY, status="off")
PROBLEM = Problem("c7n-unused", "mark c7n-unused is 'never'")
CHECKED = Recent("checked")
ENDED = Exemption("aws", "*", "amelia", "sealed", "ciso@example.com", NOW)


def entry(held: Credential, marked: float = 15, off: float | None = None, *, begun: bool = False) -> Entry:
    begins = NOW - timedelta(days=marked)
    ended = None if off is None else ago(off)
    return Entry(TAG, begins, begins + NOTICE, held.kind, held.id, ended, begun)


def facts(*held: Credential, entries: tuple[Entry, ...] = (), problems: Any = (), **more: Any) -> Facts:
    notes = replace(Notes(Record(ME)).changed(entries), problems=problems)
    usual = {"notes": notes, "fresh": True, "recent": CHECKED}
    return Facts(identity(*held, **more.pop("whose", {})), **{**usual, **more})


DUE, BEGUN, OFF = (entry(KEY),), (entry(KEY, 30, 0.1, begun=True),), (entry(KEY, 30, 2),)
UNREAD = Recent("failed", "slow")
NEW, KEPT = credential(never(), kind="access-key", id="AKIA1", created=1), replace(KEY, kept=EXEMPT)
FOREIGN = replace(Notes(Record(ME)), foreign={TAG: "tag c7n-unused holds a mark that is not ours"})
TWO = facts(USED_KEY, PASSWORD, entries=(*DUE, entry(PASSWORD)))
UNKNOWN = replace(KEY, evidence=(failed(),))
#: By operation: the facts; the result and what is acted on; why or why not; further terms.
DECIDED: dict[str, tuple[Facts, str, str, dict[str, Any]]] = {
    "mark": (facts(KEY), "do AKIA1", "last used", {}),
    "mark, gone": (facts(KEY, gone=True), "skipped", "it is gone", {}),
    "mark, gone, nothing read": (facts(KEY, gone=True, notes=None), "skipped", "it is gone", {}),
    "mark, gone, never touched": (facts(KEY, gone=True, untouchable="root"), "skipped", "root", {}),
    "mark, no place": (facts(KEY, notes=None), "failed", "there is no place for notes", {}),
    "mark, exempt": (facts(KEY, whose={"exemption": EXEMPT}), "skipped", "exempt: break-glass", {}),
    "mark, exempt until now": (facts(KEY, whose={"exemption": ENDED}), "do AKIA1", "stale", {}),
    "mark, protected": (facts(KEY, protected="admin"), "skipped", "admin", {}),
    "mark, protected, told to": (facts(KEY, protected="admin"), "do AKIA1", "", {"include_admins": True}),
    "mark, last hours unread": (facts(KEY, recent=Recent("failed", "slow")), "skipped", "checked: slow", {}),
    "mark, marked": (facts(KEY, entries=(entry(KEY, 3),)), "skipped", "stale", {}),
    "mark, a foreign mark": (facts(KEY, notes=FOREIGN), "skipped", "not ours", {}),
    "mark, in use": (facts(USED_KEY), "skipped", "active", {}),
    "mark, in use, a bad note": (facts(USED_KEY, problems=(PROBLEM,)), "do", "active", {}),
    "mark, off, begun": (facts(OFF_KEY, entries=BEGUN), "do", "no-credentials", {}),
    "mark, off, begun, listed": (facts(OFF_KEY, entries=BEGUN, fresh=False), "skipped", "", {}),
    "mark, off, begun, cut short": (
        facts(OFF_KEY, entries=BEGUN, whose={"incomplete": "cut"}), "skipped", "cut", {},
    ),
    "unmark, no place": (facts(KEY, notes=None), "skipped", "there is no place for notes", {}),
    "unmark, gone": (facts(USED_KEY, entries=DUE, gone=True), "skipped", "it is gone", {}),
    "unmark, locked": (facts(USED_KEY, entries=DUE, locked=True), "skipped", "active", {}),
    "unmark, one of two in use": (TWO, "do AKIA1", "active", {}),
    "unmark, one of two in use, by user": (TWO, "do AKIA1 password", "active", {"match": "user"}),
    "unmark, new": (facts(NEW, entries=(entry(NEW, 0.5),)), "do AKIA1", "new", {"match": "user"}),
    "unmark, off": (facts(OFF_KEY, entries=DUE), "do AKIA1", "no-credentials", {"match": "user"}),
    "unmark, kept by a reviewer": (facts(KEPT, entries=DUE), "do AKIA1", "exempt", {"match": "user"}),
    "unmark, unknown": (facts(UNKNOWN, entries=DUE), "skipped", "unknown", {"match": "user"}),
    "disable": (facts(KEY, entries=DUE), "do AKIA1", "last used", {}),
    "disable, gone": (facts(KEY, entries=DUE, gone=True), "skipped", "it is gone", {}),
    "disable, gone, nothing read": (facts(KEY, gone=True, notes=None), "skipped", "it is gone", {}),
    "disable, checked where required": (facts(KEY, entries=DUE), "do AKIA1", "", {"recent": "required"}),
    "disable, unread, not asked": (facts(KEY, entries=DUE, recent=UNREAD), "do AKIA1", "", {"recent": "off"}),
    "disable, no place": (facts(KEY, notes=None), "failed", "no place for notes: not disabled", {}),
    "disable, a bad note": (facts(KEY, entries=DUE, problems=(PROBLEM,)), "failed", "r': not disabled", {}),
    "disable, listed": (facts(KEY, entries=DUE, fresh=False), "skipped", "not read again", {}),
    "disable, one of two in use, by user": (TWO, "do AKIA1 password", "active", {"match": "user"}),
    "retire": (facts(KEY, entries=OFF), "do AKIA1", "on again by others", {}),
    "retire, gone": (facts(KEY, entries=OFF, gone=True), "skipped", "gone", {}),
    "retire, no place": (facts(KEY, notes=None), "skipped", "it is gone, or was not", {}),
    "retire, listed": (facts(KEY, entries=OFF, fresh=False), "skipped", "not read again", {}),
    "retire, on within a day": (facts(KEY, entries=(entry(KEY, 30, 0.9),)), "skipped", "nothing that we", {}),
    "retire, off": (facts(OFF_KEY, entries=OFF), "skipped", "nothing that we switched off", {}),
    "restore": (facts(OFF_KEY, entries=OFF), "do AKIA1", "from its record", {}),
    "restore, gone": (facts(OFF_KEY, entries=OFF, gone=True), "failed", "it is gone", {}),
    "restore, nothing": (facts(KEY), "skipped", "nothing is switched off by us any more", {}),
}  # fmt: skip


def decide(operation: str, found: Facts, **terms: Any) -> Decision:
    if operation == "restore":
        return decide_restore(found, None, NOW)
    if operation == "retire":
        return decide_retire(found, NOW)
    how = {"mark": decide_mark, "unmark": decide_unmark, "disable": decide_disable}[operation]
    return how(found, replace(TERMS, **terms), NOW)


@pytest.mark.parametrize("case", DECIDED)
def test_a_decision(case: str) -> None:
    found, ends, why, terms = DECIDED[case]
    made = decide(case.partition(",")[0], found, **terms)
    assert " ".join((made.result, *(item.id for item in made.items))) == ends
    assert why in made.reason
    assert (made.notes is None) == (made.result != "do")


def test_a_notice_that_is_taken_off_instead_is_told_as_that() -> None:
    """What is not marked since it is exempt; a notice that it had goes."""
    exempt = {"exemption": EXEMPT}
    assert decide("mark", facts(KEY, whose=exempt)).operation == "mark"
    found = decide("mark", facts(KEY, entries=DUE, whose=exempt))
    assert (found.operation, found.result) == ("unmark", "do")
    released = decide("disable", TWO, match="user")
    assert released.operation == "unmark"


UNCHECKED = "; not checked in the last hours (slow)"


@pytest.mark.parametrize(("recent", "state", "told"), [
    ("auto", "checked", ""), ("auto", "unavailable", UNCHECKED), ("off", "checked", UNCHECKED),
])  # fmt: skip
def test_what_was_not_checked_in_the_last_hours_is_told(recent: str, state: Any, told: str) -> None:
    found = decide("disable", facts(KEY, entries=DUE, recent=Recent(state, "slow")), recent=recent)
    (reason,) = found.reasons.values()
    assert reason.partition(" or more")[2] == told


#: Why a credential is left on though others would be switched off.
LEFT: dict[str, tuple[Facts, str]] = {
    "no mark": (facts(KEY, PASSWORD, entries=DUE), "its mark is absent"),
    "notice runs": (facts(KEY, PASSWORD, entries=(*DUE, entry(PASSWORD, 3))), "its mark is pending"),
    "off by us": (
        facts(KEY, PASSWORD, entries=(*DUE, entry(PASSWORD, 30, 2))),
        "switched off by us at 2026-06-13T12:00:00Z, yet it reads as on",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "why"), LEFT.values(), ids=LEFT)
def test_why_a_credential_is_left_on(found: Facts, why: str) -> None:
    made = decide("disable", found)
    assert [item.id for item in made.items] == ["AKIA1"]
    assert [(item.id, text) for item, text in made.left.items()] == [("password", why)]
