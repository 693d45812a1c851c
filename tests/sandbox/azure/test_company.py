from __future__ import annotations

from collections import Counter

from custom_filters.sandbox.azure.company import cases, company
from tests.sandbox.azure.conftest import NOW


def test_the_same_tenant_for_the_same_seed() -> None:
    assert company(200, 1, NOW) == company(200, 1, NOW)
    assert company(200, 1, NOW) != company(200, 2, NOW)


def test_named_cases_come_first_each_once_and_ids_are_unique() -> None:
    people = company(2500, 7, NOW).people
    named = cases(NOW)
    assert people[: len(named)] == named
    assert {
        count for case, count in Counter(person.case for person in people).items() if case != "crowd"
    } == {1}
    assert len({person.id for person in people}) == len({person.upn for person in people}) == 2500


def test_the_crowd_is_mostly_active() -> None:
    crowd = [person for person in company(2500, 7, NOW).people if person.case == "crowd"]
    quiet = [
        p
        for p in crowd
        if p.activity and p.activity.interactive and (NOW - p.activity.interactive).days >= 90
    ]
    assert 0.05 < len(quiet) / len(crowd) < 0.12
    assert all(person.created and person.created <= NOW for person in crowd)
