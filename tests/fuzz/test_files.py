"""Files and notes that others may write, with damage: read whole, or refused in a sentence."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

from c7n.exceptions import PolicyExecutionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custom_filters.core import decision
from custom_filters.core.errors import InputError
from custom_filters.core.exemption import Matches
from custom_filters.core.journal import GENESIS, digest, open_intents, switched_off, verify
from custom_filters.core.judge import Rules, judge_identity
from custom_filters.core.notes import RECORD, read_notes
from custom_filters.core.outcome import sums
from custom_filters.core.population import Population, PopulationError, first_line, line_of, parse, row
from custom_filters.core.times import format_time
from custom_filters.custodian.exemptions import read_exemptions
from custom_filters.outputs.action_logs import Journal, lines_of
from custom_filters.outputs.run_folder import Manifest, ManifestError
from custom_filters.runner.restore import wanted_of
from tests.core.test_journal import WHOLE
from tests.fuzz.mutation import damaged, mutate, mutate_line, mutate_text
from tests.fuzz.test_outputs import RUN
from tests.reports.samples import credential, exempt, user

NOW = datetime(2026, 11, 23, 6, tzinfo=timezone.utc)
dice = st.randoms(use_true_random=False)
many = settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
ONE = {"provider": "aws", "account": "*", "user": "break-glass-*", "reason": "sealed", "approved_by": "c@x",
       "expires": "2027-06-30"}  # fmt: skip
EXEMPTIONS = b"""\
exemptions:
  - {provider: aws, account: "*", user: break-glass-*, reason: sealed, approved_by: c@x, expires: 2027-06-30}
  - provider: gcp
    account: "012345678901"
    user: a@b.example
    reason: parental leave
    approved_by: hr@example.com
    expires: 2027-03-31
"""


def told(location: str) -> str | None:
    """Why a file of exemptions is refused; None where it is taken, whole."""
    try:
        found = read_exemptions(location)
    except PolicyExecutionError as error:
        return str(error)
    assert all(e.reason and e.approved_by and e.expires and e.user != "*" for e in found)
    return None


@many
@given(dice)
def test_exemptions(tmp_path: Path, dice: random.Random) -> None:
    file = tmp_path / "exemptions.yml"
    file.write_bytes(damaged(damaged(EXEMPTIONS, dice), dice))
    assert (told(str(file)) or str(file)).startswith(str(file))
    file.write_text(json.dumps(mutate({"exemptions": [ONE, ONE | {"account": "1"}]}, dice)))
    assert (told(str(file)) or str(file)).startswith(str(file))


DECIDED = {"uid": "a" * 32, "basis_sha256": "b" * 64, "decision": "disable", "reason": "left", "until": None,
           "reviewer": "r@example.com", "decided_at": "2026-11-20T00:00:00Z"}  # fmt: skip
DECISIONS = json.dumps({"schema": 1, "report_sha256": "c" * 64, "decisions": [DECIDED]}).encode()


@many
@given(dice)
def test_decisions(dice: random.Random) -> None:
    for change in (damaged, mutate_text):
        try:
            found = decision.parse(change(DECISIONS, dice))
        except decision.DecisionError:
            continue
        for one in found.by_uid.values():
            assert one.decision in decision.CHOICES
            assert one.reason
            assert one.reviewer


@many
@given(dice)
def test_manifests(dice: random.Random) -> None:
    for change in (damaged, mutate_text):
        try:
            found = Manifest.from_json(change(json.dumps(RUN).encode(), dice))
        except ManifestError:
            continue
        assert all(isinstance(text, str) for one in found.policies for text in vars(one).values())
        found.to_json().encode()


def chained(texts: list[str]) -> list[str]:
    """The lines with their chain made anew, as whoever can write all of a journal may."""
    made, last = [], GENESIS
    for text in texts:
        try:
            value = json.loads(text)
            value = value if not isinstance(value, dict) else value | {"previous": last}
            value = value if not isinstance(value, dict) else value | {"hash": digest(value)}
        except (ValueError, RecursionError):
            made.append(text)
            continue
        made.append(json.dumps(value))
        last = value["hash"] if isinstance(value, dict) else last
    return made


@many
@given(dice, st.booleans())
def test_journals(dice: random.Random, forged: bool) -> None:
    """A change that is not chained anew is told; whatever is taken can be read by all that reads it."""
    content = "".join(f"{line}\n" for line in WHOLE).encode()
    changed = dice.choice((damaged, mutate_line))(content, dice).decode("utf-8", "replace").splitlines()
    texts = chained(changed) if forged else changed
    found = Journal("out/journal", tuple(texts))
    if changed != list(WHOLE) and not forged and changed != list(WHOLE)[: len(changed)]:
        assert verify(texts)
    assert all(problem.isprintable() for problem in found.problems)
    read = lines_of([found])
    json.dumps(read, ensure_ascii=False).encode()
    sums(read)
    open_intents(read)
    assert {off.provider for off in switched_off(read)} <= {"aws"}
    with suppress(InputError):
        wanted_of(read, None)


PEOPLE = [judge_identity(p, Rules(90), NOW) for p in (user("a", credential(3)), exempt("b", credential(400)))]
ROWS = tuple(row(judged, format_time(NOW)) for judged in PEOPLE)
ENTRIES = (Matches("*", "svc-*", 2, ("svc-a", "svc-b")),)
WHOSE = Population("aws", "111111111111", "p", format_time(NOW), 0, ROWS, ENTRIES)
POPULATION = "".join([first_line(WHOSE, len(ROWS)), *map(line_of, ROWS)]).encode()


@many
@given(dice)
def test_populations(dice: random.Random) -> None:
    for change in (damaged, mutate_line):
        try:
            found = parse(change(POPULATION, dice).decode("utf-8", "replace").splitlines())
        except PopulationError:
            continue
        assert sum(found.counts().values()) == len(found.rows)


NOTE = "AIDA1 c7n-unused 2611012200 2611152200 access-key=AKIA1+AKIA2 off=2611152203 password=password"
NOTES = {"c7n-unused": "Unused: disable-unused@2026/11/15 2200 UTC", RECORD: NOTE}
text = st.text(max_size=300)


@many
@given(dice, st.dictionaries(st.sampled_from([*NOTES, f"{RECORD}-2", "C7N-Unused", "maid_status"]), text))
def test_notes(dice: random.Random, more: dict[str, str]) -> None:
    """They are never believed for somebody else, with a notice that ran backwards, or over 90 days."""
    texts = {name: damaged(t.encode(), dice).decode("utf-8", "replace") for name, t in NOTES.items()} | more
    found = read_notes(texts, "AIDA1", NOW, ids=("AKIA1", "AKIA2"), tags=("maid_status",))
    for entry in found.record.entries:
        assert entry.marked_at < entry.until <= entry.marked_at + timedelta(days=90)
        assert entry.marked_at <= NOW + timedelta(hours=1)
    assert read_notes(texts, "AIDA9", NOW).record.entries == ()
