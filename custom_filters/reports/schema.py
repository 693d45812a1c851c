"""The shape of report.json and report.jsonl as JSON Schema (2020-12)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

from custom_filters.core.decision import CHOICES, Review, State
from custom_filters.core.finding import SCHEMA, Phase
from custom_filters.core.risk import LEVELS
from custom_filters.core.verdict import Verdict
from custom_filters.core.vocabulary import PROVIDERS

CHANGES = ("new", "persisting", "resolved", "reactivated", "mark-lost")

_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_TIME = {"type": "string", "format": "date-time"}
_TIME_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_VERDICT = {"enum": list(get_args(Verdict))}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _or_null(properties: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [{"type": "null"}, _object(properties)]}


_BOOL_OR_NULL = {"type": ["boolean", "null"]}
_FINDING = _object(
    {
        "schema": {"const": SCHEMA},
        "provider": {"enum": list(PROVIDERS)},
        "account": _TEXT,
        "user": _TEXT,
        "user_id": _TEXT,
        "user_type": _TEXT,
        **dict.fromkeys(("privileged", "mfa", "tags_itself", "anyone_may_assume"), _BOOL_OR_NULL),
        "licences": {"type": ["integer", "null"], "minimum": 0},
        "owner": _TEXT_OR_NULL,
        "owner_source": _TEXT_OR_NULL,
        "credential": _object({"kind": _TEXT, "id": _TEXT, "status": _TEXT, "created": _TIME_OR_NULL}),
        "verdict": _VERDICT,
        "user_verdict": _VERDICT,
        "last_used": _TIME_OR_NULL,
        "days_unused": {"type": ["integer", "null"], "minimum": 0},
        "exceeds": _list(_COUNT),
        "basis": _TEXT,
        "evidence": _list(_object({"source": _TEXT, "observed_at": _TIME_OR_NULL, "value": _TEXT_OR_NULL})),
        "reason": _TEXT,
        "as_of": _TIME,
        "threshold_days": _COUNT,
        "phase": {"enum": list(get_args(Phase))},
        "next_action": _TEXT_OR_NULL,
        "next_action_at": _TIME_OR_NULL,
        "disabled_at": _TIME_OR_NULL,
        "exemption": _or_null({"reason": _TEXT, "approved_by": _TEXT_OR_NULL, "expires": _TIME_OR_NULL}),
        "policy": _TEXT,
        "controls": _list(_TEXT),
        "change": {"enum": [None, *CHANGES]},
        "first_seen": _TIME_OR_NULL,
        "uid": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "policies": _list(
            _object(
                {
                    "policy": _TEXT,
                    "verdict": _VERDICT,
                    "threshold_days": _COUNT,
                    "exceeds": _list(_COUNT),
                    "scope": _TEXT,
                }
            )
        ),
        "counts_as": _VERDICT,
        "risk": _or_null({"level": {"enum": list(LEVELS)}, "reasons": _list(_TEXT)}),
        "decision": _or_null(
            {
                "decision": {"enum": list(CHOICES)},
                "reason": _TEXT,
                "reviewer": _TEXT,
                "decided_at": _TIME,
                "until": _TIME_OR_NULL,
                "state": {"enum": list(get_args(State))},
            }
        ),
        "done": _or_null(
            {"operation": _TEXT, "result": _TEXT, "reason": _TEXT, "undo": _TEXT_OR_NULL, "at": _TIME}
        ),
    }
)

_EVALUATION = _object(
    {
        "provider": _TEXT,
        "account": _TEXT,
        "region": _TEXT,
        "policy": _TEXT,
        "folder": _TEXT,
        "evaluated": {"type": "boolean"},
        "problem": _TEXT_OR_NULL,
        "resources": _COUNT,
        "findings": _COUNT,
        "started": _TIME_OR_NULL,
        "judged": {"type": "boolean"},
        "asks_active": {"type": "boolean"},
        "execution": _TEXT,
        "examined": {"type": ["object", "null"], "additionalProperties": _COUNT},
        "filtered_out": {"type": ["integer", "null"], "minimum": 0},
        "description": _TEXT,
        "outcome": {"enum": ["unknown", "fail", "pass"]},
        "sentence": _TEXT,
    }
)
_SUMMARY = _object(
    {
        "totals": {"type": "object", "additionalProperties": _COUNT},
        "account_findings": _COUNT,
        "not_evaluated": _list(
            _object({"provider": _TEXT, "problem": _TEXT, "accounts": _list(_TEXT), "policies": _list(_TEXT)})
        ),
        "done": _list(_object({"what": _TEXT, "times": _COUNT, "why": _TEXT, "undo": _TEXT})),
        "review": _or_null(dict.fromkeys((f.name for f in fields(Review)), _COUNT)),
    }
)


def schema() -> dict[str, Any]:
    """JSON Schema of report.json; `$defs/finding` is that of a line in report.jsonl."""
    finding = {"$ref": "#/$defs/finding"}
    report = _object(
        {
            "schema": {"const": SCHEMA},
            "as_of": _TIME_OR_NULL,
            "evaluations": _list({"$ref": "#/$defs/evaluation"}),
            "findings": _list(finding),
            "resolved": _list(finding),
            "summary": _SUMMARY,
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "c7n-unused report",
        **report,
        "$defs": {"finding": _FINDING, "evaluation": _EVALUATION},
    }
