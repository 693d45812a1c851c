"""What holds for every credential and user, whatever the evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, Used
from custom_filters.core.judge import Rules, exceeds, judge_credential, judge_identity
from tests.core import people
from tests.core.people import NOW, RANK

USER_RANK = {**RANK, "no-credentials": 0}
UNUSED = {"stale", "never-used"}


def with_newer_use(evidence: tuple[Evidence, ...], at: datetime) -> tuple[Evidence, ...]:
    """Every use that was seen before `at` was seen at `at`."""
    return tuple(replace(e, at=max(e.at, at)) if isinstance(e, Used) else e for e in evidence)


@given(people.credentials, people.rules, people.past)
def test_newer_use_never_makes_a_credential_worse(held: Credential, rules: Rules, at: datetime) -> None:
    newer = replace(held, evidence=with_newer_use(held.evidence, at))
    before, after = judge_credential(held, rules, NOW), judge_credential(newer, rules, NOW)
    assert RANK[after.verdict] <= RANK[before.verdict]


@given(people.credentials, people.rules, people.past)
def test_first_use_never_makes_a_credential_worse(held: Credential, rules: Rules, at: datetime) -> None:
    """A use that the source did not know of, after the credential was made."""
    births = [d for d in (held.created, held.rotated) if d]
    assume(births and at >= max(births))
    used = tuple(
        Used(at, e.source, covers=e.covers) if isinstance(e, NeverUsed) else e for e in held.evidence
    )
    before = judge_credential(held, rules, NOW)
    after = judge_credential(replace(held, evidence=used), rules, NOW)
    assert RANK[after.verdict] <= RANK[before.verdict]


@given(people.identities, people.rules, people.past)
def test_newer_use_never_makes_a_user_worse(who: Identity, rules: Rules, at: datetime) -> None:
    newer = replace(
        who,
        evidence=with_newer_use(who.evidence, at),
        credentials=tuple(replace(c, evidence=with_newer_use(c.evidence, at)) for c in who.credentials),
    )
    before, after = judge_identity(who, rules, NOW), judge_identity(newer, rules, NOW)
    assert USER_RANK[after.verdict] <= USER_RANK[before.verdict]


@given(people.credentials, people.rules, st.integers(0, 3))
def test_a_failed_source_never_yields_unused(held: Credential, rules: Rules, place: int) -> None:
    evidence = list(held.evidence)
    evidence.insert(place, Unknown("the call failed", "last-used"))
    judged = judge_credential(replace(held, evidence=tuple(evidence)), rules, NOW)
    assert judged.verdict in {"active", "unknown", "disabled"}


@given(people.identities, people.rules, st.booleans())
def test_a_failure_about_the_user_never_yields_unused(who: Identity, rules: Rules, covers: bool) -> None:
    failure = Unknown("the job failed", "access-advisor", covers=covers)
    judged = judge_identity(replace(who, evidence=(*who.evidence, failure)), rules, NOW)
    assert judged.verdict not in UNUSED


@given(people.identities, people.rules)
def test_what_could_not_be_listed_never_yields_unused(who: Identity, rules: Rules) -> None:
    judged = judge_identity(replace(who, incomplete="no row"), rules, NOW)
    assert judged.verdict not in UNUSED


@given(people.credentials, people.rules)
def test_without_a_covering_source_nothing_is_unused(held: Credential, rules: Rules) -> None:
    vetoes = tuple(replace(e, covers=False) for e in held.evidence)
    assert judge_credential(replace(held, evidence=vetoes), rules, NOW).verdict not in UNUSED


@given(people.credentials, people.rules, people.later)
def test_a_credential_only_gets_worse_with_time(held: Credential, rules: Rules, span: timedelta) -> None:
    before, after = judge_credential(held, rules, NOW), judge_credential(held, rules, NOW + span)
    assert RANK[after.verdict] >= RANK[before.verdict]


@given(people.identities, people.rules, people.later)
def test_a_user_only_gets_worse_with_time(who: Identity, rules: Rules, span: timedelta) -> None:
    before, after = judge_identity(who, rules, NOW), judge_identity(who, rules, NOW + span)
    assert USER_RANK[after.verdict] >= USER_RANK[before.verdict]


@given(people.credentials, people.rules)
def test_a_verdict_changes_when_it_says_and_not_before(held: Credential, rules: Rules) -> None:
    judged = judge_credential(held, rules, NOW)
    if judged.changes_at is None:
        assert judged.becomes is None
        assert judge_credential(held, rules, NOW + timedelta(days=1000)).verdict == judged.verdict
        return
    before = judge_credential(held, rules, judged.changes_at - people.SECOND)
    assert before.verdict == judged.verdict
    assert judge_credential(held, rules, judged.changes_at).verdict == judged.becomes


@given(people.identities, people.rules)
def test_unused_users_hold_only_unused_credentials(who: Identity, rules: Rules) -> None:
    judged = judge_identity(who, rules, NOW)
    if judged.verdict in UNUSED:
        live = {j.verdict for j in judged.credentials if j.verdict != "disabled"}
        assert live <= UNUSED
        assert live


@given(people.identities, people.rules, st.permutations(range(3)))
def test_the_order_of_evidence_and_credentials_does_not_matter(
    who: Identity, rules: Rules, order: list[int]
) -> None:
    held = who.credentials
    shuffled = tuple(held[n] for n in order if n < len(held))
    turned = tuple(replace(c, evidence=c.evidence[::-1]) for c in shuffled)
    again = replace(who, credentials=turned, evidence=who.evidence[::-1])
    assert judge_identity(again, rules, NOW).verdict == judge_identity(who, rules, NOW).verdict


@given(people.credentials, people.rules, st.sets(st.integers(1, 400), max_size=3))
def test_one_pass_tells_of_every_threshold_what_judging_at_it_would(
    held: Credential, rules: Rules, more: set[int]
) -> None:
    thresholds = tuple(sorted({rules.days, *more}))
    rules = replace(rules, days=thresholds[0], thresholds=thresholds)
    alone = (judge_credential(held, replace(rules, days=d), NOW).verdict in UNUSED for d in thresholds)
    reached = exceeds(judge_credential(held, rules, NOW), rules, NOW)
    assert reached == tuple(d for d, unused in zip(thresholds, alone, strict=True) if unused)


@given(people.identities, people.rules)
def test_naming_all_kinds_is_naming_none(who: Identity, rules: Rules) -> None:
    every = replace(rules, kinds=frozenset({"password", "access-key"}))
    free = replace(rules, kinds=None)
    assert judge_identity(who, every, NOW).verdict == judge_identity(who, free, NOW).verdict


@given(people.identities, people.rules)
def test_fewer_kinds_never_make_a_user_unused(who: Identity, rules: Rules) -> None:
    narrow = judge_identity(who, rules, NOW).verdict
    wide = judge_identity(who, replace(rules, kinds=None), NOW).verdict
    if narrow in UNUSED:
        assert wide == narrow
