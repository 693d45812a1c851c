from __future__ import annotations

from datetime import datetime, timezone

from custom_filters.sandbox.gcp.company import company

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def test_the_same_seed_gives_the_same_company() -> None:
    assert company(300, 7, NOW, 60) == company(300, 7, NOW, 60)


def test_sizes_and_identities() -> None:
    whole = company(2500, 1, NOW)
    assert len(whole.people) == 2500
    assert len(whole.accounts) == 300
    assert {account.project for account in whole.accounts} == {project.id for project in whole.projects}
    for values in (
        [p.id for p in whole.people],
        [p.email for p in whole.people],
        [a.unique_id for a in whole.accounts],
        [a.email for a in whole.accounts],
        [k.id for k in whole.keys],
    ):
        assert len(set(values)) == len(values)


def test_nothing_happens_before_it_exists() -> None:
    whole = company(2500, 1, NOW)
    for person in whole.people:
        assert person.last_login is None or person.last_login >= person.created
    for account in whole.accounts:
        assert account.last_authenticated is None or account.last_authenticated >= account.created


def test_an_empty_customer_has_what_a_client_needs() -> None:
    bare = company(0, 1, NOW, 0)
    assert [person.case for person in bare.people] == ["own-subject"]
    assert [account.case for account in bare.accounts] == ["delegate"]
    assert bare.keys == (bare.delegate_key,)
