"""The inline policy of `quarantine: true`, and others' policies that deny a user everything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from custom_filters.core.times import format_time

QUARANTINE = "c7n-unused-quarantine"
_SID = "C7nUnusedQuarantine"
#: AWS attaches these to users whose key it found in public; V2, V3 and V4 follow the first.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html
COMPROMISED = "AWSCompromisedKeyQuarantine"


def quarantine_document(now: datetime) -> dict[str, Any]:
    """Deny everything, and everything to sessions that were opened before now, which outlive the policy."""
    older = {"DateLessThan": {"aws:TokenIssueTime": format_time(now.replace(microsecond=0))}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": _SID, "Effect": "Deny", "Action": "*", "Resource": "*"},
            {"Sid": "OlderSessions", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": older},
        ],
    }


def statements_of(document: Any) -> list[Mapping[str, Any]]:
    """The statements of a policy document, also where it is a text, quoted or not; [] for none."""
    if isinstance(document, str):
        document = json.loads(unquote(document))
    found = document.get("Statement", []) if isinstance(document, Mapping) else []
    return [found] if isinstance(found, Mapping) else list(found)


def is_ours(document: Any) -> bool:
    """Whether a document is our quarantine, by its own statement and not by the policy's name."""
    return any(one.get("Sid") == _SID and _denies_all(one) for one in statements_of(document))


def denies_everything(document: Any) -> bool:
    """Whether a document denies a user everything, without a condition."""
    return any(_denies_all(one) for one in statements_of(document))


def foreign_deny(documents: Mapping[str, Any], what: str) -> str | None:
    """Which inline policy (name -> document) of others denies a user or role everything, in a sentence."""
    found = (name for name, one in documents.items() if denies_everything(one) and not is_ours(one))
    return next(
        (f"the inline policy {n}, which is not ours, denies the {what} everything" for n in found), None
    )


def _denies_all(statement: Mapping[str, Any]) -> bool:
    wide = (statement.get("Action") in ("*", ["*"])) and statement.get("Resource") in ("*", ["*"])
    return statement.get("Effect") == "Deny" and wide and not statement.get("Condition")
