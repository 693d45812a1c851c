"""Short ways to write credentials and identities down, and the same as hypothesis strategies."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, Used
from custom_filters.core.judge import Rules

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
#: How close each verdict is to being switched off.
RANK = {"disabled": 0, "active": 0, "new": 1, "unknown": 2, "stale": 3, "never-used": 3}


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def used(days: float, **more: Any) -> Used:
    return Used(ago(days), "last-used", **more)


def never(since: float | None = None, **more: Any) -> NeverUsed:
    return NeverUsed(None if since is None else ago(since), "last-used", **more)


def failed(reason: str = "the call failed", **more: Any) -> Unknown:
    return Unknown(reason, "last-used", **more)


def credential(*evidence: Evidence, created: float | None = 400, **more: Any) -> Credential:
    """One that is on and was made 400 days ago, unless told otherwise; dates are in days ago."""
    dates = {name: ago(more.pop(name)) for name in ("rotated",) if name in more}
    values = {"kind": "password", "id": "password", "status": "on", **more, **dates}
    return Credential(created=None if created is None else ago(created), evidence=evidence, **values)


def identity(*credentials: Credential, **more: Any) -> Identity:
    return Identity("aws", "123456789012", "amelia", "AIDA1", credentials, **more)


# In whole hours, so that examples fall on thresholds as often as beside them.
past = st.integers(0, 24 * 450).map(lambda hours: NOW - timedelta(hours=hours))
maybe_past = st.none() | past
covers = st.booleans()
uses = st.builds(Used, past, st.just("last-used"), covers=covers)
nevers = st.builds(NeverUsed, maybe_past, st.just("last-used"), covers=covers)
failures = st.builds(Unknown, st.just("failed"), st.just("last-used"), covers=covers)
evidence = st.one_of(uses, nevers, failures)
rules = st.builds(
    Rules,
    days=st.integers(1, 400),
    grace_days=st.integers(0, 400),
    kinds=st.none() | st.sets(st.sampled_from(("password", "access-key")), min_size=1).map(frozenset),
)
credentials = st.builds(
    Credential,
    kind=st.sampled_from(("password", "access-key")),
    id=st.just("one"),
    status=st.sampled_from(("on", "on", "on", "off")),
    created=maybe_past,
    evidence=st.lists(evidence, max_size=3).map(tuple),
    rotated=maybe_past,
    age_problem=st.sampled_from((None, None, None, "a date that cannot be read")),
)
identities = st.builds(
    identity,
    st.just(credential(used(1))),
    evidence=st.lists(evidence, max_size=2).map(tuple),
    born=maybe_past,
    incomplete=st.sampled_from((None, None, "the report does not know the user")),
).flatmap(
    lambda one: st.lists(credentials, max_size=3).map(
        lambda held: Identity(**{**one.__dict__, "credentials": tuple(held)})
    )
)
later = st.integers(0, 24 * 500).map(lambda hours: timedelta(hours=hours))
