from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from custom_filters.core.credential import Credential
from custom_filters.core.journal import open_intents
from custom_filters.core.lifecycle import limit_problem
from custom_filters.core.lifecycle_states import Facts, Recent, mark_states, record_states
from custom_filters.core.notes import Entry, Item, Notes, Record, mark_text
from custom_filters.core.notes_writing import NotesChangedError, render
from tests.core.people import NOW, credential, identity, used
from tests.core.toy import ME, NOTICE, TAG, TERMS, Killed, Toy
from tests.custodian.forms import FORMS, Form, Kept, losing
from tests.lifecycle_table import RULES, Rule, as_markdown

KEY, PASSWORD = Item("access-key", "AKIA1"), Item("password", "password")


def use(toy: Toy, *items: Item) -> None:
    for item in items or toy.items:
        toy.state.held[item].used = toy.now


def others(toy: Toy, *, on: bool) -> None:
    for item in toy.items:
        toy.touch(item, on=on)


def made_anew(toy: Toy) -> None:
    for held in toy.state.held.values():
        held.made = toy.now


def setattr_of(name: str, value: Any, toy: Toy) -> None:
    setattr(toy, name, value)


#: What scripts may say beside actions and time.
STEPS: dict[str, Callable[[Toy], Any]] = {
    "use": use,
    "use key": lambda toy: use(toy, KEY),
    "made anew": made_anew,
    "exempt": lambda toy: setattr(toy, "exempt", True),
    "unknown": lambda toy: setattr(toy, "unknown", True),
    "refused": lambda toy: setattr(toy, "refused", frozenset(toy.items)),
    "protected": lambda toy: toy.facts.update(protected="it may write policies for others"),
    "untouchable": lambda toy: toy.facts.update(untouchable="it is the identity that runs this policy"),
    "locked": lambda toy: toy.facts.update(untouchable="only its unit may change it", locked=True),
    "gone": lambda toy: toy.facts.update(gone=True),
    "no place": lambda toy: toy.facts.update(notes=None),
    "recent failed": lambda toy: toy.facts.update(recent=Recent("failed", "throttled")),
    "recent unavailable": lambda toy: toy.facts.update(recent=Recent("unavailable", "denied by an SCP")),
    "recent required": lambda toy: toy.terms.update(recent="required"),
    "decision required": lambda toy: toy.terms.update(require_decision=True),
    "approved": lambda toy: toy.facts.update(approved=frozenset(toy.items)),
    "password is final": lambda toy: toy.facts.update(final={PASSWORD: "set a new one"}),
    "proven": lambda toy: toy.facts.update(recent=Recent("checked", unchanged=frozenset({PASSWORD}))),
    "others on": lambda toy: others(toy, on=True),
    "others off": lambda toy: others(toy, on=False),
    "notes gone": lambda toy: toy.scribble(dict.fromkeys(toy.state.texts, "")),
    "nonsense record": lambda toy: toy.scribble({"c7n-unused-record": "leave me alone"}),
    "copied record": lambda toy: toy.scribble({"c7n-unused-record": "AIDA2 c7n-unused 2601010000"}),
    "forged mark": lambda toy: toy.scribble({TAG: mark_text("x", toy.now - NOTICE)}),
    "moved mark": lambda toy: toy.scribble({TAG: mark_text("x", toy.now + 2 * NOTICE)}),
    "their tag": lambda toy: (
        toy.terms.update(tag="maid_status"),
        toy.state.texts.update(maid_status=mark_text("x", toy.now, "delete")),
    ),
    "restore from journal": lambda toy: toy.run("restore", journal=True),
    "restore even": lambda toy: toy.run("restore", even_if_changed=True),
    **{f"kill {n}": partial(setattr_of, "die", n) for n in (2, 3, 4, 5)},
}


def follow(toy: Toy, script: str) -> Any:
    """Run a script; what the last step decided."""
    decision = None
    for step in script.split("; "):
        if step.startswith("+"):
            toy.wait(timedelta(**{"days" if step.endswith("d") else "hours": int(step[1:-1])}))
            toy.listing = toy.seen()
        elif step in STEPS:
            decision = STEPS[step](toy)
        else:
            try:
                decision = toy.run(step)
            except Killed:
                continue
        toy.check()
    return decision


def after(toy: Toy, decision: Any) -> set[str]:
    """All that holds, in the words of `ends`."""
    notes, held = toy.read_notes(toy.state), toy.state.held
    first, last = toy.items[0], toy.items[-1]
    order = [
        entry["credential"]["id"]
        for entry in toy.lines()
        if entry["step"] == "intent" and entry["credential"]
    ]
    return {
        {"do": "done"}.get(decision.result, decision.result) if decision else "not-selected",
        "on" if held[first].on else "off",
        "password-on" if held[last].on else "password-off",
        "live" if notes.live() else "no-live",
        "recorded" if notes.off() else "unrecorded",
        "begun" if any(e.begun for e in notes.off()) else "settled",
        "told" if decision and decision.problems else "quiet",
        "open" if open_intents(toy.lines()) else "closed",
        "password-last" if order[-1:] == [last.id] else "password-first",
    }


#: A script kills a run as if there were two credentials: before either is switched (2), between them (3),
#: after them (4), or once the notes say so (5). With one credential there is a step less; where notes and
#: switch are one write, a run is killed before or after that.
STEPS_OF_ONE, STEPS_OF_ONE_WRITE = {"2": "2", "4": "3", "5": "4"}, {"5": "2"}


def script_for(form: type[Form], script: str) -> str:
    """The script with the steps of this kind; empty where it is about what the kind does not have."""
    if len(form.items) > 1:
        return script
    steps = STEPS_OF_ONE_WRITE if form.made.atomic else STEPS_OF_ONE
    of_two = any(word in script for word in ("use key", "password"))
    if of_two or not set(re.findall(r"kill (\d)", script)) <= steps.keys():
        return ""
    return re.sub(r"(?<=kill )\d", lambda found: steps[found[0]], script)


def problems_of(form: type[Form], rule: Rule, match: str) -> list[str]:
    """What of a rule does not hold for a kind, with the notes as its cloud keeps them."""
    made = form()
    begin, off = NOW - 4 * NOTICE, NOW - 3 * NOTICE
    others = [Entry(TAG, begin, off, item.kind, item.id, off) for item in made.others]
    kept = Kept(made)
    kept.update(render(Notes(Record(made.me)).changed(others), made.place()))
    toy = Toy(terms={"match": match}, one_write=form.made.atomic, items=made.items, me=made.me, kept=kept)
    toy.place = made.place
    found = after(toy, follow(toy, script_for(form, rule.script)))
    wanted = {word for word in rule.ends.split() if len(made.items) > 1 or not word.startswith("password")}
    tampered = any(held.tampered for held in toy.state.held.values())
    lost = [] if tampered or toy.others() == others else ["an entry of another resource"]
    return [*(wanted - found), *toy.broken, *lost]


CELLS = {
    f"{form.__name__}, {rule.state}: {rule.event}": (form, rule)
    for form in FORMS
    for rule in RULES
    if script_for(form, rule.script)
}


@pytest.mark.parametrize(("form", "rule"), CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("match", ["credential", "user"])
def test_the_table_of_rules(form: type[Form], rule: Rule, match: str) -> None:
    assert problems_of(form, rule, match) == []


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("note", [TAG, "c7n-unused-record"])
def test_a_kind_that_loses_a_note_breaks_a_rule(form: type[Form], note: str) -> None:
    with losing(form, note), suppress(NotesChangedError):  # an account's kinds notice it themselves
        assert any(problems_of(form, rule, "user") for of, rule in CELLS.values() if of is form)


def test_the_table_is_markdown() -> None:
    lines = as_markdown().splitlines()
    assert len(lines) == len(RULES) + 2
    assert {line.count("|") for line in lines} == {4}
    assert len({rule.script for rule in RULES}) == len(RULES)


LIMITS = {
    "three of three": (3, 3, None),
    "ten of ten": (10, 10, None),
    "30 of 100": (100, 30, None),
    "31 of 100": (100, 31, "31 of 100 examined would be changed, more than 30 % and more than 10"),
    "11 of 11": (11, 11, "11 of 11"),
}


@pytest.mark.parametrize(("examined", "chosen", "why"), LIMITS.values(), ids=LIMITS)
def test_limits(examined: int, chosen: int, why: str | None) -> None:
    problem = limit_problem(examined, chosen, 30)
    assert problem is None if why is None else why in str(problem)


def test_nothing_is_decided_on_a_listing() -> None:
    toy = Toy()
    follow(toy, "mark; +14d")
    toy.facts["fresh"] = False
    assert follow(toy, "disable").reason == "it was not read again just before the change"
    assert ME in toy.state.texts["c7n-unused-record"]


def facts_of(*keys: Credential, entries: tuple[Entry, ...]) -> Facts:
    return Facts(identity(*keys), Notes(Record(ME)).changed(entries))


def slot(number: int, last: float) -> Credential:
    return credential(used(last), kind="access-key", id=str(number))


def entry(marked: float, off: float | None = None, id: str = "AKIA1") -> Entry:
    begins = NOW - timedelta(days=marked)
    return Entry(
        TAG, begins, begins + NOTICE, "access-key", id, None if off is None else NOW - timedelta(days=off)
    )


SLOTS: dict[str, tuple[Facts, set[str]]] = {
    # A listing knows keys by slot: any of them may be the one that was marked.
    "one stale, none marked": (facts_of(slot(1, 200), entries=()), {"absent"}),
    "one stale, one marked": (facts_of(slot(1, 200), entries=(entry(3),)), {"pending"}),
    "two stale, one marked": (facts_of(slot(1, 200), slot(2, 200), entries=(entry(15),)), {"due", "absent"}),
    "two stale, both marked": (
        facts_of(slot(1, 200), slot(2, 200), entries=(entry(3), entry(15, id="AKIA2"))), {"pending", "due"},
    ),
    "the other one is in use": (facts_of(slot(1, 200), slot(2, 1), entries=(entry(15),)), {"due", "void"}),
    "nobody unused": (facts_of(slot(1, 1), entries=()), {"absent"}),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "states"), SLOTS.values(), ids=SLOTS)
def test_states_of_a_listing_that_knows_no_ids(facts: Facts, states: set[str]) -> None:
    assert mark_states(facts, TERMS, NOW, frozenset({"access-key"})) == states


def test_how_long_something_is_off() -> None:
    off = facts_of(replace(slot(1, 200), status="off"), entries=(entry(60, off=40, id="1"),))
    assert [record_states(off, NOW, days) for days in (0, 40, 41)] == [{"off"}, {"off"}, set()]
    deleted = facts_of(entries=(entry(60, off=40),))
    assert record_states(deleted, NOW, 40) == {"off"}
    back = facts_of(slot(1, 200), entries=(entry(60, off=40, id="1"),))
    assert record_states(back, NOW) == {"reopened"}
