"""The four rules and the user's verdict, case by case. 90 days and 14 days of grace unless said."""

from __future__ import annotations

from typing import Any

import pytest

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import NeverUsed
from custom_filters.core.exemption import Exemption
from custom_filters.core.judge import Rules, exceeds, is_unused, judge_credential, judge_identity, select
from tests.core.people import NOW, SECOND, ago, credential, failed, identity, never, used

SHORT = SECOND.total_seconds() / 86400  # a second, in days
STRICT = Rules(45, grace_days=0)


def with_dates(made: Credential, **dates: Any) -> Credential:
    return Credential(**{**made.__dict__, **dates})


CREDENTIALS: dict[str, tuple[Credential, str, int]] = {
    # Rule 0: off.
    "off, used yesterday": (credential(used(1), status="off"), "disabled", 0),
    "off, source failed": (credential(failed(), status="off"), "disabled", 0),
    # Rule 1: use within the days.
    "used now": (credential(used(0)), "active", 1),
    "used a second less than 90 days ago": (credential(used(90 - SHORT)), "active", 1),
    "used half an hour ahead": (credential(used(-1 / 48)), "active", 1),
    "newest of two uses decides": (credential(used(200), used(3)), "active", 1),
    "used lately, another source failed": (credential(used(3), failed()), "active", 1),
    "used lately by a veto": (credential(never(), used(3, covers=False)), "active", 1),
    "used lately, born in the future": (with_dates(credential(used(3)), created=ago(-5)), "active", 1),
    "used lately, age unreadable": (credential(used(3), age_problem="what?"), "active", 1),
    # Rule 2: not known.
    "no source": (credential(), "unknown", 2),
    "failed": (credential(failed()), "unknown", 2),
    "used long ago, another source failed": (credential(used(200), failed()), "unknown", 2),
    "never used, another source failed": (credential(never(), failed()), "unknown", 2),
    "only a veto, that saw old use": (credential(used(200, covers=False)), "unknown", 2),
    "only a veto, that saw nothing": (credential(never(covers=False)), "unknown", 2),
    "only a veto, that failed": (credential(failed(covers=False)), "unknown", 2),
    "born in the future": (with_dates(credential(never()), created=ago(-1)), "unknown", 2),
    "rotated in the future": (with_dates(credential(used(200)), rotated=ago(-1)), "unknown", 2),
    "age unreadable": (credential(used(200), age_problem="last_rotated: what?"), "unknown", 2),
    # Rule 3: used long ago.
    "used exactly 90 days ago": (credential(used(90)), "stale", 3),
    "used years ago": (credential(used(900)), "stale", 3),
    "old use, a veto failed": (credential(used(200), failed(covers=False)), "stale", 3),
    "one source saw old use, another none": (credential(used(200), never()), "stale", 3),
    "old use, created lately": (credential(used(200), created=1), "stale", 3),
    "old use, rotated yesterday": (credential(used(200), rotated=1), "new", 3),
    "old use, rotated a second less than 14 days ago": (credential(used(200), rotated=14 - SHORT), "new", 3),
    "old use, rotated exactly 14 days ago": (credential(used(200), rotated=14), "stale", 3),
    "never used in what the source keeps, made before": (
        credential(never(400, forgets=True), created=500),
        "stale",
        3,
    ),
    "never used in what the source keeps, of unknown age": (
        credential(never(400, forgets=True), created=None),
        "stale",
        3,
    ),
    # Rule 4: never used.
    "never used, the source forgets, made after": (
        credential(never(400, forgets=True), created=300),
        "never-used",
        4,
    ),
    "never used, made before the source's word, which does not forget": (
        credential(never(400), created=500),
        "never-used",
        4,
    ),
    "never used, 400 days old": (credential(never()), "never-used", 4),
    "never used, exactly 90 days old": (credential(never(), created=90), "never-used", 4),
    "never used, a second less than 90 days old": (credential(never(), created=90 - SHORT), "new", 4),
    "never used, old but rotated 60 days ago": (credential(never(), rotated=60), "new", 4),
    "never used, no age, the source reaches back": (credential(never(400), created=None), "never-used", 4),
    "never used, no age, the source reaches back a week": (credential(never(7), created=None), "new", 4),
    "never used, old, the source reaches back a week": (credential(never(7)), "new", 4),
    "never used, the source forgets, made when it began": (
        credential(never(400, forgets=True), created=400),
        "never-used",
        4,
    ),
    "never used, the source forgets, and does not say since when": (
        credential(never(forgets=True)),
        "never-used",
        4,
    ),
    "never used, a veto saw old use": (credential(never(), used(100, covers=False)), "never-used", 4),
    "never used and no age at all": (credential(never(), created=None), "unknown", 4),
}


@pytest.mark.parametrize(("held", "verdict", "rule"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_credential(held: Credential, verdict: str, rule: int) -> None:
    judged = judge_credential(held, Rules(90), NOW)
    assert (judged.verdict, judged.rule) == (verdict, rule)
    assert judged.reason
    assert is_unused(judged) == (verdict in {"stale", "never-used"})


BASES: dict[str, tuple[Credential, str, str | None]] = {
    "off": (credential(used(1), status="off"), "status", None),
    "no source": (credential(), "none", None),
    "age unreadable": (credential(used(200), age_problem="what?"), "age", None),
    "in grace": (credential(used(200), rotated=1), "last-used", "stale"),
    "young": (credential(never(), created=1), "last-used", "never-used"),
    "in use": (credential(used(1)), "last-used", "stale"),
    "a veto speaks first": (
        credential(NeverUsed(None, "access-advisor", covers=False), never()), "last-used", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("held", "basis", "becomes"), BASES.values(), ids=BASES)
def test_what_decided_and_what_comes_next(held: Credential, basis: str, becomes: str | None) -> None:
    judged = judge_credential(held, Rules(90), NOW)
    assert (judged.basis, judged.becomes) == (basis, becomes)


GRACE: dict[str, tuple[Credential, Rules, str]] = {
    "0 switches it off after a rotation": (credential(used(60), rotated=1), STRICT, "stale"),
    "0 leaves the days for what was never used": (credential(never(), rotated=44), STRICT, "new"),
    "0 flags what was never used for the days": (credential(never(), rotated=45), STRICT, "never-used"),
    "longer than the days, never used": (credential(never(), created=50), Rules(45, 60), "new"),
    "longer than the days, rotated": (credential(used(60), rotated=50), Rules(45, 60), "new"),
}


@pytest.mark.parametrize(("held", "rules", "verdict"), GRACE.values(), ids=GRACE)
def test_grace(held: Credential, rules: Rules, verdict: str) -> None:
    assert judge_credential(held, rules, NOW).verdict == verdict


BREAK_GLASS = Exemption("aws", "*", "amelia", "sealed", "ciso@example.com", ago(-30))
EXPIRED = Exemption("aws", "*", "amelia", "sealed", "ciso@example.com", NOW)
ACTIVE, NEW, UNKNOWN = credential(used(1)), credential(never(), created=1), credential()
STALE, NEVER, OFF = credential(used(200)), credential(never()), credential(used(1), status="off")
VETO, OLD_VETO = used(1, covers=False), used(200, covers=False)

USERS: dict[str, tuple[Identity, str]] = {
    "exempt comes first": (identity(ACTIVE, exemption=BREAK_GLASS), "exempt"),
    "exempt without credentials": (identity(exemption=BREAK_GLASS), "exempt"),
    "expired at this instant": (identity(STALE, exemption=EXPIRED), "stale"),
    "nothing": (identity(), "no-credentials"),
    "nothing that is on": (identity(OFF, OFF), "no-credentials"),
    "nothing, seen by a veto": (identity(OFF, evidence=(VETO,)), "no-credentials"),
    "active beats all": (identity(NEVER, STALE, UNKNOWN, NEW, ACTIVE), "active"),
    "new beats unknown": (identity(NEVER, STALE, UNKNOWN, NEW), "new"),
    "unknown beats stale": (identity(NEVER, STALE, UNKNOWN), "unknown"),
    "stale if any was ever used": (identity(NEVER, STALE), "stale"),
    "stale if any may have been used before": (
        identity(NEVER, credential(never(400, forgets=True), created=500)),
        "stale",
    ),
    "never used": (identity(NEVER, NEVER), "never-used"),
    "off ones do not count": (identity(NEVER, OFF), "never-used"),
    "a veto saves": (identity(STALE, evidence=(VETO,)), "active"),
    "a veto saves for 90 days": (identity(STALE, evidence=(used(90, covers=False),)), "stale"),
    "a veto saves what is unknown": (identity(UNKNOWN, evidence=(VETO,)), "active"),
    "old use by a veto is nothing": (identity(STALE, evidence=(OLD_VETO,)), "stale"),
    "a veto that saw nothing is nothing": (identity(NEVER, evidence=(never(covers=False),)), "never-used"),
    "a veto that failed leaves unknown": (identity(STALE, evidence=(failed(covers=False),)), "unknown"),
    "a veto that failed, but active": (identity(ACTIVE, evidence=(failed(covers=False),)), "active"),
    "incomplete": (identity(STALE, incomplete="no row"), "unknown"),
    "incomplete and nothing seen": (identity(incomplete="no row"), "unknown"),
    "incomplete, but active": (identity(ACTIVE, incomplete="no row"), "active"),
    "incomplete and born 89 days ago": (identity(UNKNOWN, incomplete="no row", born=ago(89)), "new"),
    "incomplete and born 90 days ago": (identity(UNKNOWN, incomplete="no row", born=ago(90)), "unknown"),
    "unknown, born lately, but complete": (identity(UNKNOWN, born=ago(1)), "unknown"),
    "incomplete, born lately, one of two active": (
        identity(STALE, ACTIVE, incomplete="no row", born=ago(1)),
        "active",
    ),
    "incomplete, born lately, but active": (identity(ACTIVE, incomplete="no row", born=ago(1)), "active"),
}


@pytest.mark.parametrize(("who", "verdict"), USERS.values(), ids=USERS)
def test_a_user(who: Identity, verdict: str) -> None:
    judged = judge_identity(who, Rules(90), NOW)
    assert judged.verdict == verdict
    assert judged.reason


def key(made: Credential) -> Credential:
    return with_dates(made, kind="access-key", id="access_key_1")


PASSWORDS = Rules(90, kinds=frozenset({"password"}))
KINDS: dict[str, tuple[Identity, str]] = {
    "another kind in use saves": (identity(STALE, key(ACTIVE)), "active"),
    "another kind that is new is unknown": (identity(STALE, key(NEW)), "unknown"),
    "another kind that is stale is unknown": (identity(STALE, key(STALE)), "unknown"),
    "another kind that was never used is unknown": (identity(NEVER, key(NEVER)), "unknown"),
    "another kind that is off does not count": (identity(STALE, key(OFF)), "stale"),
    "only another kind, stale": (identity(key(STALE)), "unknown"),
    "only another kind, off": (identity(key(OFF)), "no-credentials"),
}


@pytest.mark.parametrize(("who", "verdict"), KINDS.values(), ids=KINDS)
def test_kinds_that_are_not_asked_for_still_count(who: Identity, verdict: str) -> None:
    assert judge_identity(who, PASSWORDS, NOW).verdict == verdict


ANY = Rules(90)
MIXED = identity(STALE, key(ACTIVE))
EXEMPT = identity(STALE, exemption=BREAK_GLASS)
LAPSED = identity(STALE, exemption=EXPIRED)
UNUSED = "stale never-used"
SELECTED: dict[str, tuple[Identity, str, str, Rules, str | None]] = {
    "user: by the user's verdict": (MIXED, "user", UNUSED, ANY, None),
    "user: all credentials come along": (MIXED, "user", "active", ANY, "password access-key"),
    "user: of the kinds asked for": (identity(STALE, key(OFF)), "user", UNUSED, PASSWORDS, "password"),
    "user: none to show": (identity(key(OFF)), "user", "no-credentials", PASSWORDS, ""),
    "credential: only those asked for": (MIXED, "credential", UNUSED, ANY, "password"),
    "credential: none": (identity(ACTIVE, key(OFF)), "credential", UNUSED, ANY, None),
    "credential: of the kinds": (identity(NEVER, key(STALE)), "credential", UNUSED, PASSWORDS, "password"),
    "credential: only another kind": (identity(key(STALE)), "credential", UNUSED, PASSWORDS, None),
    "credential: exempt is left alone": (EXEMPT, "credential", UNUSED, ANY, None),
    "credential: exempt is asked for": (EXEMPT, "credential", "exempt", ANY, "password"),
    "credential: exemption expired": (LAPSED, "credential", UNUSED, ANY, "password"),
    "credential: nothing live": (identity(OFF), "credential", UNUSED, ANY, None),
}  # fmt: skip


@pytest.mark.parametrize(("who", "match", "verdicts", "rules", "kinds"), SELECTED.values(), ids=SELECTED)
def test_select(who: Identity, match: Any, verdicts: str, rules: Rules, kinds: str | None) -> None:
    wanted: Any = frozenset(verdicts.split())
    selected = select(judge_identity(who, rules, NOW), match, wanted, rules)
    shown = None if selected is None else " ".join(j.credential.kind for j in selected)
    assert shown == kinds


def test_a_credential_keeps_its_own_verdict_when_the_user_is_exempt() -> None:
    judged = judge_identity(identity(STALE, exemption=BREAK_GLASS), Rules(90), NOW)
    assert [j.verdict for j in judged.credentials] == ["stale"]


def test_the_reason_names_the_credential_that_decided() -> None:
    judged = judge_identity(identity(NEVER, key(STALE)), Rules(90), NOW)
    assert judged.reason.startswith("access-key access_key_1: last used 200 days ago")


THRESHOLDS: dict[str, tuple[Credential, tuple[int, ...]]] = {
    "used at the first": (credential(used(45)), (45,)),
    "used just before the second": (credential(used(59)), (45,)),
    "used at the second": (credential(used(60)), (45, 60)),
    "used before all": (credential(used(200)), (45, 60, 90)),
    "in use": (credential(used(44)), ()),
    "never used, of age for two": (credential(never(), created=70), (45, 60)),
    "never used, too young": (credential(never(), created=44), ()),
    "watched for less than the last": (credential(never(since=61), created=400), (45, 60)),
    "in grace": (credential(used(200), rotated=3), ()),
    "a veto saw use since": (credential(used(200), used(70, covers=False)), (45, 60)),
    "unknown": (credential(failed()), ()),
    "off": (credential(used(200), status="off"), ()),
}


@pytest.mark.parametrize(("judged", "reached"), THRESHOLDS.values(), ids=THRESHOLDS)
def test_thresholds_reached_are_those_at_which_it_is_judged_unused(
    judged: Credential, reached: tuple[int, ...]
) -> None:
    """In one pass what a judgement at each threshold would say."""
    rules = Rules(45, thresholds=(45, 60, 90))
    assert exceeds(judge_credential(judged, rules, NOW), rules, NOW) == reached
    alone = [d for d in rules.thresholds if is_unused(judge_credential(judged, Rules(d), NOW))]
    assert tuple(alone) == reached


KEPT = Exemption("aws", "*", "amelia", "a yearly job", "olga", ago(-100))
ENDED = Exemption("aws", "*", "amelia", "a yearly job", "olga", NOW)
KEEPING: dict[str, tuple[Credential, str]] = {
    "stale": (credential(used(200), kept=KEPT), "exempt"),
    "never used": (credential(never(), kept=KEPT), "exempt"),
    "unknown": (credential(failed(), kept=KEPT), "exempt"),
    "in use": (credential(used(3), kept=KEPT), "active"),
    "new": (credential(never(), created=3, kept=KEPT), "new"),
    "kept until today": (credential(used(200), kept=ENDED), "stale"),
}


@pytest.mark.parametrize("case", KEEPING)
def test_what_a_reviewer_keeps_is_exempt_while_it_looks_unused(case: str) -> None:
    one, verdict = KEEPING[case]
    judged = judge_credential(one, Rules(90), NOW)
    assert judged.verdict == verdict
    if verdict == "exempt":
        plain = judge_credential(Credential(**{**one.__dict__, "kept": None}), Rules(90), NOW)
        assert (judged.becomes, judged.changes_at) == (plain.verdict, KEPT.expires)
        assert judged.reason == f"olga decided to keep it: a yearly job ({plain.verdict}: {plain.reason})"


def test_a_user_is_exempt_when_all_that_is_live_is_kept() -> None:
    keeping, other = credential(used(200), kept=KEPT), credential(used(200), kind="access-key", id="AKIA1")
    off = credential(used(1), kind="access-key", id="AKIA2", status="off")
    alone = judge_identity(identity(keeping, off), Rules(90), NOW)
    assert alone.verdict == "exempt"
    assert alone.reason.startswith("password: olga decided to keep it")
    both = judge_identity(identity(keeping, other), Rules(90), NOW)
    assert both.verdict == "stale"
    assert both.reason.startswith("access-key AKIA1: last used")
    assert judge_identity(identity(keeping, key(NEVER)), Rules(90), NOW).verdict == "never-used"
    assert judge_identity(identity(keeping, incomplete="cut short"), Rules(90), NOW).verdict == "unknown"


def test_the_newest_use_tells_for_the_user_and_an_off_credential_keeps_its_last() -> None:
    old, newer = credential(used(300)), credential(used(200), kind="access-key", id="AKIA1")
    before = credential(never(400, forgets=True), created=500)
    for pair in ((old, newer), (newer, old), (before, newer)):
        assert judge_identity(identity(*pair), Rules(90), NOW).reason.startswith("access-key AKIA1: ")
    assert judge_credential(credential(used(7), status="off"), Rules(90), NOW).last_used == ago(7)
    assert judge_credential(credential(used(7), failed()), Rules(3), NOW).last_used == ago(7)
