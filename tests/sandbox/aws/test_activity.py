from __future__ import annotations

from typing import Any

import pytest

from custom_filters.sandbox import Sandbox
from custom_filters.sandbox.aws.people import Key, Password, Person, SshKey, days
from tests.sandbox.aws.conftest import NOW


def test_a_user_who_signs_in_is_seen_at_once_but_not_in_a_report_that_is_there(
    sandbox: Sandbox, iam: Any, client: Any
) -> None:
    sandbox.aws.add(Person("a", password=Password(used=days(100))))
    iam.generate_credential_report()
    sandbox.clock.advance(days(0.01))
    before = iam.get_credential_report()["Content"]
    sandbox.aws.sign_in("a")
    assert iam.get_user(UserName="a")["User"]["PasswordLastUsed"] > NOW
    assert iam.get_credential_report()["Content"] == before
    assert client("cloudtrail").lookup_events()["Events"][0]["EventName"] == "ConsoleLogin"


def test_a_key_that_is_used_is_seen_at_once(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.add(Person("a", keys=(Key(used=days(100)),)))
    (key,) = sandbox.aws.snapshot()["a"]["keys"]
    sandbox.aws.use_key(key, "ec2")
    last = iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]
    assert last["LastUsedDate"] >= NOW
    assert last["ServiceName"] == "ec2"
    with pytest.raises(KeyError):
        sandbox.aws.use_key("AKIA")


def test_a_snapshot_shows_what_changed(sandbox: Sandbox, iam: Any) -> None:
    sandbox.aws.add(Person("a", password=Password(), keys=(Key(),), ssh_keys=(SshKey(),), tags={"k": "v"}))
    before = sandbox.aws.snapshot()["a"]
    (key,) = before["keys"]
    iam.update_access_key(UserName="a", AccessKeyId=key, Status="Inactive")
    iam.delete_login_profile(UserName="a")
    after = sandbox.aws.snapshot()["a"]
    assert {name for name in before if before[name] != after[name]} == {"password", "keys"}
    assert after["keys"] == {key: "Inactive"}
