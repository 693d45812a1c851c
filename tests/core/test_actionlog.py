from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_filters.core.actionlog import GENESIS, Action, Origin, entry, last_hash, verify

AT = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
ORIGIN = Origin("run-1", "arn:aws:iam::1:role/sweep", "aws-iam-user-unused-disable")

actions = st.builds(
    Action,
    st.sampled_from(("mark", "unmark", "disable", "enable")),
    st.sampled_from(("done", "skipped", "failed")),
    st.just("aws"),
    st.just("123456789012"),
    st.text(),
    st.text(),
    st.text(),
    kind=st.none() | st.just("access-key"),
    evidence=st.lists(st.dictionaries(st.text(), st.none() | st.text()), max_size=2).map(tuple),
)


def log(*written: Action) -> list[str]:
    lines, previous = [], GENESIS
    for action in written:
        content = entry(action, ORIGIN, AT, previous)
        lines.append(json.dumps(content))
        previous = content["hash"]
    return lines


def action(user: str = "amelia") -> Action:
    return Action(
        "disable", "done", "aws", "1", user, "AIDA1", "stale", kind="password", credential="password"
    )


THREE = log(action("a"), action("b"), action("c"))


@given(st.lists(actions, max_size=5))
def test_the_chain_holds_and_goes_on_after_the_last_line(written: list[Action]) -> None:
    lines = log(*written)
    assert verify(lines) == []
    further = entry(action(), ORIGIN, AT, last_hash(lines))
    assert verify([*lines, json.dumps(further)]) == []


DAMAGE = {
    "the first line is gone": (THREE[1:], "line 1 does not follow"),
    "a line in the middle is gone": ([THREE[0], THREE[2]], "line 2 does not follow"),
    "two lines are swapped": ([THREE[1], THREE[0], THREE[2]], "line 1 does not follow"),
    "a line twice": ([*THREE, THREE[2]], "line 4 does not follow"),
    "a word was changed": ([THREE[0].replace("stale", "never-used"), *THREE[1:]], "line 1 was changed"),
    "a hash was changed": ([THREE[0][:-10] + '00000000"}', *THREE[1:]], "line 1 was changed"),
    "a line was cut short": ([*THREE[:2], THREE[2][:-5]], "line 3 is not a complete JSON line"),
    "a line that is no object": ([*THREE, "[]"], "line 4 is not a complete JSON line"),
    "an empty line": ([*THREE, ""], "line 4 is not a complete JSON line"),
    "a foreign line": ([*THREE, "{}"], "line 4 does not follow"),
}


@pytest.mark.parametrize(("lines", "says"), DAMAGE.values(), ids=DAMAGE)
def test_damage_shows(lines: list[str], says: str) -> None:
    assert any(problem.startswith(says) for problem in verify(lines))


@given(st.integers(0, 2), st.data())
def test_any_other_character_shows(number: int, data: st.DataObject) -> None:
    line = THREE[number]
    place = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.characters().filter(lambda c: c != line[place]))
    changed = [*THREE]
    changed[number] = line[:place] + other + line[place + 1 :]
    try:
        same = json.loads(changed[number]) == json.loads(line)
    except ValueError:
        same = False
    assert bool(verify(changed)) is not same


def test_a_line_that_a_crash_cut_short_is_passed_over() -> None:
    assert last_hash([*THREE, THREE[2][:30]]) == json.loads(THREE[2])["hash"]
    assert last_hash([]) == GENESIS


def test_a_line_in_full() -> None:
    content = entry(action(), ORIGIN, AT, GENESIS)
    assert len(content.pop("hash")) == 64
    assert content == {
        "at": "2026-06-15T12:00:00Z",
        "run_id": "run-1",
        "caller": "arn:aws:iam::1:role/sweep",
        "policy": "aws-iam-user-unused-disable",
        "operation": "disable",
        "result": "done",
        "principal": {"provider": "aws", "account": "1", "user": "amelia", "user_id": "AIDA1"},
        "credential": {"kind": "password", "id": "password"},
        "before": None,
        "after": None,
        "reason": "stale",
        "evidence": [],
        "undo": None,
        "previous": GENESIS,
    }
