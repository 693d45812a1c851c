"""The shape of report.json and report.jsonl as JSON Schema (2020-12)."""

from __future__ import annotations

from typing import Any, get_args

from custom_filters.core.finding import SCHEMA, Phase
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


_FINDING = _object(
    {
        "schema": {"const": SCHEMA},
        "provider": {"enum": list(PROVIDERS)},
        "account": _TEXT,
        "user": _TEXT,
        "user_id": _TEXT,
        "user_type": _TEXT,
        "privileged": {"type": ["boolean", "null"]},
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
        "exemption": {
            "oneOf": [
                {"type": "null"},
                _object({"reason": _TEXT, "approved_by": _TEXT_OR_NULL, "expires": _TIME_OR_NULL}),
            ]
        },
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
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "c7n-unused report",
        **report,
        "$defs": {"finding": _FINDING, "evaluation": _EVALUATION},
    }
