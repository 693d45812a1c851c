from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from custom_filters.core.evidence import Evidence, NeverUsed, Unknown, Used, evidence_as_dict, read_use

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
SEEN = datetime(2026, 6, 15, 8, tzinfo=timezone.utc)

READ = {
    "a date": ("2026-06-01T00:00:00Z", Used),
    "now": ("2026-06-15T12:00:00Z", Used),
    "an hour ahead": ("2026-06-15T13:00:00Z", Used),
    "more than an hour ahead": ("2026-06-15T13:00:01Z", Unknown),
    "next century": ("2126-06-15T12:00:00Z", Unknown),
    "no date": ("soon", Unknown),
    "no zone": ("2026-06-01T00:00:00", Unknown),
    "an aware datetime": (NOW - timedelta(days=1), Used),
    "a naive datetime": (datetime(2026, 6, 1), Unknown),  # noqa: DTZ001
    "a datetime ahead": (NOW + timedelta(hours=2), Unknown),
}


@pytest.mark.parametrize(("value", "kind"), READ.values(), ids=READ)
def test_a_date_of_last_use(value: str | datetime, kind: type[Evidence]) -> None:
    evidence = read_use(value, "last-used", now=NOW, observed_at=SEEN, covers=False)
    assert type(evidence) is kind
    assert (evidence.observed_at, evidence.source, evidence.covers) == (SEEN, "last-used", False)
    assert evidence.value == (value if isinstance(value, str) else value.isoformat())


@pytest.mark.parametrize(
    ("evidence", "value"),
    [
        (Used(NOW, "s", value="raw"), "raw"),
        (Used(NOW, "s"), "2026-06-15T12:00:00Z"),
        (NeverUsed(None, "s"), "never"),
        (NeverUsed(None, "s", value="N/A"), "N/A"),
        (Unknown("no licence", "s"), "no licence"),
    ],
)
def test_what_a_finding_shows(evidence: Evidence, value: str) -> None:
    assert evidence_as_dict(evidence) == {"source": "s", "observed_at": None, "value": value}


def test_when_the_data_was_made_is_shown() -> None:
    shown = evidence_as_dict(NeverUsed(None, "s", observed_at=SEEN))
    assert shown["observed_at"] == "2026-06-15T08:00:00Z"
