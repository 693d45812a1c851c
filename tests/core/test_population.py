from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest
from hypothesis import given

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.exemption import Matches
from custom_filters.core.judge import Rules, judge_identity
from custom_filters.core.population import (
    FIELDS,
    FILE_NAME,
    ORDER,
    Population,
    PopulationError,
    first_line,
    identity_uid,
    line_of,
    parse,
    remembered,
    row,
    sentence,
    use_by_earlier_runs,
    uses,
)
from custom_filters.core.times import format_time
from custom_filters.core.verdict import SELECTABLE
from tests.core import people
from tests.core.people import NOW, ago, credential, failed, identity, never, used

AS_OF = format_time(NOW)


def of(who: Identity) -> Population:
    made = row(judge_identity(who, Rules(90), NOW), AS_OF)
    rows = (made, {**made, "uid": "x"})
    entries = (Matches("*", "svc-*", 2, ("svc-a", "svc-b")), Matches("*", "nobody"))
    return Population("aws", "123456789012", "aws-iam-user-unused", AS_OF, 3, rows, entries)


def lines(population: Population) -> list[str]:
    return [first_line(population, len(population.rows)), *map(line_of, population.rows)]


def test_the_seven_verdicts_are_those_of_a_user() -> None:
    assert set(ORDER) == set(SELECTABLE)


@given(people.identities)
def test_what_is_written_is_read(who: Identity) -> None:
    made = of(who)
    assert parse(lines(made)) == made
    packed = gzip.compress("".join(lines(made)).encode())
    assert parse(gzip.decompress(packed).decode().splitlines()) == made
    assert sum(made.counts().values()) == 2


def test_a_row_says_when_anything_of_the_user_was_last_used() -> None:
    keys = (credential(used(200)), credential(used(3), kind="access-key"), credential(never(400)))
    made = of(identity(*keys, evidence=(used(2),))).rows[0]
    assert tuple(made) == FIELDS
    assert (made["verdict"], made["last_used"]) == ("active", format_time(ago(2)))
    assert [c["verdict"] for c in made["credentials"]] == ["stale", "active", "never-used"]


TEXT = lines(of(identity(credential(used(200)))))
HEAD = json.loads(TEXT[0])
WRONG = {
    "empty": ([], "is empty"),
    "cut short": (TEXT[:-1], "holds 1 identities of 2"),
    "a line cut short": ([*TEXT[:-1], TEXT[-1][:40]], "line 3 .* is not JSON"),
    "a newer version": ([json.dumps({**HEAD, "schema": 2}), *TEXT[1:]], "no line of schema 1"),
    "no head": ([TEXT[1]], "no line of schema 1"),
    "a list": ([TEXT[0], "[]", TEXT[2]], "line 2 .* is not an object"),
    "a foreign row": ([TEXT[0], "{}", TEXT[2]], "lacks 'uid'"),
    "a foreign verdict": ([*TEXT[:2], TEXT[2].replace('"stale"', '"fine"', 1)], "has verdict 'fine'"),
    "exemptions of another form": ([json.dumps({**HEAD, "exemptions": [["*"]]}), *TEXT[1:]], "exemptions"),
    "exemptions that are no list": ([json.dumps({**HEAD, "exemptions": None}), *TEXT[1:]], "exemptions None"),
    "no time": ([*TEXT[:2], TEXT[2].replace('"2026', '"soon', 1)], "is not a time"),
}


@pytest.mark.parametrize(("text", "problem"), WRONG.values(), ids=WRONG)
def test_what_is_damaged_is_refused(text: list[str], problem: str) -> None:
    with pytest.raises(PopulationError, match=problem):
        parse(text)


def test_the_sentence_adds_up() -> None:
    counts = {"active": 5, "stale": 2}
    terms = "5 active + 0 new + 2 stale + 0 never-used + 0 unknown + 0 exempt + 0 no-credentials"
    assert sentence(counts, 3) == f"examined 7 = {terms} (3 taken out by other filters before)"
    assert sentence(counts) == f"examined 7 = {terms}"
    assert sentence(None) == "population not recorded"
    assert FILE_NAME == "c7n-unused-population.jsonl"


def test_nobody_is_a_population_too() -> None:
    empty = replace(of(identity()), rows=())
    assert parse(lines(empty)).counts() == dict.fromkeys(ORDER, 0)


#: What sources say, and the verdict where an earlier run saw the credential used 200 days ago.
REMEMBERED = {
    "never, by what is omitted": (credential(never()), "unknown"),
    "never, since before that use": (credential(never(300)), "unknown"),
    "never, in a window that begins later": (credential(never(100)), "stale"),
    "used since": (credential(used(150)), "stale"),
    "made since": (credential(never(), created=180), "never-used"),
    "rotated since": (credential(never(), rotated=180), "never-used"),
    "one source of two says never": (credential(never(), failed()), "unknown"),
}


@pytest.mark.parametrize(("held", "verdict"), REMEMBERED.values(), ids=REMEMBERED)
def test_what_was_seen_as_used_is_not_never_used_later(held: Credential, verdict: str) -> None:
    who = remembered(identity(held), {("password", "password"): ago(200)})
    judged = judge_identity(who, Rules(90), NOW)
    assert judged.verdict == verdict
    if who.credentials != (held,):
        # The next run knows it again, from this one's population.
        uid, line = identity_uid(who), json.dumps(row(judged, AS_OF))
        assert uses([line, "[]", '{"uid": 1}']) == {(uid, "password", "password"): ago(200)}
        assert use_by_earlier_runs(who) == {("password", "password"): ago(200)}
