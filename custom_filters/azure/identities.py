"""Turns Graph's data about a user into an identity with one credential, the sign-in.

https://learn.microsoft.com/graph/api/resources/signinactivity:
lastSignInDateTime is the last interactive attempt, failed ones too; lastNonInteractiveSignInDateTime is by a
client on the user's behalf; lastSuccessfulSignInDateTime is either, kept since 1 December 2023. Any may be
missing, and all are up to a day late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from custom_filters.azure.errors import GraphError
from custom_filters.azure.mailboxes import MAILBOXES
from custom_filters.azure.permissions import MAILBOX
from custom_filters.azure.users import ACTIVITY, LICENSES
from custom_filters.core.credential import Credential, Identity, UserType
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, Used, read_use
from custom_filters.core.exemption import Exemption
from custom_filters.core.times import read_optional
from custom_filters.core.vocabulary import AZURE

SIGN_IN = "sign-in"
SUCCESSFUL = "successful"
KINDS = (SIGN_IN,)
#: What became of asking for the purpose of a mailbox, besides Graph's word for it and its error.
NOT_ASKED, NOT_GRANTED = "not asked", "not granted"
_SUCCESSFUL_DATE = "lastSuccessfulSignInDateTime"
#: Nobody who last signed in before this has any activity.
_ACTIVITY_KEPT_SINCE = datetime(2020, 4, 1, tzinfo=timezone.utc)
_SUCCESS_KEPT_SINCE = datetime(2023, 12, 1, tzinfo=timezone.utc)
_NO_CLOUD_SIGN_IN = (
    "no cloud sign-in lately; the user is synced, and sign-ins on-premises cannot be seen in Entra"
)


@dataclass(frozen=True)
class Surroundings:
    """What is known besides the user itself.

    `privileged` is None when roles could not be read. `unsure` says why missing activity is not "never", and
    `omitted` names the dates of activity that an earlier read had and this one leaves out. `purpose` is what
    the user's mailbox is for, as Graph says, None for no mailbox, or one of the words above.
    """

    tenant: str
    privileged: bool | None
    exemption: Exemption | None
    successful: bool
    now: datetime
    unsure: str | None = None
    omitted: frozenset[str] = frozenset()
    purpose: str | GraphError | None = NOT_ASKED


def transform_identity(user: Mapping[str, Any], surroundings: Surroundings) -> Identity:
    """A user as Graph gives it, as an identity that can be judged."""
    return Identity(
        provider=AZURE,
        account=surroundings.tenant,
        name=user["userPrincipalName"],
        id=user["id"],
        credentials=(_credential(user, surroundings),),
        tags_itself=False,  # users cannot write directory extensions on themselves
        user_type=_user_type(user, surroundings.purpose),
        privileged=surroundings.privileged,
        exemption=surroundings.exemption,
        licences=len(user.get(LICENSES, ())),
    )


def status_of(user: Mapping[str, Any], evidence: tuple[Evidence, ...] = ()) -> Credential:
    """The sign-in with its status and age.

    `rotated` is when a guest was invited or accepted, or a new employee begins: it is as old as that.
    """
    created, problem = read_optional(user, "createdDateTime")
    changed, other = read_optional(user, "externalUserStateChangeDateTime")
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


def unreadable(identity: Identity, reason: str) -> Identity:
    """The identity with unknown use, because a fresh read of it was refused."""
    credentials = (replace(c, evidence=(Unknown(reason, ACTIVITY),)) for c in identity.credentials)
    return replace(identity, credentials=tuple(credentials))


def _credential(user: Mapping[str, Any], around: Surroundings) -> Credential:
    activity = user.get(ACTIVITY) or {}
    made = status_of(user)
    read = _successful if around.successful else _newest
    evidence = read(activity, made.created, around.now)
    if not activity and around.unsure:
        evidence = (Unknown(around.unsure, ACTIVITY, observed_at=around.now),)
    wanted = {_SUCCESSFUL_DATE} if around.successful else around.omitted
    omitted = (
        Unknown("an earlier read had this date, and this one leaves it out", name)
        for name in sorted(around.omitted & wanted)
    )
    hired, problem = read_optional(user, "employeeHireDate")
    begins = [d for d in (made.rotated, hired and min(hired, around.now)) if d]
    return replace(
        made,
        evidence=(*_with_purpose(evidence, around.purpose), *omitted, *_beyond(user, around.purpose)),
        rotated=max(begins, default=None),
        age_problem=made.age_problem or problem,
    )


def _with_purpose(evidence: tuple[Evidence, ...], purpose: str | GraphError | None) -> tuple[Evidence, ...]:
    """Notes on accounts without any sign-in that they may be mailboxes, where that could not be asked."""
    if purpose != NOT_GRANTED:
        return evidence
    value = f"never; may be a shared mailbox ({MAILBOX} is not granted)"
    return tuple(replace(e, value=value) if isinstance(e, NeverUsed) else e for e in evidence)


def _beyond(user: Mapping[str, Any], purpose: str | GraphError | None) -> Iterator[Evidence]:
    """Other uses of the account that leave no sign-in."""
    if user.get("onPremisesSyncEnabled"):
        yield Unknown(_NO_CLOUD_SIGN_IN, "on-premises")
    if isinstance(purpose, GraphError):
        yield Unknown(f"whether it is a shared mailbox could not be read: {purpose}", "mailbox")
    elif purpose and purpose in MAILBOXES:
        yield Unknown(f"{MAILBOXES[purpose]}: people open it with their own sign-in", "mailbox")


def _newest(activity: Mapping[str, str], created: datetime | None, now: datetime) -> tuple[Evidence, ...]:
    """One statement for each date present; the newest decides."""
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
    """Never, as far back as the data goes; without a creation date nothing says how far that is."""
    return NeverUsed(max(created, kept_since) if created else None, source, observed_at=now)


def _user_type(user: Mapping[str, Any], purpose: str | GraphError | None) -> UserType:
    if purpose in MAILBOXES:
        return "mailbox"
    kinds: dict[str | None, UserType] = {"Guest": "guest", "Member": "human"}
    return kinds.get(user.get("userType"), "unknown")
