"""Foreign hands: what somebody else does to a user meanwhile, not counted, not hooked, met by no fault.

`cloud.hand("disable-key", "sam")`, or any action of IAM, with its parameters: `cloud.hand("UntagUser", "sam",
TagKeys=["k"])`. What is written lags as all writes do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from custom_filters.sandbox.aws.account import Account
from custom_filters.sandbox.aws.activity import sign_in, use_key, use_role
from custom_filters.sandbox.aws.lag import remember
from custom_filters.sandbox.aws.people import REGION, Person
from custom_filters.sandbox.aws.seeding import add_person

STATUS = {"enable-key": "Active", "disable-key": "Inactive"}


def act(account: Account, client: Any, hand: str, who: str, **more: Any) -> None:
    """Does it, with an IAM `client` where it is an action; KeyError for a hand or user that there is not."""
    there = {*account.backend.users, *(role.name for role in account.backend.roles.values())}
    if hand in client.meta.service_model.operation_names and who in there:
        client._make_api_call(hand, {"RoleName" if "Role" in hand else "UserName": who, **more})
    elif hand in STATUS:
        for key in [more["key"]] if "key" in more else _keys(account, who):
            given = {"UserName": who, "AccessKeyId": key, "Status": STATUS[hand]}
            client._make_api_call("UpdateAccessKey", given)
    elif hand in DIRECT:
        DIRECT[hand](account, who, **more)
    else:
        raise KeyError(f"{hand} of {who}")


def _keys(account: Account, who: str) -> list[str]:
    return [key.access_key_id for key in account.backend.users[who].access_keys]


def _delete(account: Account, who: str) -> None:
    remember(account, {"UserName": who})
    user = account.backend.users.pop(who)
    for key in user.access_keys:
        account.backend.access_keys.pop(key.access_key_id, None)
    for group in account.backend.groups.values():
        group.users = [one for one in group.users if one is not user]
    account.backend.tagger.delete_all_tags_for_resource(user.arn)


def _recreate(account: Account, who: str, person: Person | None = None) -> None:
    """Deletes the user, and makes another one of the same name, with the tags of the first."""
    tags = {tag["Key"]: tag["Value"] for tag in account.tags(account.backend.users[who])}
    _delete(account, who)
    user = add_person(account, person or Person(who, created=account.clock.now(), tags=tags))
    user.id = account.identifier("AIDA", "again", who, account.clock.now(), length=21)


def _use(
    account: Account, who: str, key: str | None = None, service: str = "s3", region: str = REGION
) -> None:
    for one in [key] if key else _keys(account, who):
        use_key(account, one, service, region)


#: hand -> what is done to the account itself: IAM has no single call for it.
DIRECT: Mapping[str, Callable[..., None]] = {
    "delete": _delete,
    "recreate": _recreate,
    "sign-in": sign_in,
    "use-key": _use,
    "use-role": use_role,
}
