from __future__ import annotations

from typing import Any

import pytest

from custom_filters.sandbox import Sandbox, Settings
from custom_filters.sandbox.aws.people import Person, days
from tests.sandbox.aws.conftest import NOW, Code


def test_the_hook_sees_each_request_before_and_after(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.aws.add(Person("a"))
    seen: list[tuple[Any, ...]] = []
    tags = sandbox.aws.account().tags
    user = sandbox.aws.user("a")
    sandbox.on_request = lambda *told: seen.append((*told, len(tags(user))))
    iam.tag_user(UserName="a", Tags=[{"Key": "k", "Value": "v"}])
    iam.get_user(UserName="a")
    assert seen == [
        ("aws", "TagUser", "before", True, 0),
        ("aws", "TagUser", "after", True, 1),
        ("aws", "GetUser", "before", False, 1),
        ("aws", "GetUser", "after", False, 1),
    ]
    del seen[:]
    assert code(iam.untag_user, UserName="nobody", TagKeys=["k"])[0] == "NoSuchEntity"
    assert [told[2] for told in seen] == ["before"]


def test_a_later_page_can_fail(sandbox: Sandbox, iam: Any, code: Code) -> None:
    sandbox.aws.add(Person("a"), Person("b"))
    sandbox.faults["error"] = "ListUsers@next"
    marker = iam.list_users(MaxItems=1)["Marker"]
    assert code(iam.list_users, Marker=marker) == ("ServiceFailure", 500)


def test_one_account_can_be_denied(sandbox: Sandbox, client: Any, iam: Any, code: Code) -> None:
    other = "111122223333"
    sandbox.aws.add(Person("theirs"), account_id=other)
    given = client("sts").assume_role(RoleArn=f"arn:aws:iam::{other}:role/x", RoleSessionName="me")[
        "Credentials"
    ]
    session = {
        **sandbox.environment,
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    theirs = client("iam", session)
    assert [user["UserName"] for user in theirs.list_users()["Users"]] == ["theirs"]
    sandbox.faults["deny"] = f"*@{other}"
    assert code(theirs.list_users) == ("AccessDenied", 403)
    assert iam.list_users()["Users"] == []


def test_dates_that_moto_writes_follow_the_clock(sandbox: Sandbox, iam: Any) -> None:
    sandbox.clock.advance(days(14))
    made = iam.create_user(UserName="a")["User"]["CreateDate"]
    key = iam.create_access_key(UserName="a")["AccessKey"]["CreateDate"]
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["CreateDate"]
    assert all(NOW + days(14) <= date < NOW + days(15) for date in (made, key, role))


def test_what_the_sandbox_lacks_is_a_clear_error(client: Any, code: Code) -> None:
    assert code(client("iam").list_organizations_features) == ("InvalidAction", 400)


def test_an_account_is_emulated_once_and_is_gone_afterwards() -> None:
    with Sandbox(Settings(users=0)) as first:
        first.aws.add(Person("a"))
        with pytest.raises(RuntimeError, match="emulated by another sandbox"), Sandbox(Settings(users=0)):
            pass
        with Sandbox(Settings(users=0, seed=8)) as other:
            assert not other.aws.account().users()
    with Sandbox(Settings(users=0)) as again:
        assert not again.aws.account().users()
