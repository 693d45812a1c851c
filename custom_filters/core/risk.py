"""How grave it is that a credential is unused: a table of facts, each with its level and its sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from custom_filters.core.times import parse_time
from custom_filters.core.verdict import UNUSED

Level = Literal["high", "medium", "low"]
#: From the gravest to the lightest.
LEVELS: tuple[Level, ...] = ("high", "medium", "low")
_OLD_KEY = timedelta(days=365)
_LONG = 365


class Rule(NamedTuple):
    """One reason: how much it weighs, its sentence, and whether it holds for a finding and its verdict."""

    level: Level
    reason: str
    holds: Callable[[Mapping[str, Any], str], bool]


def _unused(finding: Mapping[str, Any], verdict: str) -> bool:
    return verdict in UNUSED


def _old_key(finding: Mapping[str, Any], verdict: str) -> bool:
    credential = finding["credential"]
    if not credential["kind"].endswith("key") or not credential["created"]:
        return False
    return parse_time(finding["as_of"]) - parse_time(credential["created"]) > _OLD_KEY


def _no_second_factor(finding: Mapping[str, Any], verdict: str) -> bool:
    return finding["credential"]["kind"] in ("password", "sign-in") and finding["mfa"] is False


#: In the order in which reasons are told.
RULES = (
    Rule("high", "privileged and unused", lambda f, v: v in UNUSED and f["privileged"] is True),
    Rule("high", "anyone may assume it", lambda f, v: f["anyone_may_assume"] is True),
    Rule("medium", "privileged, and nobody knows whether it is used",
         lambda f, v: v == "unknown" and f["privileged"] is True),
    Rule("medium", "a guest who does not come", lambda f, v: v in UNUSED and f["user_type"] == "guest"),
    Rule("medium", "no second factor", _no_second_factor),
    Rule("medium", "can tag itself, and so forge its own mark", lambda f, v: f["tags_itself"] is True),
    Rule("medium", "key older than 365 days", _old_key),
    Rule("medium", "unused for a year or longer",
         lambda f, v: v in UNUSED and (f["days_unused"] or 0) >= _LONG),
    Rule("low", "never used", lambda f, v: v == "never-used"),
    Rule("low", "unused", _unused),
    Rule("low", "nobody knows whether it is used", lambda f, v: v == "unknown"),
)  # fmt: skip


def risk(finding: Mapping[str, Any], verdict: str) -> dict[str, Any] | None:
    """`{level, reasons}` of what is unused or unknown; None where there is nothing to decide.

    `verdict` is the one that counts for a reviewer. The level is that of the gravest reason; the reasons that
    only repeat the verdict ("unused") stand alone.
    """
    if verdict not in UNUSED and verdict != "unknown":
        return None
    found = [rule for rule in RULES if rule.holds(finding, verdict)]
    reasons = [rule.reason for rule in found if rule.holds is not _unused] or ["unused"]
    return {"level": min((rule.level for rule in found), key=LEVELS.index), "reasons": reasons}


def gravity(finding: Mapping[str, Any]) -> tuple[int, int, str, str, str]:
    """Sort key of a reported finding: the highest risk first, then the longest unused, then by name."""
    level = finding["risk"]["level"] if finding["risk"] else None
    rank = LEVELS.index(level) if level else len(LEVELS)
    days = finding["days_unused"] if finding["risk"] else 0
    return rank, -(days or 0), finding["account"], finding["user"], finding["uid"]
