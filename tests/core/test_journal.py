from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from custom_filters.core.journal import (
    GENESIS,
    Line,
    Origin,
    Outcome,
    contents,
    last_hash,
    left_open,
    line,
    open_intents,
    read_lines,
    switched_off,
    verify,
    was_delivered,
)
from custom_filters.core.lifecycle_states import Decision, Facts
from custom_filters.core.notes import Item, Notes, Record
from tests.core.people import NOW, credential, identity, used

KEY, PASSWORD = Item("access-key", "AKIA1"), Item("password", "password")
WHO = identity(credential(used(200)), credential(used(150), kind="access-key", id="AKIA1"), privileged=False)
FACTS = Facts(WHO, Notes(Record("AIDA1"), texts={"c7n-unused": "Unused: disable-unused@2026/06/15 1200 UTC"}))
ORIGIN = Origin("run-1", "arn:aws:iam::1:role/sweep", "aws-iam-user-unused-disable", "event-1")


def decision(operation: Any = "disable", result: Any = "do", **more: Any) -> Decision:
    return Decision(operation, result, FACTS, "stale", more.pop("items", (KEY, PASSWORD)), **more)


def journal(*told: tuple[Decision, Outcome | None]) -> list[str]:
    """Lines as they stand in the file, a minute after each other."""
    texts: list[str] = []
    for number, (decided, outcome) in enumerate(told):
        for content in contents(decided, outcome):
            at = NOW + timedelta(minutes=number)
            texts.append(json.dumps(line(content, ORIGIN, at, last_hash(texts))))
    return texts


DONE = Outcome(undo={KEY: "set it to Active"}, sessions="ended")
WHOLE = journal((decision(), None), (decision(), DONE))


def test_a_line_for_each_credential_before_and_after() -> None:
    lines = read_lines(WHOLE)
    assert [(e["step"], e["result"], e["credential"]["id"]) for e in lines] == [
        ("intent", "intended", "AKIA1"),
        ("intent", "intended", "password"),
        ("outcome", "done", "AKIA1"),
        ("outcome", "done", "password"),
    ]
    last = lines[2]
    assert (last["before"], last["after"], last["undo"], last["sessions"]) == (
        "on", "off", "set it to Active", "ended",
    )  # fmt: skip
    assert (last["run_id"], last["event_id"], last["caller"]) == ("run-1", "event-1", ORIGIN.caller)
    assert last["principal"] == {
        "provider": "aws", "account": "123456789012", "user": "amelia", "user_id": "AIDA1",
    }  # fmt: skip
    assert last["evidence"][0]["source"] == "last-used"


def test_notes_are_kept_word_for_word_before_they_are_replaced() -> None:
    marked = decision("mark", notes=FACTS.notes and FACTS.notes.changed([]))
    assert next(contents(marked, None))["before"] == dict(FACTS.notes.texts if FACTS.notes else {})


def test_what_is_left_alone_has_an_outcome_and_no_intent() -> None:
    skipped = decision(result="skipped", items=(), left={KEY: "its mark is pending"})
    assert list(contents(skipped, None)) == []
    (only,) = contents(skipped, Outcome())
    assert (only["result"], only["reason"], only["after"]) == ("skipped", "its mark is pending", None)
    (plain,) = contents(decision(result="skipped", items=()), Outcome())
    assert (plain["credential"], plain["reason"]) == (None, "stale")


THREE = WHOLE[:3]
DAMAGE = {
    "whole": (WHOLE, None),
    "the first line is gone": (THREE[1:], "line 1 does not follow"),
    "a line in the middle is gone": ([THREE[0], THREE[2]], "line 2 does not follow"),
    "a line twice": ([*THREE, THREE[2]], "line 4 does not follow"),
    "a word was changed": ([THREE[0].replace("stale", "never"), *THREE[1:]], "line 1 was changed"),
    "the last line is cut": ([*THREE, WHOLE[3][:40]], "line 4 was cut short"),
    "a line is no JSON": ([THREE[0], "{", *THREE[1:]], "line 2 is not a complete JSON line"),
}


@pytest.mark.parametrize(("texts", "why"), DAMAGE.values(), ids=DAMAGE)
def test_verify(texts: list[str], why: str | None) -> None:
    assert verify(texts) == [] if why is None else why in verify(texts)[0]


def test_the_chain_goes_on_after_a_line_that_was_cut_short() -> None:
    texts = [*THREE, WHOLE[3][:40]]
    further = line(next(contents(decision(), None)), ORIGIN, NOW, last_hash(texts))
    assert verify([*texts, json.dumps(further)]) == ["line 4 is not a complete JSON line"]
    assert last_hash([]) == GENESIS


BACK = decision("enable")
FAILED = Outcome(failed={KEY: "throttled"})
READ: dict[str, tuple[list[tuple[Decision, Outcome | None]], dict[str, bool]]] = {
    # What was journalled, and what is off by us then: id -> whether its outcome is recorded.
    "done": ([(decision(), None), (decision(), DONE)], {"AKIA1": True, "password": True}),
    "killed": ([(decision(), None)], {"AKIA1": False, "password": False}),
    "one failed": ([(decision(), None), (decision(), FAILED)], {"password": True}),
    "done, again and killed": ([(decision(), DONE), (decision(), None)], {"AKIA1": True, "password": True}),
    "restored": ([(decision(), DONE), (BACK, None), (BACK, Outcome())], {}),
    "restore killed": ([(decision(), DONE), (BACK, None)], {"AKIA1": True, "password": True}),
    "restore failed for one": ([(decision(), DONE), (BACK, None), (BACK, FAILED)], {"AKIA1": True}),
    "retired": ([(decision(), DONE), (decision("retire", items=(KEY,)), Outcome())], {"password": True}),
    "marked only": ([(decision("mark"), None), (decision("mark"), Outcome())], {}),
}


@pytest.mark.parametrize(("told", "off"), READ.values(), ids=READ)
def test_what_is_off_by_us(told: list[tuple[Decision, Outcome | None]], off: dict[str, bool]) -> None:
    lines: list[Line] = read_lines(journal(*told))
    assert {one.item.id: one.recorded for one in switched_off(lines)} == off
    assert len(open_intents(lines)) == list(off.values()).count(False)


def test_open_intents_are_a_sentence() -> None:
    assert open_intents(read_lines(WHOLE[:1])) == [
        "amelia: access-key AKIA1 was switched off by us at 2026-06-15T12:00:00Z, outcome not recorded"
    ]


ENDED = {
    "nobody looked yet": ([], 2),
    "finished": ([(decision(), None), (decision(), DONE)], 0),
    "the record was completed": ([(decision("unmark", items=(), settled=(KEY, PASSWORD)), DONE)], 0),
    "one was taken back": ([(decision("unmark", items=(KEY,)), Outcome())], 1),
    "one has notice anew": ([(decision("mark", items=(KEY,)), Outcome())], 1),
    "restored": ([(BACK, None), (BACK, Outcome())], 0),
}


@pytest.mark.parametrize(("later", "left"), ENDED.values(), ids=ENDED)
def test_what_a_killed_run_began_is_open_until_a_later_run_settles_it(later: Any, left: int) -> None:
    assert len(left_open(read_lines(journal((decision(), None), *later)))) == left


def test_an_event_that_was_delivered_before() -> None:
    lines = read_lines(WHOLE)
    assert was_delivered(lines, "event-1")
    assert not was_delivered(lines, "event-2")
    assert not was_delivered([{**lines[0], "event_id": None}], None)


def test_a_failed_write_fails_all_of_it() -> None:
    (first, _) = contents(decision(), Outcome(error="the notes do not fit"))
    assert (first["result"], first["reason"], first["after"]) == ("failed", "the notes do not fit", None)
