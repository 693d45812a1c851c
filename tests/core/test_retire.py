"""The order of checks before anything is switched off, on a cloud of ours that writes down what is done."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_filters.core.actionlog import Action
from custom_filters.core.credential import Credential, Identity
from custom_filters.core.exemption import Exemption
from custom_filters.core.judge import Rules, judge_credential
from custom_filters.core.mark import Mark
from custom_filters.core.record import Item, Record, RecordError
from custom_filters.core.retire import Candidate, EnforcementOptions, FreshView, failures, retire
from custom_filters.core.verdict import UNUSED, Match
from tests.core import people
from tests.core.people import NOW, ago, credential, failed, never, used

DUE = Mark("unused", "disable-unused", NOW).render()
PENDING = Mark("unused", "disable-unused", NOW + timedelta(minutes=1)).render()
OTHER = Mark("unused", "delete", NOW).render()
BREAK_GLASS = Exemption("aws", "*", "amelia", "sealed", "ciso@example.com", ago(-30))
OPTIONS = EnforcementOptions(Rules(90), "user", "disable-unused")
BY_CREDENTIAL = replace(OPTIONS, match="credential")


class CloudError(Exception):
    """What this cloud's client raises."""


@dataclass
class Cloud:
    """A cloud whose `fresh` view is given; `done` is what was done, in order."""

    view: FreshView | None
    vetoed: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    done: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    kept: Record | None = None

    errors = (CloudError, RecordError)

    def fresh(self, candidate: Candidate) -> FreshView | None:
        self._do("read")
        return self.view

    def veto(self, fresh: FreshView, credential: Credential) -> str | None:
        return "CloudTrail saw it" if credential.kind in self.vetoed else None

    def write_record(self, fresh: FreshView, record: Record) -> None:
        self._do("record")
        self.records.append(record)

    def switch_off(self, fresh: FreshView, credential: Credential) -> str:
        self._do(f"off {credential.kind}")
        return f"switch {credential.kind} on"

    def unmark(self, fresh: FreshView, keep: Record | None) -> None:
        self._do("unmark")
        self.kept = keep

    def recorded_as(self, credential: Credential) -> Item:
        return Item(credential.kind, credential.id)

    def _do(self, what: str) -> None:
        if what in self.broken:
            raise CloudError(f"{what}: refused")
        self.done.append(what)


def held(*credentials: Credential, **more: object) -> Identity:
    return people.identity(*credentials, **{"privileged": False, **more})


def seen(who: Identity, mark: str | None = DUE, **more: Record | None) -> FreshView:
    return FreshView(who, mark, more.get("marked"), more.get("record"))


def run(
    who: Identity,
    cloud: Cloud,
    options: EnforcementOptions = OPTIONS,
    mark: str | None = DUE,
    protected: str | None = None,
) -> list[Action]:
    return list(retire(Candidate(who, mark, protected), options, cloud, NOW))


STALE, KEY = credential(used(200)), credential(never(), kind="access-key", id="AKIA1")
ACTIVE, NEW = credential(used(1)), credential(never(), created=3)
ANYBODY = held(STALE)
PASSWORD, AKIA1 = Item("password", "password"), Item("access-key", "AKIA1")

BEFORE: dict[str, tuple[Identity, str | None, str | None, str]] = {
    "protected": (ANYBODY, DUE, "root is never touched", "root is never touched"),
    "exempt": (held(STALE, exemption=BREAK_GLASS), DUE, None, "exempt: sealed"),
    "privileged": (held(STALE, privileged=True), DUE, None, "privileged"),
    "perhaps privileged": (held(STALE, privileged=None), DUE, None, "its privileges could not be read"),
    "no mark": (ANYBODY, None, None, "its mark is absent"),
    "pending by a minute": (ANYBODY, PENDING, None, "its mark is pending"),
    "a mark for something else": (ANYBODY, OTHER, None, "its mark is malformed"),
    "a mark that is nonsense": (ANYBODY, "soon", None, "its mark is malformed"),
}


@pytest.mark.parametrize(("who", "mark", "protected", "why"), BEFORE.values(), ids=BEFORE)
def test_who_is_left_alone_without_another_look(
    who: Identity, mark: str | None, protected: str | None, why: str
) -> None:
    cloud = Cloud(seen(who))
    (action,) = run(who, cloud, mark=mark, protected=protected)
    assert (action.operation, action.result, action.reason) == ("disable", "skipped", why)
    assert cloud.done == []


AFTER: dict[str, tuple[FreshView | None, str, bool]] = {
    # What the fresh read shows, why nothing is switched off, and whether the mark goes.
    "gone": (None, "it is gone", False),
    "back in use": (seen(held(ACTIVE)), "active: ", True),
    "a key of his in use": (seen(held(STALE, replace(ACTIVE, kind="access-key"))), "active: ", True),
    "rotated meanwhile": (seen(held(NEW)), "new: ", True),
    "exempt meanwhile": (seen(held(STALE, exemption=BREAK_GLASS)), "exempt: ", True),
    "off meanwhile": (seen(held(replace(STALE, status="off"))), "no-credentials: ", True),
    "not known": (seen(held(credential(failed()))), "unknown: ", False),
    "a source failed": (seen(held(STALE, evidence=(failed(covers=False),))), "unknown: ", False),
    "an admin meanwhile": (seen(held(STALE, privileged=True)), "privileged", False),
    "unmarked meanwhile": (seen(held(STALE), None), "its mark is absent", False),
    "marked for later meanwhile": (seen(held(STALE), PENDING), "its mark is pending", False),
    "notice runs on": (
        seen(held(STALE), marked=Record(ago(1), frozenset(), ago(-1))),
        "its mark was moved by hand, and the notice given runs until 2026-06-16T12:00:00Z",
        False,
    ),
}


@pytest.mark.parametrize(("view", "why", "unmarked"), AFTER.values(), ids=AFTER)
def test_who_is_left_alone_after_another_look(view: FreshView | None, why: str, unmarked: bool) -> None:
    cloud = Cloud(view)
    actions = run(ANYBODY, cloud)
    assert [a.operation for a in actions] == (["disable", "unmark"] if unmarked else ["disable"])
    assert actions[0].result == "skipped"
    assert actions[0].reason.startswith(why)
    assert cloud.done == (["read", "unmark"] if unmarked else ["read"])


def test_the_record_comes_first_and_the_mark_goes_last() -> None:
    who = held(STALE, KEY, replace(STALE, kind="ssh-key", status="off"))
    cloud = Cloud(seen(who))
    actions = run(who, cloud)
    assert cloud.done == ["read", "record", "off password", "off access-key", "unmark"]
    assert cloud.records == [
        Record(NOW, frozenset({Item("password", "password"), Item("access-key", "AKIA1")}))
    ]
    assert [(a.kind, a.result, a.before, a.after) for a in actions] == [
        ("password", "done", "on", "off"),
        ("access-key", "done", "on", "off"),
    ]
    assert actions[0].undo == "switch password on"
    assert actions[0].reason.startswith("stale: last used 200 days ago")
    assert actions[0].evidence


def test_what_was_recorded_before_stays_recorded() -> None:
    before = Record(ago(5), frozenset({Item("ssh-key", "APKA1")}))
    cloud = Cloud(seen(ANYBODY, record=before))
    run(ANYBODY, cloud)
    assert cloud.records[0].items == {Item("ssh-key", "APKA1"), PASSWORD}


def test_a_second_run_writes_no_second_record() -> None:
    """As after a run that died between record and change."""
    before = Record(ago(5), frozenset({PASSWORD}))
    cloud = Cloud(seen(ANYBODY, record=before))
    run(ANYBODY, cloud)
    assert cloud.done == ["read", "off password", "unmark"]


BROKEN = {
    "the read": ("read", []),
    "the record": ("record", ["read"]),
    "the first change": ("off password", ["read", "record", "off access-key"]),
    "the last change": ("off access-key", ["read", "record", "off password"]),
    "the unmarking": ("unmark", ["read", "record", "off password", "off access-key"]),
}


@pytest.mark.parametrize(("step", "done"), BROKEN.values(), ids=BROKEN)
def test_an_error_is_told_the_others_are_finished_and_the_mark_stays(step: str, done: list[str]) -> None:
    who = held(STALE, KEY)
    cloud = Cloud(seen(who), broken=frozenset({step}))
    actions = run(who, cloud)
    assert cloud.done == done
    assert any(f"{step}: refused" in sentence for sentence in failures(actions))


def test_a_veto_saves_the_whole_user() -> None:
    who = held(STALE, KEY)
    cloud = Cloud(seen(who), vetoed=frozenset({"access-key"}))
    assert run(who, cloud)[0].reason == "CloudTrail saw it"
    assert cloud.done == ["read", "unmark"]


def marked(*items: Item) -> Record:
    return Record(ago(20), frozenset(items))


CHOICES: dict[str, tuple[Identity, Record | None, frozenset[str], list[str], Record | None]] = {
    # Who, what is marked, what is vetoed, what is switched off, and what stays marked.
    "only what is marked": (held(STALE, KEY), marked(AKIA1), frozenset(), ["access-key"], None),
    "both": (held(STALE, KEY), marked(AKIA1, PASSWORD), frozenset(), ["password", "access-key"], None),
    "nothing is marked": (held(STALE, KEY), None, frozenset(), [], None),
    "the other is in use": (held(ACTIVE, KEY), marked(AKIA1), frozenset(), ["access-key"], None),
    "one came back": (held(ACTIVE, KEY), marked(AKIA1, PASSWORD), frozenset(), ["access-key"], None),
    "one is unknown now": (
        held(credential(failed()), KEY), marked(AKIA1, PASSWORD), frozenset(),
        ["access-key"], marked(PASSWORD),
    ),
    "one was vetoed": (
        held(STALE, KEY), marked(AKIA1, PASSWORD), frozenset({"password"}), ["access-key"], None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("who", "record", "vetoed", "off", "kept"), CHOICES.values(), ids=CHOICES)
def test_by_credential_only_marked_ones_go(
    who: Identity, record: Record | None, vetoed: frozenset[str], off: list[str], kept: Record | None
) -> None:
    cloud = Cloud(seen(who, marked=record), vetoed=vetoed)
    run(who, cloud, BY_CREDENTIAL)
    assert [step.removeprefix("off ") for step in cloud.done if step.startswith("off ")] == off
    assert cloud.kept == kept


def test_on_request_admins_and_the_unmarked_are_included() -> None:
    who = held(STALE, privileged=True)
    cloud = Cloud(seen(who, None))
    run(who, cloud, replace(OPTIONS, include_admins=True, require_mark=False), mark=None)
    assert cloud.done == ["read", "record", "off password"]


@given(people.identities, people.rules, st.sampled_from(("user", "credential")), st.booleans())
def test_only_what_is_unused_by_its_own_verdict_is_ever_touched(
    who: Identity, rules: Rules, match: Match, require_mark: bool
) -> None:
    who = replace(who, privileged=False)
    record = marked(*(Item(c.kind, c.id) for c in who.credentials))
    cloud = Cloud(seen(who, marked=record))
    list(
        retire(
            Candidate(who, DUE), EnforcementOptions(rules, match, "disable-unused", require_mark), cloud, NOW
        )
    )
    off = {step.removeprefix("off ") for step in cloud.done if step.startswith("off ")}
    unused = {c.kind for c in who.credentials if judge_credential(c, rules, NOW).verdict in UNUSED}
    assert off <= unused
    assert all(rules.reports(kind) for kind in off)
    assert off <= {item.kind for written in cloud.records for item in written.items}
    assert not off or cloud.done.index("record") == 1
