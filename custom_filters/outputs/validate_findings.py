"""Checks findings: output may be truncated, from another version, or not ours at all."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NoReturn, get_args

from custom_filters.core.finding import SCHEMA, Phase, findings_of, stable_uid
from custom_filters.core.report import Finding
from custom_filters.core.times import parse_time
from custom_filters.core.verdict import Verdict
from custom_filters.core.vocabulary import PROVIDERS

_TEXT, _TEXT_OR_NONE, _BOOL_OR_NONE = (str,), (str, type(None)), (bool, type(None))
#: Types of the fields that have no rule of their own; a bool is not an int here.
_TYPES: dict[str, tuple[type, ...]] = {
    "account": _TEXT, "user": _TEXT, "user_id": _TEXT, "user_type": _TEXT, "basis": _TEXT, "reason": _TEXT,
    "policy": _TEXT, "uid": _TEXT, "owner": _TEXT_OR_NONE, "owner_source": _TEXT_OR_NONE,
    "next_action": _TEXT_OR_NONE, "change": _TEXT_OR_NONE, "privileged": _BOOL_OR_NONE, "mfa": _BOOL_OR_NONE,
    "tags_itself": _BOOL_OR_NONE, "anyone_may_assume": _BOOL_OR_NONE, "licences": (int, type(None)),
    "days_unused": (int, type(None)), "threshold_days": (int,), "controls": (list,), "evidence": (list,),
    "exceeds": (list,), "exemption": (dict, type(None)), "credential": (dict,),
}  # fmt: skip
_VALUES: dict[str, frozenset[str]] = {
    "provider": frozenset(PROVIDERS),
    "verdict": frozenset(get_args(Verdict)),
    "user_verdict": frozenset(get_args(Verdict)),
    "phase": frozenset(get_args(Phase)),
}
_TIMES = ("last_used", "next_action_at", "disabled_at", "first_seen")
_PARTS: dict[str, dict[str, tuple[type, ...]]] = {
    "credential": {"kind": _TEXT, "id": _TEXT, "status": _TEXT, "created": _TEXT_OR_NONE},
    "evidence": {"source": _TEXT, "observed_at": _TEXT_OR_NONE, "value": _TEXT_OR_NONE},
    "exemption": {"reason": _TEXT, "approved_by": _TEXT_OR_NONE, "expires": _TEXT_OR_NONE},
}
_MOST_DAYS = 100_000
#: A longer text (in characters) is not a date.
_LONGEST_TIME = 64
#: No cloud is older; and dates before this are more than a report can count back from.
_EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: The same few dates come again and again.
_parse_time = lru_cache(maxsize=10_000)(parse_time)
#: Kind of the row for a user whose credentials could not be listed, or who has none.
UNLISTED = "not-listed"


def checked_findings(value: object) -> list[Finding]:
    """The findings of a `c7n:unused` annotation that was read from a file.

    A user without any listed credential gets one row of kind `not-listed` with the user's own verdict and
    reason, so that nobody who was selected goes missing. Raises ValueError with a clause that says what is
    wrong with the annotation.
    """
    if not isinstance(value, Mapping):
        raise ValueError("its c7n:unused annotation is not an object")
    _check_schema(value.get("schema"))
    try:
        rows = value["credentials"]
        if not isinstance(rows, list):
            raise TypeError
        findings = findings_of(value if rows else _with_user_row(value))
    except KeyError as error:
        raise ValueError(f"its c7n:unused annotation lacks {error.args[0]!r}") from error
    except TypeError as error:
        raise ValueError(
            "its c7n:unused annotation has credentials that are not a list of objects"
        ) from error
    return [_checked(finding) for finding in findings]


def _check_schema(schema: object) -> None:
    if type(schema) is not int or schema != SCHEMA:
        newer = "; it is newer: upgrade c7n-unused" if type(schema) is int and schema > SCHEMA else ""
        raise ValueError(f"its c7n:unused annotation has schema {reprlib.repr(schema)}, not {SCHEMA}{newer}")


def _with_user_row(value: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "credential": {"kind": UNLISTED, "id": "", "status": "unknown", "created": None},
        "verdict": value["user_verdict"],
        "last_used": None,
        "days_unused": None,
        "exceeds": [],
        "basis": "none",
        "evidence": [],
        "reason": value["user_reason"],
        **{name: value[name] for name in ("phase", "next_action", "next_action_at", "disabled_at")},
        "change": None,
        "first_seen": None,
        "uid": _uid(value["provider"], value["account"], value["user_id"], UNLISTED, ""),
    }
    return {**value, "credentials": [row]}


def _uid(*parts: object) -> str:
    """The uid that core computes for a finding."""
    if not all(isinstance(part, str) for part in parts):
        return ""
    return stable_uid(parts)


def _checked(finding: Finding) -> Finding:
    """The finding with only the fields that were checked."""
    for name, values in _VALUES.items():
        if not isinstance(finding[name], str) or finding[name] not in values:
            _refuse(name, finding[name], f", not one of {', '.join(sorted(values))}")
    for name in _wrong(finding):
        _refuse(name, finding[name])
    for name in _TIMES:
        _check_time(name, finding[name])
    _check_time("as_of", finding["as_of"] or "")
    credential = _parts("credential", finding["credential"])
    # A finding may speak of its own credential only: reports merge, and remember, by uid.
    whose = (finding[name] for name in ("provider", "account", "user_id"))
    if finding["uid"] != _uid(*whose, credential["kind"], credential["id"]):
        _refuse("uid", finding["uid"], ", not that of its credential")
    return {
        **finding,
        "credential": credential,
        "evidence": [_parts("evidence", item) for item in finding["evidence"]],
        "exemption": finding["exemption"] and _parts("exemption", finding["exemption"]),
    }


def _wrong(finding: Finding) -> Iterator[str]:
    """The fields with a wrong type or out of range, types first."""
    yield from (name for name, types in _TYPES.items() if type(finding[name]) not in types)
    days = ("days_unused", "threshold_days")
    yield from (name for name in days if not 0 <= (finding[name] or 0) <= _MOST_DAYS)
    if not all(isinstance(control, str) for control in finding["controls"]):
        yield "controls"
    if not all(type(day) is int and 0 <= day <= _MOST_DAYS for day in finding["exceeds"]):
        yield "exceeds"


def _refuse(name: str, value: object, why: str = "") -> NoReturn:
    raise ValueError(f"its {name} is {reprlib.repr(value)}{why}")


def _check_time(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        _refuse(name, value)
    if _parse_time(value[:_LONGEST_TIME]) < _EARLIEST:
        _refuse(name, value, ", before any cloud")


def _parts(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(name, value)
    for key, types in _PARTS[name].items():
        if key not in value or type(value[key]) not in types:
            raise ValueError(f"its {name} has {key} {reprlib.repr(value.get(key))}")
    for key in ("created", "observed_at", "expires"):
        _check_time(f"{name} {key}", value.get(key))
    return {key: value[key] for key in _PARTS[name]}
