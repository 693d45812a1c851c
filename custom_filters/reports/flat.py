"""Findings as flat rows of typed columns, for tables that know no nested values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from custom_filters.core.report import Finding

Type = Literal["text", "integer", "boolean", "time"]


class Column(NamedTuple):
    """A column: its name, the type of its values (or None), and how to get one from a finding."""

    name: str
    type: Type
    get: Callable[[Finding], Any]


def _field(name: str, type: Type = "text") -> Column:
    return Column(name, type, lambda finding: finding[name])


def _credential(name: str, type: Type = "text") -> Column:
    return Column(f"credential_{name}", type, lambda finding: finding["credential"][name])


def _of(name: str, key: str, type: Type = "text") -> Column:
    """A key of a field that is an object or null."""
    return Column(f"{name}_{key}", type, lambda finding: finding[name] and finding[name][key])


def evidence_text(finding: Finding) -> str:
    """What each source said, on one line."""
    return "; ".join(f"{e['source']}: {e['value']}" for e in finding["evidence"])


def _risk_text(finding: Finding) -> str | None:
    return finding["risk"] and "; ".join(finding["risk"]["reasons"])


COLUMNS = (
    _of("risk", "level"), _field("counts_as"), _field("provider"), _field("account"), _field("user"),
    _field("user_id"), _field("user_type"), _field("privileged", "boolean"), _field("mfa", "boolean"),
    _field("tags_itself", "boolean"), _field("anyone_may_assume", "boolean"), _field("licences", "integer"),
    _field("owner"), _field("owner_source"),
    _credential("kind"), _credential("id"), _credential("status"), _credential("created", "time"),
    _field("verdict"), _field("user_verdict"), _field("last_used", "time"), _field("days_unused", "integer"),
    Column("exceeds", "text", lambda f: " ".join(map(str, f["exceeds"]))),
    _field("basis"), Column("evidence", "text", evidence_text), _field("reason"),
    Column("risk_reasons", "text", _risk_text), _field("as_of", "time"),
    _field("threshold_days", "integer"), _field("phase"), _field("next_action"),
    _field("next_action_at", "time"), _field("disabled_at", "time"), _of("exemption", "reason"),
    _of("exemption", "approved_by"), _of("exemption", "expires", "time"),
    _of("decision", "decision"), _of("decision", "state"),
    _of("decision", "reviewer"), _of("decision", "until", "time"), _of("done", "operation"),
    _of("done", "result"), _of("done", "reason"), _of("done", "undo"), _field("policy"),
    Column("policies", "text", lambda f: " ".join(p["policy"] for p in f["policies"])),
    Column("controls", "text", lambda f: "; ".join(f["controls"])), _field("change"),
    _field("first_seen", "time"), _field("uid"), _field("schema", "integer"),
)  # fmt: skip
