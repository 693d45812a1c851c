from __future__ import annotations

from datetime import timedelta

import pytest

from custom_filters.sandbox.aws.company import Company, company, company_account
from custom_filters.sandbox.aws.people import Person


def idle(person: Person) -> bool:
    """Has something that is on, and nothing used, made or changed in the last 90 days."""
    passwords = [person.password] if person.password else []
    keys = [key for key in person.keys if key.active]
    used = [one.used for one in [*passwords, *keys]]
    return bool(used) and all(use is None or use >= timedelta(days=90) for use in used)


@pytest.fixture(scope="module")
def staff() -> Company:
    return company(1000, 7)


def test_a_company_is_the_same_for_the_same_seed(staff: Company) -> None:
    assert company(1000, 7) == staff
    assert company(1000, 8) != staff
    assert company_account(7) == company_account(7) != company_account(8)


def test_names_are_unique_and_dates_in_order(staff: Company) -> None:
    assert len({person.name.lower() for person in staff.people}) == 1000
    for person in staff.people:
        for key in person.keys:
            assert key.used is None or key.created is None or key.used < key.created


def test_about_one_in_eight_is_unused(staff: Company) -> None:
    old = [person for person in staff.people if person.created >= timedelta(days=90) and idle(person)]
    exempt = [person for person in old if "c7n-unused-exempt" in person.tags]
    assert exempt
    assert 0.10 <= (len(old) - len(exempt)) / 1000 <= 0.14
