"""From what Graph says of a user to an identity with its one credential, the sign-in.

https://learn.microsoft.com/graph/api/resources/signinactivity:
lastSignInDateTime is the last interactive attempt, failed ones too; lastNonInteractiveSignInDateTime is by a
client on the user's behalf; lastSuccessfulSignInDateTime is either, kept since 1 December 2023. Any may be
missing, and all are up to a day late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from custom_filters.azure.notes import EXTENSION
from custom_filters.azure.users import ACTIVITY
from custom_filters.core.credential import Credential, Identity, UserType
from custom_filters.core.evidence import Evidence, NeverUsed, Used, read_use
from custom_filters.core.exemption import Exemption
from custom_filters.core.times import read_optional
from custom_filters.core.vocabulary import AZURE
from custom_filters.custodian.notes import with_restored

SIGN_IN = "sign-in"
SUCCESSFUL = "successful"
KINDS = (SIGN_IN,)
_SUCCESSFUL_DATE = "lastSuccessfulSignInDateTime"
#: Nobody who last signed in before this has any activity.
_ACTIVITY_KEPT_SINCE = datetime(2020, 4, 1, tzinfo=timezone.utc)
_SUCCESS_KEPT_SINCE = datetime(2023, 12, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Surroundings:
    """What is known beside the user itself; `privileged` is None when roles could not be read."""

    tenant: str
    notes: Mapping[str, str]
    privileged: bool | None
    exemption: Exemption | None
    successful: bool
    now: datetime


def transform_identity(user: Mapping[str, Any], surroundings: Surroundings) -> Identity:
    """A user as Graph gives it, as an identity that can be judged."""
    credential = _credential(user, successful=surroundings.successful, now=surroundings.now)
    return Identity(
        provider=AZURE,
        account=surroundings.tenant,
        name=user["userPrincipalName"],
        id=user["id"],
        credentials=with_restored([credential], surroundings.notes, f"the extension {EXTENSION}"),
        user_type=_user_type(user),
        privileged=surroundings.privileged,
        exemption=surroundings.exemption,
    )


def _credential(user: Mapping[str, Any], *, successful: bool, now: datetime) -> Credential:
    """`rotated` is when a guest was invited or accepted: an invitation is as old as that."""
    created, problem = read_optional(user, "createdDateTime")
    changed, other = read_optional(user, "externalUserStateChangeDateTime")
    activity = user.get(ACTIVITY) or {}
    evidence = _successful(activity, created, now) if successful else _newest(activity, created, now)
    return Credential(
        kind=SIGN_IN,
        id=SIGN_IN,
        # Graph always tells; should it not, the user counts as on and is judged by its evidence.
        status="off" if user.get("accountEnabled") is False else "on",
        created=created,
        evidence=evidence,
        rotated=changed,
        age_problem=problem or other,
    )


def _newest(activity: Mapping[str, str], created: datetime | None, now: datetime) -> tuple[Evidence, ...]:
    """One statement for each date that there is; the newest decides."""
    if not activity:
        return (_never(created, _ACTIVITY_KEPT_SINCE, ACTIVITY, now),)
    return tuple(read_use(text, name, now=now, observed_at=now) for name, text in activity.items())


def _successful(activity: Mapping[str, str], created: datetime | None, now: datetime) -> tuple[Evidence, ...]:
    """The strict reading: attempts do not count, unless they may have succeeded before that was kept."""
    if _SUCCESSFUL_DATE in activity or not activity:
        known = {name: text for name, text in activity.items() if name == _SUCCESSFUL_DATE}
        return _newest(known, created, now)
    attempts = _newest(activity, created, now)
    earlier = tuple(e for e in attempts if not isinstance(e, Used) or e.at < _SUCCESS_KEPT_SINCE)
    return (*earlier, _never(created, _SUCCESS_KEPT_SINCE, _SUCCESSFUL_DATE, now))


def _never(created: datetime | None, kept_since: datetime, source: str, now: datetime) -> NeverUsed:
    """Never, as far back as the data goes; without a date of creation nothing tells how long that is."""
    return NeverUsed(max(created, kept_since) if created else None, source, observed_at=now)


def _user_type(user: Mapping[str, Any]) -> UserType:
    kinds: dict[str | None, UserType] = {"Guest": "guest", "Member": "human"}
    return kinds.get(user.get("userType"), "unknown")
