"""The rules that turn evidence into verdicts. Pure: `now` is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, Used
from custom_filters.core.times import floor_days, format_time, in_future
from custom_filters.core.verdict import DEFAULT_GRACE_DAYS, OF_USER, UNUSED, Match, Verdict

_EPOCH = datetime.fromtimestamp(0, timezone.utc)


@dataclass(frozen=True)
class Judgement:
    """A credential's verdict.

    `basis` names the source that decided, `reason` says why in a sentence, `rule` is the number of the rule
    (0: switched off). Without further use the verdict becomes `becomes` at `changes_at`. `born` is from when
    a credential that was never used counts.
    """

    credential: Credential
    verdict: Verdict
    reason: str
    basis: str
    rule: int
    last_used: datetime | None = None
    changes_at: datetime | None = None
    becomes: Verdict | None = None
    born: datetime | None = None


@dataclass(frozen=True)
class IdentityJudgement:
    """A user's verdict, with those of all of its credentials."""

    identity: Identity
    verdict: Verdict
    reason: str
    credentials: tuple[Judgement, ...]


@dataclass(frozen=True)
class Rules:
    """A policy's numbers: `days` 1..400, `grace_days` 0..400, and the kinds that it reports and acts on.

    `days` decides; `thresholds` are all that were asked for, in order, where there are several.
    """

    days: int
    grace_days: int = DEFAULT_GRACE_DAYS
    kinds: frozenset[str] | None = None
    thresholds: tuple[int, ...] = ()

    def reports(self, kind: str) -> bool:
        """Whether this kind is reported and acted on."""
        return self.kinds is None or kind in self.kinds


def judge_credential(credential: Credential, rules: Rules, now: datetime) -> Judgement:
    """Apply the four rules in order; the first that holds decides."""
    newest = _newest_use(credential.evidence)
    if credential.status == "off":
        last = newest.at if newest else None
        return Judgement(credential, "disabled", "it is switched off", "status", 0, last)
    judged = (
        _active(credential, _newest_use(credential.evidence, vetoes=True), rules, now)
        or _unknown(credential, newest, now)
        or _used_long_ago(credential, newest, rules, now)
        or _never_used(credential, rules, now)
    )
    kept = credential.kept
    if kept is None or kept.expired(now) or judged.verdict not in (*UNUSED, "unknown"):
        return judged
    reason = f"{kept.approved_by} decided to keep it: {kept.reason} ({judged.verdict}: {judged.reason})"
    return replace(judged, verdict="exempt", reason=reason, changes_at=kept.expires, becomes=judged.verdict)


def _newest_use(evidence: Iterable[Evidence], *, vetoes: bool = False) -> Used | None:
    uses = [e for e in evidence if isinstance(e, Used) and (e.covers or vetoes)]
    return max(uses, key=lambda e: e.at, default=None)


def _active(credential: Credential, newest: Used | None, rules: Rules, now: datetime) -> Judgement | None:
    threshold = timedelta(days=rules.days)
    if newest is None or now - newest.at >= threshold:
        return None
    reason = f"used {_ago(newest.at, now)}, less than {rules.days} days"
    ends = newest.at + threshold
    becomes = judge_credential(credential, rules, ends).verdict
    return Judgement(credential, "active", reason, newest.source, 1, newest.at, ends, becomes)


def _unknown(credential: Credential, newest: Used | None, now: datetime) -> Judgement | None:
    covering = [e for e in credential.evidence if e.covers]
    failed = next((e for e in covering if isinstance(e, Unknown)), None)
    last = newest.at if newest else None
    if failed:
        return Judgement(credential, "unknown", failed.reason, failed.source, 2, last)
    if not covering:
        reason = f"no requested source tells when a {credential.kind} was last used"
        return Judgement(credential, "unknown", reason, "none", 2, last)
    problem = credential.age_problem or _future_age(credential, now)
    if problem:
        return Judgement(credential, "unknown", problem, "age", 2, last)
    return None


def _future_age(credential: Credential, now: datetime) -> str | None:
    dates = (credential.created, credential.rotated)
    wrong = next((d for d in dates if d and in_future(d, now)), None)
    return f"its own date {format_time(wrong)} lies in the future" if wrong else None


def _used_long_ago(
    credential: Credential, newest: Used | None, rules: Rules, now: datetime
) -> Judgement | None:
    if newest is None:
        return None
    grace = credential.rotated and credential.rotated + timedelta(days=rules.grace_days)
    used = f"last used {_ago(newest.at, now)}"
    if grace and now < grace:
        reason = f"{used}, but rotated lately: in grace until {format_time(grace)}"
        return Judgement(credential, "new", reason, newest.source, 3, newest.at, grace, "stale")
    return Judgement(credential, "stale", f"{used}, {rules.days} days or more", newest.source, 3, newest.at)


def _never_used(credential: Credential, rules: Rules, now: datetime) -> Judgement:
    never = next(e for e in credential.evidence if isinstance(e, NeverUsed) and e.covers)
    births = [d for d in (credential.created, credential.rotated, never.since) if d]
    if not births:
        reason = "never used, but nothing tells how old it is"
        return Judgement(credential, "unknown", reason, never.source, 4)
    born = max(births)
    if never.forgets and never.since and (credential.created is None or credential.created < never.since):
        reason = f"not used in the last {floor_days(now - never.since)} days; use before that is not tracked"
        return Judgement(credential, "stale", reason, never.source, 3, born=born)
    grace = born + timedelta(days=max(rules.days, rules.grace_days))
    if now < grace:
        reason = f"never used, but only {floor_days(now - born)} days old: counts from {format_time(grace)}"
        return Judgement(credential, "new", reason, never.source, 4, None, grace, "never-used", born)
    reason = f"never used in the {floor_days(now - born)} days since {format_time(born)}"
    return Judgement(credential, "never-used", reason, never.source, 4, born=born)


def _ago(at: datetime, now: datetime) -> str:
    return f"{floor_days(now - at)} days ago ({format_time(at)})"


def judge_identity(identity: Identity, rules: Rules, now: datetime) -> IdentityJudgement:
    """Judge every credential, then the user: the first user verdict that holds."""
    judged = tuple(judge_credential(c, rules, now) for c in identity.credentials)
    verdict, reason = _user_verdict(identity, judged, rules, now)
    return IdentityJudgement(identity, verdict, reason, judged)


def _user_verdict(
    identity: Identity, judged: tuple[Judgement, ...], rules: Rules, now: datetime
) -> tuple[Verdict, str]:
    if identity.exemption and not identity.exemption.expired(now):
        return "exempt", f"exempt: {identity.exemption.reason}"
    kept = next((j for j in judged if j.verdict == "exempt"), None)
    live = [j for j in judged if j.verdict not in ("disabled", "exempt")]
    if kept and not live and not identity.incomplete:
        return "exempt", _sentence(kept)
    veto = _newest_use(identity.evidence, vetoes=True)
    if not live and not identity.incomplete:
        return "no-credentials", "nothing is switched on"
    if veto and now - veto.at < timedelta(days=rules.days):
        return "active", f"{veto.source} saw the user {_ago(veto.at, now)}"
    if identity.incomplete and _is_new(identity.born, rules, now) and not _any(live, "active"):
        return "new", identity.incomplete
    return _verdict_of_live(identity, live, rules)


def _any(judged: Iterable[Judgement], verdict: Verdict) -> bool:
    return any(j.verdict == verdict for j in judged)


def _is_new(born: datetime | None, rules: Rules, now: datetime) -> bool:
    """Whether an identity is too young for what we do not know of it to matter."""
    return born is not None and now - born < timedelta(days=max(rules.days, rules.grace_days))


def _verdict_of_live(identity: Identity, live: list[Judgement], rules: Rules) -> tuple[Verdict, str]:
    for verdict in ("active", "new"):
        found = next((j for j in live if _counts_as(j, rules) == verdict), None)
        if found:
            return found.verdict, _sentence(found)
    failed = next((e for e in identity.evidence if isinstance(e, Unknown)), None)
    unclear = next((j for j in live if _counts_as(j, rules) == "unknown"), None)
    if unclear:
        return "unknown", _sentence(unclear)
    reason = failed.reason if failed else identity.incomplete
    if reason is not None:
        return "unknown", reason
    used = [j for j in live if j.verdict == "stale"]
    newest = max(used, key=lambda j: j.last_used or _EPOCH, default=live[0])
    return newest.verdict, _sentence(newest)


def _counts_as(judgement: Judgement, rules: Rules) -> Verdict:
    """A kind that the policy does not report still counts: unknown, unless it is known to be active."""
    if judgement.verdict == "active" or rules.reports(judgement.credential.kind):
        return judgement.verdict
    return "unknown"


def _sentence(judgement: Judgement) -> str:
    name = judgement.credential.kind
    if judgement.credential.id != name:
        name = f"{name} {judgement.credential.id}"
    return f"{name}: {judgement.reason}"


def select(
    judged: IdentityJudgement, match: Match, verdicts: frozenset[Verdict], rules: Rules
) -> tuple[Judgement, ...] | None:
    """The credentials that a policy reports and acts on, or None when it does not select the user.

    Under `match: credential` a user who is exempt or holds nothing live is selected only by that verdict.
    """
    reported = tuple(j for j in judged.credentials if rules.reports(j.credential.kind))
    if match == "user" or judged.verdict in OF_USER:
        return reported if judged.verdict in verdicts else None
    return tuple(j for j in reported if j.verdict in verdicts) or None


def exceeds(judgement: Judgement, rules: Rules, now: datetime) -> tuple[int, ...]:
    """The thresholds (days) at which this credential is stale or never used, in order; () when at none.

    A longer threshold changes nothing but how far back the last use, one that only vetoes too, or the birth
    must lie: grace has passed at the smallest already.
    """
    if not is_unused(judgement):
        return ()
    seen = _newest_use(judgement.credential.evidence, vetoes=True)
    starts = [at for at in (judgement.born, seen and seen.at) if at]
    return tuple(d for d in rules.thresholds or (rules.days,) if now - max(starts) >= timedelta(days=d))


def is_unused(judgement: Judgement) -> bool:
    """Whether this credential's own verdict allows that it is switched off."""
    return judgement.verdict in UNUSED
