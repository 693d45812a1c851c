from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from custom_filters.core.credential import Credential, Identity, Status
from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, Used
from custom_filters.core.finding import Context, LifecycleState, annotation
from custom_filters.core.judge import Rules, judge_identity
from custom_filters.runner.explain import RULES, explain_lines

NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)
RULES_OF_90_DAYS = Rules(90)


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


CASES: dict[str, tuple[Status, Evidence, list[str]]] = {
    "off": ("off", Used(ago(9), "s"), [RULES[0], "counts again when it is switched on"]),
    "active": (
        "on",
        Used(ago(80), "s"),
        ["less than 90 days ago", "becomes stale at 2026-05-11"],
    ),
    "unknown": ("on", Unknown("the report is late", "s"), [RULES[2], "s: the report is late", "can tell"]),
    "stale": ("on", Used(ago(90), "s"), ["is 90 days or more ago", "becomes active when it is used"]),
    "never": ("on", NeverUsed(None, "s"), [RULES[4], "s: never", "becomes active when it is used"]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_rule_is_put_in_words(name: str) -> None:
    status, evidence, words = CASES[name]
    key = Credential("access-key", "AKIA1", status, ago(500), (evidence,))
    judged = judge_identity(Identity("aws", "1", "ann", "AIDA1", (key,)), RULES_OF_90_DAYS, NOW)
    value = annotation(judged, judged.credentials, LifecycleState(), Context("p", (), RULES_OF_90_DAYS, NOW))
    text = "\n".join(explain_lines(value))
    assert text.startswith("aws 1: ann (AIDA1, unknown)\n  policy p, 90 days, as of 2026-05-01T00:00:00Z")
    assert [word for word in words if word not in text] == []
