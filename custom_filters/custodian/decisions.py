"""What reviewers decided, as a policy takes it: `keep` ends in an exemption, `disable` is an approval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from c7n.exceptions import PolicyExecutionError
from c7n.utils import local_session

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.decision import Decision, DecisionError, Decisions, parse
from custom_filters.core.evidence import Used
from custom_filters.core.exemption import Exemption, ExemptionError
from custom_filters.core.finding import Context, LifecycleState, annotation, finding_uid, findings_of
from custom_filters.core.judge import judge_identity
from custom_filters.core.lifecycle_states import item_of
from custom_filters.core.notes import Item
from custom_filters.core.population import remembered as again
from custom_filters.core.population import use_by_earlier_runs
from custom_filters.custodian.exemptions import fetch
from custom_filters.custodian.population import remembered
from custom_filters.custodian.request import Request
from custom_filters.custodian.store import shared

Choose = Callable[[Mapping[str, Any], datetime], Decision | None]


def read_decisions(location: str, session: Any = None) -> Decisions:
    """The decisions in a file or at a URL; raises PolicyExecutionError on anything that cannot be taken."""
    try:
        return parse(fetch(location, session))
    except DecisionError as error:
        raise PolicyExecutionError(f"{location}: {error}") from error
    except ExemptionError as error:
        raise PolicyExecutionError(str(error)) from error


def decisions_of(request: Request) -> Decisions | None:
    """Those that the policy's filter names, read once a run."""
    location = request.filter.get("decisions")
    if location is None:
        return None
    session = local_session(request.manager.session_factory)
    return shared(session, ("decisions", location), lambda: read_decisions(location, session))


def with_kept(request: Request, identity: Identity, now: datetime) -> Identity:
    """The identity with what an earlier run saw used, and those exempt that a reviewer decided to keep."""
    identity = remembered(request.manager, request.provider, identity)
    decisions = decisions_of(request)
    kept = _decided(decisions, decisions.kept, request, identity, now) if decisions else {}
    if not kept:
        return identity
    credentials = tuple(
        replace(c, kept=_exemption(identity, found) if (found := kept.get(item_of(c))) else None)
        for c in identity.credentials
    )
    return replace(identity, credentials=credentials)


def carried_over(listed: Identity, fresh: Identity, slots: frozenset[str]) -> Identity:
    """The identity as it was read again, with what is kept or remembered of it, and the ids, as listed."""
    pairs, seen = _same(listed, fresh, slots), use_by_earlier_runs(listed)
    credentials = tuple(
        replace(c, kept=was.kept, listed_as=was.id if was.id != c.id else None)
        if (was := pairs.get(item_of(c)))
        else c
        for c in fresh.credentials
    )
    found = {(i.kind, i.id): seen[was.kind, was.id] for i, was in pairs.items() if (was.kind, was.id) in seen}
    return again(replace(fresh, credentials=credentials), found)


def approved(
    request: Request, listed: Identity, fresh: Identity, slots: frozenset[str], now: datetime
) -> frozenset[Item]:
    """The credentials, as they were read again, that a reviewer decided to switch off.

    The decision rests on what was listed; a use that the fresh look saw after it ends it too.
    """
    decisions = decisions_of(request)
    found = _decided(decisions, decisions.approved, request, listed, now) if decisions else {}
    if not found:
        return frozenset()
    used = {item_of(c): [e.at for e in c.evidence if isinstance(e, Used)] for c in fresh.credentials}
    decided = {item: found.get(item_of(c)) for item, c in _same(listed, fresh, slots).items()}
    return frozenset(
        item for item, d in decided.items() if d and all(at <= d.decided_at for at in used[item])
    )


def _decided(
    decisions: Decisions, choose: Choose, request: Request, identity: Identity, now: datetime
) -> dict[Item, Decision]:
    if not any(finding_uid(identity, c) in decisions.by_uid for c in identity.credentials):
        return {}
    judged = judge_identity(identity, request.rules, now)
    context = Context("", (), request.rules, now)
    findings = findings_of(annotation(judged, judged.credentials, LifecycleState(), context))
    pairs = zip(identity.credentials, findings, strict=True)
    return {item_of(c): found for c, finding in pairs if (found := choose(finding, now))}


def _exemption(identity: Identity, decision: Decision) -> Exemption:
    names = (identity.provider, identity.account, identity.name)
    return Exemption(*names, decision.reason, decision.reviewer, decision.until)


def _same(listed: Identity, fresh: Identity, slots: frozenset[str]) -> dict[Item, Credential]:
    """Credentials as read again -> as listed. Where a listing has no ids, a date has to name one of each."""
    pairs: dict[Item, Credential] = {}
    for credential in fresh.credentials:
        of_kind = [c for c in listed.credentials if c.kind == credential.kind]
        same = [c for c in of_kind if c.id == credential.id]
        if credential.kind in slots and not same:
            same = [c for c in of_kind if credential.created in (c.created, c.rotated)]
        if len(same) == 1:
            pairs[item_of(credential)] = same[0]
    claimed = Counter(item_of(c) for c in pairs.values())
    return {item: c for item, c in pairs.items() if claimed[item_of(c)] == 1}
