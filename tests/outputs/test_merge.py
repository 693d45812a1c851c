from __future__ import annotations

import pytest

from tests.reports.samples import MARKED, credential, findings, user, value

STALE = credential(60)
CASES = {
    "the lower threshold found it": ([(STALE, 45), (STALE, 90)], "stale", 45),
    "another source saw a use": ([(credential(), 90), (credential(5), 90)], "active", 90),
    "an older use does not refute": ([(credential(200), 90), (credential(100), 90)], "stale", 90),
    "unused before unknown": ([(credential("the call failed"), 90), (credential(200), 90)], "stale", 90),
    "unknown before active": ([(credential(5), 90), (credential("the call failed"), 90)], "unknown", 90),
}


@pytest.mark.parametrize(("judged", "verdict", "days"), CASES.values(), ids=CASES)
def test_one_row_for_a_credential(judged: list, verdict: str, days: int) -> None:
    values = [value(user("bob", c), days=d, policy=f"p{n}") for n, (c, d) in enumerate(judged)]
    (row,) = findings(*values)
    assert (row["verdict"], row["threshold_days"]) == (verdict, days)
    assert {p["policy"] for p in row["policies"]} == {"p0", "p1"}
    assert row["policies"][0]["policy"] == row["policy"]


def test_the_one_that_is_marked_is_shown() -> None:
    bob = user("bob", STALE)
    rows = findings(value(bob, days=45, policy="a"), value(bob, MARKED, days=45, policy="b"))
    assert [row["phase"] for row in rows] == ["marked"]


def test_credentials_are_not_mixed() -> None:
    bob = user("bob", credential(200), credential(300, id="AKIAEXAMPLE2"))
    assert [row["credential"]["id"] for row in findings(value(bob))] == ["AKIAEXAMPLE1", "AKIAEXAMPLE2"]
