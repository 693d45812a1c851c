"""What is known of a user after the bulk calls: the listing's user joined with the report's row."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from custom_filters.aws.credential_report import CredentialReport
from custom_filters.aws.credentials import SSH_KEY
from custom_filters.aws.identities import Snapshot, with_advice
from custom_filters.aws.privilege import Privileges
from custom_filters.aws.users import Listing
from custom_filters.core.credential import Credential, Identity
from custom_filters.core.evidence import NeverUsed, Unknown, Used
from custom_filters.core.judge import Rules, judge_identity
from tests.aws.test_credentials import BORN, DAY, GENERATED, MADE, NOW, key, password, row

USER = {"UserName": "amelia", "UserId": "AIDA1", "Arn": "arn:aws:iam::1:user/amelia", "CreateDate": MADE}


def privileges(privileged: dict[str, bool | None]) -> Privileges:
    return Privileges(privileged, {}, {}, {})


def identity(values: dict[str, str] | None, **user: Any) -> Identity:
    rows = {} if values is None else {"amelia": row(user_creation_time=BORN, **values)}
    listing = Listing(({**USER, **user},), privileges({"amelia": False}))
    snapshot = Snapshot("123456789012", listing, CredentialReport(GENERATED, rows), NOW)
    return snapshot.identity({"UserName": "amelia"})


def verdict(who: Identity) -> str:
    return judge_identity(who, Rules(90), NOW).verdict


def test_a_user_in_full() -> None:
    who = identity({**password(DAY), **key("true", BORN, DAY)})
    assert (who.provider, who.account, who.name, who.id) == ("aws", "123456789012", "amelia", "AIDA1")
    assert (who.user_type, who.privileged, who.born, who.incomplete) == ("human", False, MADE, None)
    assert [c.kind for c in who.credentials] == ["password", "access-key"]


def test_list_users_may_know_of_a_later_use_than_the_report() -> None:
    """The report is up to four hours old."""
    old = identity(password("2026-01-05T00:00:00+00:00"))
    seen = identity(password("2026-01-05T00:00:00+00:00"), PasswordLastUsed=NOW - timedelta(hours=1))
    assert (verdict(old), verdict(seen)) == ("stale", "active")


def test_the_date_that_a_removed_login_profile_left_says_nothing_of_a_key() -> None:
    old_key = key("true", BORN, "2026-01-05T00:00:00+00:00")
    assert verdict(identity(old_key, PasswordLastUsed=GENERATED)) == "stale"


def test_a_sign_in_after_the_report_tells_of_a_password_that_it_does_not_know() -> None:
    old_key = key("true", BORN, "2026-01-05T00:00:00+00:00")
    assert verdict(identity(old_key, PasswordLastUsed=NOW)) == "active"
    assert verdict(identity(old_key, PasswordLastUsed=NOW + timedelta(days=2))) == "unknown"


HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
NOBODY, EARLIER = "does not know the user", "is about an earlier user of that name"
UNREADABLE = {**password(DAY), "user_creation_time": "x"}
MORE_KEYS = {**password("N/A"), "additional_credentials_info": "1 more access key"}
NOT_THEIRS: dict[str, tuple[dict[str, str] | None, datetime, str, str]] = {
    "no row, old": (None, MADE, "unknown", NOBODY),
    "no row, made an hour ago": (None, NOW - HOUR, "new", NOBODY),
    "the row of an earlier user": (password(DAY), NOW - WEEK, "new", EARLIER),
    "the row of an earlier user, old": (password(DAY), MADE + WEEK, "unknown", EARLIER),
    "a row that cuts the second": (password(DAY), MADE + timedelta(milliseconds=900), "active", ""),
    "a birth that cannot be read": (UNREADABLE, MADE, "unknown", "user_creation_time"),
    "more keys than slots": (MORE_KEYS, MADE, "unknown", "1 more access key"),
}


@pytest.mark.parametrize(("values", "born", "says", "why"), NOT_THEIRS.values(), ids=NOT_THEIRS)
def test_a_row_that_is_missing_or_not_theirs(
    values: dict[str, str] | None, born: datetime, says: str, why: str
) -> None:
    rows = {} if values is None else {"amelia": row(**{"user_creation_time": BORN, **values})}
    listing = Listing(({**USER, "CreateDate": born},), privileges({}))
    who = Snapshot("1", listing, CredentialReport(GENERATED, rows), NOW).identity({"UserName": "amelia"})
    assert verdict(who) == says
    assert why in (who.incomplete or "")


TYPES: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "a password": (password(DAY), {}, "human"),
    "had a password": (key("true", BORN, DAY), {"PasswordLastUsed": MADE}, "human"),
    "keys alone": (key("true", BORN, DAY), {}, "service"),
    "nothing": ({}, {}, "unknown"),
}


@pytest.mark.parametrize(("values", "user", "kind"), TYPES.values(), ids=TYPES)
def test_who_it_seems_to_be(values: dict[str, str], user: dict[str, Any], kind: str) -> None:
    assert identity(values, **user).user_type == kind


def test_a_user_whom_the_listing_missed_is_judged_by_its_resource() -> None:
    rows = {"amelia": row(user_creation_time=BORN, **password(DAY))}
    listing = Listing((), privileges({}))
    who = Snapshot("1", listing, CredentialReport(GENERATED, rows), NOW).identity(dict(USER))
    assert (who.name, who.privileged, verdict(who)) == ("amelia", None, "active")


def test_privilege_that_could_not_be_read_is_none() -> None:
    rows = {"amelia": row(user_creation_time=BORN)}
    listing = Listing((USER,), privileges({"amelia": None}))
    who = Snapshot("1", listing, CredentialReport(GENERATED, rows), NOW).identity(dict(USER))
    assert who.privileged is None


ADVISOR = "access-advisor"
ADVICE = {
    "seen lately": (Used(NOW, ADVISOR, covers=False), "active", "active"),
    "seen long ago": (Used(MADE, ADVISOR, covers=False), "unknown", "stale"),
    "nothing seen": (NeverUsed(MADE, ADVISOR, covers=False), "unknown", "never-used"),
    "failed": (Unknown("FAILED", ADVISOR, covers=False), "unknown", "unknown"),
}


@pytest.mark.parametrize(("advice", "plain", "assumed"), ADVICE.values(), ids=ADVICE)
def test_advice_on_a_kind_without_a_last_use(advice: Any, plain: str, assumed: str) -> None:
    ssh = Credential(SSH_KEY, "APKA1", "on", MADE, (), MADE)
    who = Identity("aws", "1", "amelia", "AIDA1", (ssh,))
    for assume, expected in ((False, plain), (True, assumed)):
        advised = with_advice(who, advice, assume_complete=assume, covered={SSH_KEY})
        assert verdict(advised) == expected


def test_advice_leaves_a_kind_with_a_last_use_alone() -> None:
    who = identity(password("2026-01-05T00:00:00+00:00"))
    advised = with_advice(who, Used(NOW, ADVISOR, covers=False), assume_complete=True, covered={SSH_KEY})
    assert advised.credentials == who.credentials
    assert verdict(advised) == "active"


def test_the_time_zone_of_a_creation_date_does_not_matter() -> None:
    elsewhere = MADE.astimezone(timezone(timedelta(hours=9)))
    assert identity(password(DAY), CreateDate=elsewhere).incomplete is None
