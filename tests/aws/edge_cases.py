"""Named edge cases: an IAM user, and the verdicts that it gets.

The name is the user's. `user` and `credentials` are the verdicts at 90 days with 14 days of grace, `cis` the
credentials that the 45-day policy without grace selects, `shipped` the user's verdict under report.yml where
it differs: that policy knows no exemptions file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from custom_filters.sandbox.aws.people import (
    BEDROCK,
    KEYSPACES,
    Certificate,
    Key,
    Password,
    Person,
    ServiceCredential,
    SshKey,
)

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Case:
    """`credentials` and `cis` name kinds, but for what the credential report numbers."""

    user: str
    credentials: str
    cis: str
    shipped: str
    person: dict[str, Any]


def case(user: str, credentials: str = "", cis: str = "", shipped: str | None = None, **person: Any) -> Case:
    return Case(user, credentials, cis, shipped or user, person)


def person(name: str, values: dict[str, Any]) -> Person:
    return Person(name, **{"created": ago(400), **values})


def ago(days: float, seconds: float = 0) -> datetime:
    return NOW - timedelta(days=days, seconds=seconds)


def password(used: float | None, **dates: datetime) -> Password:
    return Password(used=None if used is None else ago(used), **dates)


def key(used: float | None, created: float = 300, **more: Any) -> Key:
    return Key(created=ago(created), used=None if used is None else ago(used), **more)


OFF = {"active": False}
P, K1, K2 = "password", "access_key_1", "access_key_2"
SSH, SERVICE, CERT = "ssh-key", "service-specific-credential", "cert_1"

CASES: dict[str, Case] = {
    # Passwords.
    "password-used-yesterday": case("active", "password=active", password=password(1)),
    "password-used-exactly-90-days-ago": case("stale", "password=stale", P, password=password(90)),
    "password-used-a-second-less-than-90-days-ago": case(
        "active", "password=active", P, password=Password(used=ago(90, -1))
    ),
    "password-used-exactly-45-days-ago": case("active", "password=active", P, password=password(45)),
    "password-used-a-second-less-than-45-days-ago": case(
        "active", "password=active", password=Password(used=ago(45, -1))
    ),
    "password-used-years-ago": case("stale", "password=stale", P, created=ago(2000), password=password(1500)),
    "password-never-used": case("never-used", "password=never-used", P, password=password(None)),
    "password-never-used-exactly-90-days-old": case(
        "never-used", "password=never-used", P, created=ago(90), password=password(None)
    ),
    "password-never-used-a-second-less-than-90-days-old": case(
        "new", "password=new", P, created=ago(90, -1), password=password(None)
    ),
    "password-never-used-44-days-old": case("new", "password=new", created=ago(44), password=password(None)),
    "password-never-used-but-set-60-days-ago": case(
        "new", "password=new", P, password=password(None, created=ago(60))
    ),
    "password-never-used-but-changed-yesterday": case(
        "new", "password=new", password=password(None, changed=ago(1))
    ),
    "password-old-use-changed-5-days-ago": case(
        "new", "password=new", P, password=password(100, changed=ago(5))
    ),
    "password-old-use-changed-exactly-14-days-ago": case(
        "stale", "password=stale", P, password=password(100, changed=ago(14))
    ),
    "password-old-use-changed-a-second-less-than-14-days-ago": case(
        "new", "password=new", P, password=password(100, changed=ago(14, -1))
    ),
    "password-used-half-an-hour-ahead": case(
        "active", "password=active", password=Password(used=NOW + timedelta(minutes=30))
    ),
    "password-used-in-the-future": case("unknown", "password=unknown", password=password(-2)),
    "password-changed-in-the-future": case(
        "unknown", "password=unknown", password=password(None, changed=ago(-2))
    ),
    "password-changed-in-the-future-but-in-use": case(
        "active", "password=active", password=password(1, changed=ago(-2))
    ),
    "login-profile-removed-date-left": case("no-credentials", password_used=ago(3)),
    "login-profile-removed-long-ago-key-stale": case(
        "stale", f"{K1}=stale", K1, password_used=ago(1), keys=(key(200),)
    ),
    "nothing-at-all": case("no-credentials"),
    # One access key.
    "key-used-yesterday": case("active", f"{K1}=active", keys=(key(1),)),
    "key-used-exactly-90-days-ago": case("stale", f"{K1}=stale", K1, keys=(key(90),)),
    "key-used-a-second-less-than-90-days-ago": case(
        "active", f"{K1}=active", K1, keys=(Key(created=ago(300), used=ago(90, -1)),)
    ),
    "key-never-used": case("never-used", f"{K1}=never-used", K1, keys=(key(None),)),
    "key-never-used-10-days-old": case("new", f"{K1}=new", keys=(key(None, 10),)),
    "key-never-used-60-days-old": case("new", f"{K1}=new", K1, keys=(key(None, 60),)),
    "key-old-use-rotated-lately": case("new", f"{K1}=new", K1, keys=(key(100, rotated=ago(5)),)),
    "key-used-in-the-future": case("unknown", f"{K1}=unknown", keys=(key(-1),)),
    "key-created-in-the-future": case("unknown", f"{K1}=unknown", keys=(key(None, -1),)),
    "key-inactive-used-yesterday": case("no-credentials", f"{K1}=disabled", keys=(key(1, **OFF),)),
    "key-inactive-never-used": case("no-credentials", f"{K1}=disabled", keys=(key(None, **OFF),)),
    # Two access keys, in every mix.
    "keys-active-active": case("active", f"{K1}=active {K2}=active", keys=(key(1), key(2))),
    "keys-active-stale": case("active", f"{K1}=active {K2}=stale", K2, keys=(key(1), key(200))),
    "keys-stale-active": case("active", f"{K1}=stale {K2}=active", K1, keys=(key(200), key(1))),
    "keys-active-never": case("active", f"{K1}=active {K2}=never-used", K2, keys=(key(1), key(None))),
    "keys-never-active": case("active", f"{K1}=never-used {K2}=active", K1, keys=(key(None), key(1))),
    "keys-active-off": case("active", f"{K1}=active {K2}=disabled", keys=(key(1), key(200, **OFF))),
    "keys-off-active": case("active", f"{K1}=disabled {K2}=active", keys=(key(1, **OFF), key(1))),
    "keys-stale-stale": case("stale", f"{K1}=stale {K2}=stale", f"{K1} {K2}", keys=(key(200), key(100))),
    "keys-stale-never": case(
        "stale", f"{K1}=stale {K2}=never-used", f"{K1} {K2}", keys=(key(200), key(None))
    ),
    "keys-never-stale": case(
        "stale", f"{K1}=never-used {K2}=stale", f"{K1} {K2}", keys=(key(None), key(200))
    ),
    "keys-never-never": case(
        "never-used", f"{K1}=never-used {K2}=never-used", f"{K1} {K2}", keys=(key(None),) * 2
    ),
    "keys-stale-new": case("new", f"{K1}=stale {K2}=new", K1, keys=(key(200), key(None, 3))),
    "keys-new-never": case("new", f"{K1}=new {K2}=never-used", K2, keys=(key(None, 3), key(None))),
    "keys-stale-off": case("stale", f"{K1}=stale {K2}=disabled", K1, keys=(key(200), key(1, **OFF))),
    "keys-off-never": case(
        "never-used", f"{K1}=disabled {K2}=never-used", K2, keys=(key(1, **OFF), key(None))
    ),
    "keys-off-off": case(
        "no-credentials", f"{K1}=disabled {K2}=disabled", keys=(key(1, **OFF), key(2, **OFF))
    ),
    # A password and a key.
    "password-stale-key-active": case(
        "active", f"password=stale {K1}=active", P, password=password(200), keys=(key(1),)
    ),
    "password-active-key-never": case(
        "active", f"password=active {K1}=never-used", K1, password=password(1), keys=(key(None),)
    ),
    "password-never-key-stale": case(
        "stale", f"password=never-used {K1}=stale", f"{P} {K1}", password=password(None), keys=(key(200),)
    ),
    "password-never-key-off": case(
        "never-used", f"password=never-used {K1}=disabled", P, password=password(None), keys=(key(1, **OFF),)
    ),
    "password-stale-key-new": case(
        "new", f"password=stale {K1}=new", P, password=password(200), keys=(key(None, 3),)
    ),
    "password-unclear-key-stale": case(
        "unknown", f"password=unknown {K1}=stale", K1, password=password(-2), keys=(key(200),)
    ),
    # What has no last use of its own.
    "ssh-key-only": case("unknown", "ssh-key=unknown", ssh_keys=(SshKey(ago(300)),)),
    "ssh-key-only-new": case("unknown", "ssh-key=unknown", ssh_keys=(SshKey(ago(3)),)),
    "ssh-key-only-off": case("no-credentials", "ssh-key=disabled", ssh_keys=(SshKey(ago(300), **OFF),)),
    "two-ssh-keys-one-off": case(
        "unknown", "ssh-key=disabled ssh-key=unknown", ssh_keys=(SshKey(ago(9)), SshKey(ago(9), **OFF))
    ),
    "codecommit-only": case(
        "unknown", f"{SERVICE}=unknown", service_credentials=(ServiceCredential(created=ago(300)),)
    ),
    "keyspaces-only": case(
        "unknown", f"{SERVICE}=unknown", service_credentials=(ServiceCredential(KEYSPACES),)
    ),
    "bedrock-only": case("unknown", f"{SERVICE}=unknown", service_credentials=(ServiceCredential(BEDROCK),)),
    "bedrock-only-off": case(
        "no-credentials", f"{SERVICE}=disabled", service_credentials=(ServiceCredential(BEDROCK, **OFF),)
    ),
    "bedrock-that-expired": case(
        "no-credentials",
        f"{SERVICE}=disabled",
        service_credentials=(ServiceCredential(BEDROCK, created=ago(300), expires=ago(1)),),
    ),
    "bedrock-that-will-expire": case(
        "unknown",
        f"{SERVICE}=unknown",
        service_credentials=(ServiceCredential(BEDROCK, created=ago(300), expires=ago(-1)),),
    ),
    "certificate-only": case("unknown", f"{CERT}=unknown", certificates=(Certificate(ago(300)),)),
    "certificate-only-off": case(
        "no-credentials", f"{CERT}=disabled", certificates=(Certificate(ago(300), **OFF),)
    ),
    "password-stale-and-ssh-key": case(
        "unknown", "password=stale ssh-key=unknown", P, password=password(200), ssh_keys=(SshKey(),)
    ),
    "password-stale-and-ssh-key-off": case(
        "stale", "password=stale ssh-key=disabled", P, password=password(200), ssh_keys=(SshKey(**OFF),)
    ),
    "password-never-and-codecommit": case(
        "unknown",
        f"password=never-used {SERVICE}=unknown",
        P,
        password=password(None),
        service_credentials=(ServiceCredential(),),
    ),
    "password-active-and-ssh-key": case(
        "active", "password=active ssh-key=unknown", password=password(1), ssh_keys=(SshKey(),)
    ),
    "password-new-and-ssh-key": case(
        "new",
        "password=new ssh-key=unknown",
        created=ago(3),
        password=password(None),
        ssh_keys=(SshKey(ago(2)),),
    ),
    "key-stale-and-certificate": case(
        "unknown", f"{K1}=stale {CERT}=unknown", K1, keys=(key(200),), certificates=(Certificate(),)
    ),
    # Users whom the report does not know.
    "created-after-the-report": case(
        "new", "password=unknown", created=ago(0, 60), password=password(None), in_report=False
    ),
    "missing-from-the-report-89-days-old": case(
        "new", "password=unknown", created=ago(89), keys=(key(None, 5),), in_report=False
    ),
    "missing-from-the-report-90-days-old": case(
        "unknown", "password=unknown", created=ago(90), keys=(key(200),), in_report=False
    ),
    "missing-from-the-report-but-listed-in-use": case(
        "unknown", "password=unknown", password=password(1), in_report=False
    ),
    # Names and paths.
    "ops+team=a,b.c@example_x-1.com": case("stale", "password=stale", P, password=password(200)),
    "Mixed.Case": case("never-used", f"{K1}=never-used", K1, keys=(key(None),)),
    "in-a-path": case("stale", "password=stale", P, path="/division_abc/eu-west/", password=password(200)),
    "x" * 64: case("stale", "password=stale", P, password=password(200)),
    # Exemptions; EXEMPTIONS names the first seven.
    "exempt-by-file": case("exempt", "password=stale", P, shipped="stale", password=password(200)),
    "exempt-by-glob-7": case("exempt", f"{K1}=never-used", K1, shipped="never-used", keys=(key(None),)),
    "exempt-by-id": case("exempt", "password=stale", P, shipped="stale", password=password(200)),
    "exempt-without-credentials": case("exempt", shipped="no-credentials"),
    "exempt-but-active": case("exempt", "password=active", shipped="active", password=password(1)),
    "exemption-expired-this-minute": case("stale", "password=stale", P, password=password(200)),
    "exempt-in-another-account": case("stale", "password=stale", P, password=password(200)),
    "exempt-by-tag": case(
        "exempt", "password=stale", password=password(200), tags={"c7n-unused-exempt": "SEC-114"}
    ),
    "exempt-by-empty-tag": case(
        "exempt", "password=stale", password=password(200), tags={"c7n-unused-exempt": ""}
    ),
    "exemption-expired-tag-in-force": case(
        "exempt", "password=stale", password=password(200), tags={"c7n-unused-exempt": "x"}
    ),
    # Credentials that we switched on again.
}

#: Users (globs; {id} is the id of exempt-by-id) with the end of their exemption.
EXEMPTIONS = {
    "exempt-by-file": "2026-06-15",
    "exempt-by-glob-*": "2026-06-15",
    "{id}": "2026-06-15",
    "exempt-without-credentials": "2026-06-15",
    "exempt-but-active": "2026-06-15",
    "exemption-expired-this-minute": "2026-06-15T12:00:00Z",
    "exemption-expired-tag-in-force": "2026-06-14",
}
