"""The identities that are judged and the credentials they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from custom_filters.core.evidence import Evidence
from custom_filters.core.exemption import Exemption

Status = Literal["on", "off"]
#: A mailbox is a shared one, a room or equipment: an account to which nobody signs in.
UserType = Literal["human", "guest", "service", "mailbox", "unknown"]


@dataclass(frozen=True)
class Credential:
    """One way to prove an identity.

    `kind` is the provider's (`access-key`, `sign-in`, ...), `id` its id within the user. Dates are aware UTC:
    `created` its own birth, `rotated` its last change.
    `evidence` holds one statement for each source that was asked and covers the kind (a source that failed
    says Unknown), and vetoes that may speak for it.
    """

    kind: str
    id: str
    status: Status
    created: datetime | None
    evidence: tuple[Evidence, ...]
    rotated: datetime | None = None
    #: The id under which a listing knows it, where that is another.
    listed_as: str | None = None
    #: Set where a reviewer decided to keep it for now.
    kept: Exemption | None = None
    #: Provider's own words on a date of `created` or `rotated` that could not be read.
    age_problem: str | None = None


@dataclass(frozen=True)
class Identity:
    """A user or service account with its credentials.

    `evidence` is what sources say that see the whole principal; they may only veto. `privileged` is None
    when it could not be read, as are `mfa` (a second factor), `tags_itself` (it may write its own tags),
    `anyone_may_assume` (a role that any account may use) and `licences` (how many are assigned) where nobody
    knows.
    """

    provider: str
    account: str
    name: str
    id: str
    credentials: tuple[Credential, ...]
    user_type: UserType = "unknown"
    privileged: bool | None = None
    mfa: bool | None = None
    tags_itself: bool | None = None
    anyone_may_assume: bool | None = None
    licences: int | None = None
    owner: str | None = None
    owner_source: str | None = None
    exemption: Exemption | None = None
    evidence: tuple[Evidence, ...] = ()
    #: When the identity itself was made.
    born: datetime | None = None
    #: Why the credentials could not be listed in full; the user is then unknown unless known to be active.
    incomplete: str | None = None
