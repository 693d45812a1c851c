"""The shape of report.json and report.jsonl as JSON Schema (2020-12)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

from custom_filters.core.decision import CHOICES, Review, State
from custom_filters.core.finding import SCHEMA, Phase
from custom_filters.core.report import REPORTED_FIELDS
from custom_filters.core.risk import LEVELS
from custom_filters.core.verdict import Verdict
from custom_filters.core.vocabulary import PROVIDERS

CHANGES = ("new", "persisting", "resolved", "reactivated", "mark-lost")

_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
    "count": {"type": "integer", "minimum": 0},
    "bool": {"type": "boolean"},
    "verdict": {"enum": list(get_args(Verdict))},
    "uid": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "counts": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
}


def _type(name: str) -> dict[str, Any]:
    """`text` is a text, `text?` a text or null, `text*` a list of texts."""
    found = _TYPES[name.rstrip("?*")]
    if name.endswith("*"):
        return _list(found)
    return {**found, "type": [found["type"], "null"]} if name.endswith("?") else found


def _object(names: str = "", **properties: Any) -> dict[str, Any]:
    """An object of exactly these properties; `names` lists simple ones: `text: a b; time?: c`."""
    for part in filter(None, names.split(";")):
        kind, _, listed = part.strip().partition(": ")
        properties |= dict.fromkeys(listed.split(), _type(kind))
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _or_null(found: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [{"type": "null"}, found]}


_FINDING = _object(
    "text: account user user_id user_type basis reason policy; text?: owner owner_source next_action; "
    "text*: controls; time: as_of; time?: last_used next_action_at disabled_at first_seen; "
    "bool?: privileged mfa tags_itself anyone_may_assume; count: threshold_days; count*: exceeds; "
    "count?: licences days_unused; "
    "verdict: verdict user_verdict counts_as; uid: uid",
    schema={"const": SCHEMA},
    provider={"enum": list(PROVIDERS)},
    credential=_object("text: kind id status; time?: created"),
    evidence=_list(_object("text: source; time?: observed_at; text?: value")),
    phase={"enum": list(get_args(Phase))},
    exemption=_or_null(_object("text: reason; text?: approved_by; time?: expires")),
    change={"enum": [None, *CHANGES]},
    policies=_list(_object("text: policy scope; verdict: verdict; count: threshold_days; count*: exceeds")),
    risk=_or_null(_object("text*: reasons", level={"enum": list(LEVELS)})),
    decision=_or_null(
        _object(
            "text: reason reviewer; time: decided_at; time?: until",
            decision={"enum": list(CHOICES)},
            state={"enum": list(get_args(State))},
        )
    ),
    done=_or_null(_object("text: operation result reason; text?: undo; time: at")),
)
_FINDING["properties"] = {name: _FINDING["properties"][name] for name in REPORTED_FIELDS}
_EVALUATION = _object(
    "text: provider account region policy folder execution description sentence; text?: problem; "
    "bool: evaluated judged retires asks_active; count: resources findings; count?: filtered_out; "
    "time?: started; counts?: examined",
    outcome={"enum": ["unknown", "fail", "pass"]},
)
_SUMMARY = _object(
    "counts: totals; count: account_findings",
    not_evaluated=_list(_object("text: provider problem; text*: accounts policies")),
    done=_list(_object("text: what why undo; count: times")),
    exemptions=_list(_object("text: provider account user; count: matched; text*: names")),
    review=_or_null(_object(f"count: {' '.join(f.name for f in fields(Review))}")),
)


def schema() -> dict[str, Any]:
    """JSON Schema of report.json; `$defs/finding` is that of a line in report.jsonl."""
    finding, evaluation = {"$ref": "#/$defs/finding"}, {"$ref": "#/$defs/evaluation"}
    report = _object(
        "time?: as_of",
        schema={"const": SCHEMA},
        evaluations=_list(evaluation),
        findings=_list(finding),
        resolved=_list(finding),
        summary=_SUMMARY,
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "c7n-unused report",
        **report,
        "$defs": {"finding": _FINDING, "evaluation": _EVALUATION},
    }
