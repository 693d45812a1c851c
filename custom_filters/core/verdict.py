"""The words for a judgement, and which of them a user or a credential can have."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used", "disabled"]
Match = Literal["user", "credential"]

#: What a policy may ask for; `disabled` is a credential's verdict only and never selects.
SELECTABLE: tuple[Verdict, ...] = (
    "active", "new", "unknown", "exempt", "no-credentials", "stale", "never-used",
)  # fmt: skip
#: The only verdicts on which anything is ever switched off.
UNUSED: frozenset[Verdict] = frozenset({"stale", "never-used"})
#: Verdicts that belong to a user as a whole and never to one credential.
OF_USER: frozenset[Verdict] = frozenset({"exempt", "no-credentials"})

DEFAULT_DAYS = 90
DEFAULT_GRACE_DAYS = 14
